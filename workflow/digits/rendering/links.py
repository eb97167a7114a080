"""What stands under a figure or a table of the page: a permanent link, the file behind it, and how to cite it.

With JavaScript the files can be saved from the page itself: template/links.js takes them from what is in it anyway.
"""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from IPython.display import HTML, display


class Source(NamedTuple):
    """Where a figure or table comes from: its name in links, the files behind it below results/, and the whole's citation."""

    name: str
    files: Sequence[str]
    citation: str


def links(kind: str, source: Source) -> str:
    """Return the line of links; `kind` is fig or tab, and with the name the anchor that they lead to."""
    anchor = f"{kind}-{source.name}"
    word = {"fig": "figure", "tab": "table"}[kind]
    # A table that is made of other files than tables is saved as it stands here.
    saved = source.files if kind == "fig" or source.files[0].endswith(".csv") else [f"{source.name}.csv"]
    offered = "".join(
        f' <a hidden download="{html.escape(Path(file).name)}" data-file="{html.escape(file)}">'
        f'{Path(file).suffix[1:].upper()}<span class="unseen"> of {word} {html.escape(source.name)}</span></a>'
        for file in saved
    )
    files = " and ".join(f"results/{file}" for file in source.files)
    return (
        f'<div class="links"><a href="#{html.escape(anchor)}">Link<span class="unseen"> to {word} '
        f"{html.escape(source.name)}</span></a>{offered} <details><summary>Cite</summary>"
        f"{html.escape(source.citation)} {word.capitalize()} “{html.escape(source.name)}” ({html.escape(files)}).</details></div>"
    )


def cited(citation: Mapping[str, Any]) -> str:
    """Return how to cite the whole, from the fields of CITATION.cff."""
    who = _names(citation["authors"])
    return f"{who} ({citation['year']}). {citation['title']} (version {citation['version']})."


def made_with(citation: Mapping[str, Any]) -> str:
    """Return the same for a report that is not about what the title says: who, when, and the name that the title opens with."""
    return cited({**citation, "title": citation["title"].partition(":")[0]})


def works(citation: Mapping[str, Any]) -> list[str]:
    """Return the works that CITATION.cff refers to, each in Markdown with its DOI."""
    return [
        f"{_names(work['authors'])} {work['year']}: {work['title']}. [doi:{work['doi']}](https://doi.org/{work['doi']})"
        for work in citation["references"]
    ]


def files_data(files: Mapping[str, Path]) -> None:
    """Put text files into the page, by their names below results/, for its links."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    text = json.dumps(texts, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    display(HTML(f'<script type="application/json" id="files">{text}</script>'))


def _names(authors: Sequence[Mapping[str, str]]) -> str:
    names = [author.get("family-names") or author["name"] for author in authors]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
