"""What the report's notebook shows: numbers, tables and figures as pieces of a self-contained page."""

import base64
import html
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from IPython.display import HTML, Markdown, display

from digits.rendering.links import Source, links
from digits.rendering.percentages import in_percent

PLAIN = '!"$*,/:;=?@[]{}|<>'  # what may stand as it is in a data URL between single quotes
MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}
HORIZONTAL = 3  # letters of a narrow column's heading, at most, that lie as usual
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
SIGNS, CONTROLS = re.compile(r"[!-%'-/:-@\[-`{-~]"), re.compile(r"[\x00-\x1f\x7f]+")
NUMBER = re.compile(r"(?:< )?([+-]?\d[\d,]*(?:\.\d+)?)(?: × 10(-?\d+))?(?!\w)")


def percent(share: float, digits: int = 2) -> str:
    """Write 0.9752 as '97.52 %'; an em dash where there is no number."""
    return "—" if pd.isna(share) else in_percent(share, digits)


def interval(low: float, high: float, digits: int = 2) -> str:
    """Write an interval of fractions as '97.20 to 97.81 %'; an em dash where there is none."""
    return "—" if pd.isna(low) else f"{100 * low:.{digits}f} to {in_percent(high, digits)}"


def times(number: float, unit: float) -> str:
    """Write a number as a multiple of a unit: '1×', '3.2×', '1,200×'; an em dash where there is none."""
    if pd.isna(number):
        return "—"
    ratio = number / unit
    return f"{ratio:,.0f}×" if ratio >= 9.95 or abs(ratio - 1) < 0.005 else f"{ratio:.1f}×"


def points(difference: float, low: float, high: float) -> str:
    """Write a difference of fractions in points, with its interval if it has one: '+0.35 (0.10 to 0.60)'."""
    if pd.isna(difference):
        return "—"
    ends = "" if pd.isna(low) else f" ({100 * low:.2f} to {100 * high:.2f})"
    return f"{100 * difference:+.2f}{ends}".replace("-", "−")


def p_value(value: float) -> str:
    """Write a p-value with two digits, and none that nobody can tell from 0; an em dash where there is none."""
    return "—" if pd.isna(value) else "< 0.001" if value < 0.001 else f"{value:.2g}"


def temperature(value: float) -> str:
    """Write a temperature with two decimals; one that is so high that scores mean nothing has no size (`fit_temperature`'s bound)."""
    return f"{value:.2f}" if value <= 1000 else "> 1,000"


def power_of_ten(number: float) -> str:
    """Write a large number as '2.1 × 10¹²'; an em dash where there is none."""
    if pd.isna(number):
        return "—"
    digits, exponent = f"{number:.1e}".split("e")
    return f"{digits} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def sort_key(shown: str) -> float | None:
    """Return the number that a text of this page opens with, as the functions above write it; None where it has none."""
    found = NUMBER.match(shown.translate(DIGITS))
    return None if found is None else float(found[1].replace(",", "")) * 10.0 ** int(found[2] or 0)


def text(markdown: str, kind: str = "") -> None:
    """Show Markdown, set as `kind` is: lead, or on-screen. Whatever is data in it must be `escaped`, or `code`."""
    display(Markdown(markdown), metadata={"kind": kind} if kind else None)


def escaped(data: object) -> str:
    """Return a text as Markdown that shows it as it is, whatever its signs mean elsewhere."""
    return SIGNS.sub(r"\\\g<0>", CONTROLS.sub(" ", str(data))).replace("&", "&amp;")


def code(data: str) -> str:
    """Return a text as Markdown that shows it as code."""
    fence = "`" * (1 + max(map(len, re.findall("`+", data)), default=0))
    return f"{fence} {data} {fence}" if "`" in data else f"{fence}{data}{fence}"


def figure(
    path: Path,
    alternative: str,
    caption: str,
    narrow: Path | bool = False,
    source: Source | None = None,
) -> None:
    """Show an image file within the page, with a text for those who cannot see it and a caption for all.

    A picture of pixels stands on a light card. What is wider than the screen scrolls by itself, also by keyboard, unless
    it is `narrow`, drawn to be read on a small screen, or a file that is takes its place there. Below are links to its source.
    """
    picture = f"<img src='{_data(path)}' alt=\"{html.escape(alternative)}\">"
    if isinstance(narrow, Path):
        small = f"<source media='screen and (max-width: 44rem)' srcset='{_data(narrow)}'>"
        picture = f"<picture>{small}{picture}</picture>"
    label = html.escape(f"Figure: {caption.partition('. ')[0].rstrip('.')}")
    kind = f"picture {path.suffix[1:]}{' narrow' if narrow else ''}"
    box = f'<div class="{kind}" tabindex="0" role="group" aria-label="{label}">{picture}</div>'
    below = links("fig", source) if source else ""
    anchor = f' id="fig-{html.escape(source.name)}"' if source else ""
    display(HTML(f"<figure{anchor}>{box}<figcaption>{html.escape(caption)}</figcaption>{below}</figure>"))


def _data(path: Path) -> str:
    """Return a file as a data URL, for an attribute in single quotes; an SVG as text, which takes less room than base64."""
    media, content = MEDIA[path.suffix], path.read_bytes()
    if path.suffix != ".svg":
        return f"data:{media};base64,{base64.b64encode(content).decode()}"
    return f"data:{media};charset=utf-8,{urllib.parse.quote(content.decode().replace(chr(10), ' '), safe=PLAIN)}"


def table(
    frame: pd.DataFrame,
    caption: str,
    emphasised: Mapping[int, bool] | None = None,
    words: Sequence[str] = (),
    source: Source | None = None,
) -> None:
    """Show a table of texts and whole numbers, its first column as row headings; emphasised rows stand out.

    Below it are links to its source, if that is given.

    Columns of `words` are set like text: from the left, on as many lines as they need. With JavaScript a reader can sort
    by any column: by its numbers where it has some in all its rows that are not empty (—).
    """
    shown = [
        [f"{value:,}" if isinstance(value, int) else str(value) for value in row] for row in frame.to_numpy(object)
    ]
    keys = [_sort_attributes(list(column)) for column in zip(*shown, strict=True)]
    kinds = [' class="words"' if name in words else "" for name in frame.columns]
    names = zip(kinds, frame.columns, strict=True)
    head = "".join(f'<th scope="col"{kind}>{html.escape(str(name))}</th>' for kind, name in names)
    body = []
    for i, row in enumerate(shown):
        first, *rest = (
            f"{kind}{column[i]}>{html.escape(value)}" for kind, column, value in zip(kinds, keys, row, strict=True)
        )
        cells = f'<th scope="row"{first}</th>' + "".join(f"<td{cell}</td>" for cell in rest)
        body.append(f'<tr class="chosen">{cells}</tr>' if emphasised and emphasised.get(i) else f"<tr>{cells}</tr>")
    sortable = ' class="sortable"' if len(shown) > 1 else ""
    display(
        HTML(
            f'<div class="table"{f" id={chr(34)}tab-{source.name}{chr(34)}" if source else ""} tabindex="0" role="region" '
            f'aria-label="{html.escape(caption.partition(". ")[0])}">'
            f"<table{sortable}><caption>{html.escape(caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
            + (links("tab", source) if source else "")
        )
    )


def _sort_attributes(column: Sequence[str]) -> list[str]:
    """Return the attribute that each cell of a column is sorted by; none where it is sorted by its text."""
    numbers = [sort_key(shown) for shown in column]
    if set(numbers) == {None} or any(
        number is None and shown != "—" for number, shown in zip(numbers, column, strict=True)
    ):
        return [""] * len(column)
    return [f' data-sort="{"" if number is None else f"{number:g}"}"' for number in numbers]


def turned(names: Sequence[str]) -> str:
    """Return the class of a table with a narrow column for each of the names: "turned" where they have to stand upright."""
    return "turned" if max(map(len, names)) > HORIZONTAL else ""


def folded(title: str, content: str) -> None:
    """Show a long text, as it is, behind a line to open."""
    name = html.escape(title)
    box = f'<pre tabindex="0" role="region" aria-label="{name}">{html.escape(content)}</pre>'
    display(HTML(f"<details><summary>{name}</summary>{box}</details>"))
