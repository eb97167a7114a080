"""The page's table of contents, made from its headings."""

import html
import re

HEADING = re.compile(r'<h([23]) id="([^"]+)">(.*?)</h\1>', re.DOTALL)


def contents(page: str) -> str:
    """Return a list of links to the headings of a page: those of the second order, and below each those of the third."""
    items: list[tuple[str, list[str]]] = []
    for order, anchor, heading in HEADING.findall(page):
        text = re.sub("<[^>]+>", "", heading).strip()
        link = f'<a href="#{html.escape(anchor)}">{text}</a>'
        if order == "2" or not items:
            items.append((link, []))
        else:
            items[-1][1].append(link)
    lines = [f"<li>{link}{_list(below)}</li>" for link, below in items]
    return f"<ol>{''.join(lines)}</ol>"


def _list(links: list[str]) -> str:
    return f"<ol>{''.join(f'<li>{link}</li>' for link in links)}</ol>" if links else ""
