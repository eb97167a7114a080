"""Reading a page as a browser would find it."""

import html.parser

WITHOUT_CONTENT = ("meta", "img", "br", "hr", "link", "input", "source")


class Page(html.parser.HTMLParser):
    """A page's elements with their attributes, the rows of its tables, and its text by the element it stands in."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text: dict[str, str] = {}
        self.open: list[str] = []  # the elements that are not yet closed, from the outermost
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in WITHOUT_CONTENT:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in WITHOUT_CONTENT, f"<{tag}/> is open to a browser"
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text[self.open[-1]] = self.text.get(self.open[-1], "") + data
            if self.open[-1] in ("td", "th"):
                self.rows[-1][-1] += data
