"""The part of the report's page about mistakes: what of it is there without JavaScript, in words and pictures.

What it does is in workflow/notebooks/template/mistakes.js and map.js; `explorer` is what `digits.explore` wrote.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from IPython.display import HTML, display

from digits.data.form import PICTURE
from digits.rendering.form import MANY
from digits.rendering.kinds import WHOLE, labels_of
from digits.rendering.links import Source, links
from digits.rendering.page import percent, temperature, turned
from digits.rendering.sheet import decode, images_of
from digits.rendering.words import isolated

LEVELS = 5  # shades of the matrix
SHOWN = 24  # images without JavaScript


class Tile(NamedTuple):
    """A test image with what there is to say about it."""

    number: int
    described: str  # for those who do not see it
    lines: Sequence[str]


def browser(explorer: Mapping[str, Any], matrix: Source) -> None:
    """Show the chosen model's confusion matrix and worst mistakes; with JavaScript all mistakes of any model, and a map.

    `matrix` is the source of the confusion matrix.
    """
    display(HTML(browser_html(explorer, matrix)))


def browser_html(explorer: Mapping[str, Any], matrix: Source) -> str:
    """Return what `browser` shows."""
    models = explorer["models"]
    model = next(model for model in models if model["name"] == explorer["chosen"])
    classes = "".join(f"<option>{html.escape(name)}</option>" for name in explorer["classes"])
    options = "".join(
        f'<option data-note="{html.escape(probability_note(m))}"{" selected" if m is model else ""}>'
        f"{html.escape(m['name'])}</option>"
        for m in models
    )
    suspected = '<label><input type="checkbox" name="suspected"> Suspected label errors only</label> '
    tiles = all_mistakes(explorer, model)
    return (
        '<div id="mistakes"><div class="choice" hidden role="group" aria-label="Which mistakes to show">'
        f'<label>Model <select name="model">{options}</select></label> '
        f'<label>True label <select name="true"><option value="">any</option>{classes}</select></label> '
        f'<label>Prediction <select name="read"><option value="">any</option>{classes}</select></label> '
        f"{suspected if explorer['suspected'] else ''}"
        '<button type="button" name="reset">Show all mistakes</button></div>'
        f'<p class="note">{html.escape(probability_note(model))}</p>{_map(explorer, model)}{_matrix(explorer, model, matrix)}'
        f'<p class="found" role="status">{_found(explorer, model, tiles)}</p>{_gallery(explorer, tiles[:SHOWN])}'
        '<p class="choice" hidden><button type="button" name="more">Show more</button></p></div>'
    )


def gallery(explorer: Mapping[str, Any], tiles: Sequence[Tile]) -> None:
    """Show test images, each above its lines."""
    display(HTML(_gallery(explorer, tiles)))


def probability_note(model: Mapping[str, Any]) -> str:
    """Say what the percentages of a model's predictions are."""
    calibrated = (
        "not calibrated: this run has no temperature"
        if model["temperature"] is None
        else f"calibrated on held-out images (temperature {temperature(model['temperature'])})"
    )
    if model["sigmoids"]:
        return (
            f"{model['name']} was trained with a sigmoid for each class, whose outputs are no probabilities. "
            f"Percentages are the softmax of its scores, {calibrated}."
        )
    return f"Percentages are the probability of the prediction, {calibrated}."


def all_mistakes(explorer: Mapping[str, Any], model: Mapping[str, Any]) -> list[Tile]:
    """Return a model's mistakes as the script orders them: those with a picture first, then the most confident."""
    labels, read = labels_of(explorer), labels_of(explorer, model)
    shares = decode(model["shares"], "<u2").astype(int)
    wrong = np.flatnonzero((read != labels) & (shares <= WHOLE))
    pictured = np.isin(wrong, explorer["images"]["numbers"])
    names = [isolated(name) for name in explorer["classes"]]
    return [
        Tile(
            int(number),
            f"Test image no. {number}: {names[labels[number]]} classified as {names[read[number]]}",
            [
                f"{names[labels[number]]} → {names[read[number]]}",
                percent(shares[number] / WHOLE),
                f"no. {number}",
                *(["suspected label error"] if number in explorer["suspected"] else []),
            ],
        )
        for number in wrong[np.lexsort((wrong, -shares[wrong], ~pictured))]
    ]


def _gallery(explorer: Mapping[str, Any], tiles: Sequence[Tile]) -> str:
    height, width = explorer["shape"]
    form = explorer["form"]
    pictures = images_of(explorer["images"], (height, width), [tile.number for tile in tiles], form)

    def item(tile: Tile) -> str:
        picture = (
            f'<img src="{pictures[tile.number]}" width="{width}" height="{height}" alt="{html.escape(tile.described)}">'
            if tile.number in pictures
            else '<span class="absent">no picture</span>'
        )
        return f"<li>{picture}{''.join(f'<span>{html.escape(line)}</span>' for line in tile.lines)}</li>"

    return f'<ul class="digits{" pictures" * (form == PICTURE)}">{"".join(map(item, tiles))}</ul>'


def _found(explorer: Mapping[str, Any], model: Mapping[str, Any], tiles: Sequence[Tile]) -> str:
    """Say what the gallery shows; mistakes.js says it of other choices."""
    count, pictures = len(tiles), set(explorer["images"]["numbers"])
    pictured = sum(tile.number in pictures for tile in tiles)
    parts = [f"{html.escape(model['name'])}, seed {model['seed']}: {count:,} {'mistake' if count == 1 else 'mistakes'}"]
    if pictured < count:
        parts.append(f"{pictured:,} of them with a picture in this page")
    if count > 1:
        parts.append(f"the {SHOWN} most confident shown" if count > SHOWN else "the most confident first")
    return f"{', '.join(parts)}."


def _map(explorer: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    if not explorer["circle"]:
        return ""
    return (
        '<figure class="map choice" hidden><canvas role="img"></canvas>'
        f'<div class="point{" pictures" * (explorer["form"] == PICTURE)}"><p>Point at the map, or tap it, to see an image.</p></div>'
        f"<figcaption>The test images by the predictions of {_title(model)} (RadViz, Hoffman et al. 1997): each class pulls "
        "an image towards its name, by the probability that the model gives it, softened so that differences show. Between two "
        "names, the model hesitates; in the middle, it cannot tell. "
        "Dots are correct predictions, crosses mistakes; what you choose above or in the table stands out.</figcaption></figure>"
    )


def confused(explorer: Mapping[str, Any], model: Mapping[str, Any]) -> list[tuple[int, int, int]]:
    """Return a model's mistakes as how often, true class, predicted class: the most frequent first, then by class."""
    labels, read = labels_of(explorer).astype(int), labels_of(explorer, model).astype(int)
    wrong = (read != labels) & (decode(model["shares"], "<u2") <= WHOLE)
    pairs, counts = np.unique(np.stack([labels[wrong], read[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [(int(count), int(true), int(to)) for count, (true, to) in zip(counts[order], pairs.T[order], strict=True)]


def _pairs(explorer: Mapping[str, Any], model: Mapping[str, Any], source: Source) -> str:
    """What stands in the matrix's place where it would have too many classes."""
    names = [html.escape(isolated(name)) for name in explorer["classes"]]
    body = "".join(
        f'<tr><th scope="row">{names[true]}</th><td>{names[read]}</td><td>{count:,}</td></tr>'
        for count, true, read in confused(explorer, model)[:SHOWN]
    )
    return (
        f'<div class="table" id="tab-{source.name}" role="region" aria-label="Most frequent mistakes" tabindex="0">'
        f'<table class="confusion pairs" data-pairs="{SHOWN}">'
        f"<caption>The most frequent mistakes of {_title(model)}, {SHOWN} at most: test images by true and predicted class."
        '<span class="choice" hidden> Choose a number to see its images.</span></caption>'
        '<thead><tr><th scope="col">true</th><th scope="col">predicted</th><th scope="col">images</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>" + links("tab", source)
    )


def _matrix(explorer: Mapping[str, Any], model: Mapping[str, Any], source: Source) -> str:
    if len(explorer["classes"]) > MANY:
        return _pairs(explorer, model, source)
    classes = [html.escape(name) for name in explorer["classes"]]
    counts = model["confusion"]
    most = max([1, *(n for true, row in enumerate(counts) for read, n in enumerate(row) if true != read)])
    head = "".join(f'<th scope="col">{name}</th>' for name in classes)
    body = "".join(
        f'<tr><th scope="row"><span>{classes[true]}</span></th>'
        + "".join(f'<td data-level="{_level(n, true == read, most)}">{n:,}</td>' for read, n in enumerate(row))
        + "</tr>"
        for true, row in enumerate(counts)
    )
    return (
        f'<div class="table" id="tab-{source.name}" role="region" aria-label="Confusion matrix" tabindex="0">'
        f'<table class="confusion {turned(explorer["classes"])}">'
        f"<caption>Predictions of {_title(model)}: test images by "
        'true class (row) and predicted class (column). Only mistakes are coloured.<span class="choice" hidden> Choose a '
        "number to see its images; arrow keys move between the numbers.</span></caption>"
        f'<thead><tr><th scope="col">true ↓ predicted →</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        + links("tab", source)
    )


def _title(model: Mapping[str, Any]) -> str:
    return f'<span class="model">{html.escape(model["name"])}, seed {model["seed"]}</span>'


def _level(count: int, right: bool, most: int) -> str:
    return "right" if right else str(-(-LEVELS * count // most))
