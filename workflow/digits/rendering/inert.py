"""What keeps the page inert: Markdown that holds no HTML, and a last look at the elements of the page."""

import html
from collections.abc import Collection
from html.parser import HTMLParser

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

# What opens another page, loads one into this, or sends something away.
FORBIDDEN = {"applet", "base", "embed", "form", "frame", "frameset", "iframe", "link", "object", "portal"}
LINKS = ("#", "http://", "https://", "mailto:")
ADDRESSES = ("src", "srcset", "xlink:href", "action", "formaction", "background", "poster", "ping")


class _Renderer(IPythonRenderer):
    """Markdown in which HTML is shown as it is written, links run no code, and images are their alternative text."""

    def text(self, text: str) -> str:
        return html.escape(html.unescape(text))  # &amp; is Markdown, too

    def block_code(self, code: str, info: str | None = None) -> str:
        return (
            f"<pre><code>{html.escape(code)}</code></pre>\n"  # that of a language would be taken for HTML, or coloured
        )

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        return f"<th>{text}</th>" if head else f"<td>{text}</td>"  # the page's own style aligns them

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return text


def markdown_to_html(source: str) -> str:
    """Return a text in Markdown as HTML that holds none of the text's own."""
    renderer = _Renderer(escape=True, allow_harmful_protocols=False)
    return str(MarkdownWithMath(renderer=renderer).render(source))


class _Elements(HTMLParser):
    """The faults of a page, as its elements come."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}  # those that a browser runs or applies
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag in FORBIDDEN:
            self.faults.append(f"<{tag}>")
        if tag == "meta" and found.get("http-equiv", "Content-Security-Policy") != "Content-Security-Policy":
            self.faults.append(f"<meta http-equiv={found['http-equiv']}>")
        self.faults += [f"<{tag} {name}>" for name in found if name == "style" or name.startswith("on")]
        self.faults += [
            f"<{tag} {name}={value[:40]}>"
            for name, value in found.items()
            if (name in ADDRESSES and not value.startswith("data:")) or (name == "href" and not value.startswith(LINKS))
        ]
        if tag in self.texts and found.get("type") != "application/json":
            self._inside = tag
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside][-1] += data


def require_inert(page: str, scripts: Collection[str], style: str) -> None:
    """Stop, by a mistake of ours, where a page holds a script or style that is not among these, or what leads elsewhere."""
    found = _Elements()
    found.feed(page)
    found.close()
    faults = found.faults + [f"a script: {text[:40]}" for text in found.texts["script"] if text not in scripts]
    faults += [f"a style: {text[:40]}" for text in found.texts["style"] if text != style]
    if faults:
        raise AssertionError(f"the page holds what it must not: {', '.join(faults)}")
