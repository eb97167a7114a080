"""The parts of the report's page that answer questions: what of them is there without JavaScript, and the data for it.

What they do is in workflow/notebooks/template/*.js; `explorer` is what `digits.explore` wrote.
"""

import html
import json
from collections.abc import Mapping
from typing import Any

from IPython.display import HTML, display

from digits.data.form import CENTRED, INK, PICTURE
from digits.rendering.kinds import labels_of

PAD = 280  # pixels of the drawing area's longer side
LISTED = 12  # classes; of more, the likeliest are shown
FITS = {
    "pad": "as a whole; if its proportions differ, the rest takes the colour of its edge",
    "crop": "only its middle, if its proportions differ",
    "stretch": "stretched, if its proportions differ",
}


def what_to_try(explorer: Mapping[str, Any], fit: str) -> tuple[str, str]:
    """Return heading and introduction, in Markdown, of what `drawing` shows."""
    height, width = explorer["shape"]
    form, size = explorer["form"], f"{height}×{width}"
    says, their = (
        ("the network below says", "its") if len(explorer["networks"]) == 1 else ("each network below says", "their")
    )
    stays = f"This page holds {their} weights and computes with them as you {{}}; nothing leaves it."
    if form == CENTRED:
        return "Draw one yourself", (
            f"Draw something: at each stroke, {says} what it takes it for. {stays.format('draw')} Your drawing "
            f"is first brought into the form of the images: scaled to fit {round(20 * height / 28)}×{round(20 * width / 28)} of the "
            f"{size} pixels, with its centre of mass in the middle."
        )
    image = f"An image of your own is scaled to {size} pixels ({FITS[fit]})"
    if form == INK:
        return "Try it yourself", (
            f"Draw something, or choose an image: {says} what it takes it for. "
            f"{stays.format('draw')} A drawing is scaled to the images' {size} pixels. {image}, made grey, and inverted if its "
            "background is light, as the images have a black one."
        )
    made = "" if explorer["channels"] == 3 else " and made grey"
    return "Try it yourself", (
        f"Choose an image: {says} what it takes it for. {stays.format('choose')} {image}{made}, as the images were."
    )


def drawing(explorer: Mapping[str, Any], fit: str) -> None:
    """Show an area to draw on, or to drop an image on, and each network's answer, which needs JavaScript.

    Nothing if there is no network. `fit` says how an image of other proportions is scaled.
    """
    if explorer["networks"]:
        display(HTML(drawing_html(explorer, fit)))


def drawing_html(explorer: Mapping[str, Any], fit: str = "pad") -> str:
    """Return what `drawing` shows."""
    networks, form = explorer["networks"], explorer["form"]
    height, width = explorer["shape"]
    wide, high = (max(1, round(PAD * side / max(height, width))) for side in (width, height))
    pad = (
        f'<canvas id="pad" width="{wide}" height="{high}" role="img" aria-label="Area to draw on, with mouse, finger or stylus. '
        'From the keyboard, choose an image below."></canvas>'
    )
    drop = (
        f'<label class="drop" data-fit="{fit}"><span class="button">Choose an image</span> <span>or drop one here</span>'
        '<input type="file" accept="image/*"></label>'
    )
    drawn, seen = ("Nothing is drawn.", "drawing") if form == CENTRED else ("Nothing is chosen.", "image")
    answers = "".join(_answer(network, explorer) for network in networks)
    options = "".join(f"<option>{html.escape(network['model'])}</option>" for network in reversed(networks))
    return (
        "<noscript><p>Drawing needs JavaScript, which is switched off.</p></noscript>"
        '<div id="drawing" hidden><div class="paper">'
        f"{pad if form != PICTURE else ''}{drop if form != CENTRED else ''}"
        f'<div><canvas id="seen" width="{width}" height="{height}" role="img" aria-label="What the networks see: the {seen} '
        f'in {height} × {width} pixels"></canvas><p class="small">What the networks see: {height} × {width} pixels</p>'
        '<button type="button" id="clear">Clear</button></div></div>'
        f'<div class="answers">{answers}</div><p role="status">{drawn}</p>'
        '<p id="examples">Or choose a test image:</p><ul class="examples" aria-labelledby="examples"></ul>'
        '<details class="inside"><summary>What a network makes of it: layer by layer, and which parts matter</summary>'
        f'<p><label>Network <select>{options}</select></label></p><figure class="parts" hidden>'
        '<canvas role="img" aria-label="Which parts matter"></canvas><figcaption></figcaption>'
        '<p class="scale"><span></span><span class="ramp" aria-hidden="true"></span><span></span></p></figure>'
        '<div class="layers"></div></details></div>'
    )


def _answer(network: Mapping[str, Any], explorer: Mapping[str, Any]) -> str:
    """The bars of a network, and what they are."""
    bars = "".join(
        f'<tr><th scope="row" title="{html.escape(name)}">{html.escape(name)}</th>'
        '<td class="bar" aria-hidden="true"><span></span></td><td class="share"></td></tr>'
        for name in explorer["classes"][:LISTED]
    )
    kind = "bars sigmoids" if network["sigmoids"] else "bars"
    return (
        f'<div class="answer"><table class="{kind}"><caption><strong>{html.escape(network["model"])}</strong> '
        f'<span class="says"></span></caption><tbody>{bars}</tbody></table>'
        f'<p class="small">{html.escape(_what_bars_are(network, explorer))}</p></div>'
    )


def _what_bars_are(network: Mapping[str, Any], explorer: Mapping[str, Any]) -> str:
    found = [m for m in explorer["models"] if (m["name"], m["seed"]) == (network["model"], network["seed"])]
    images = len(labels_of(explorer))
    if network["sigmoids"]:
        text = "One yes-or-no output per class, yes from 50 %; these are not probabilities."
        if network["none"] is not None:
            text += f" All are no for {network['none']:,} of {images:,} test images."
    else:
        calibrated = any(model["temperature"] for model in found)
        text = f"Probabilities, {'' if calibrated else 'not '}calibrated."
    if network["half"]:
        text += f" Weights rounded to half precision, which changes {network['changed']:,} of {images:,} predictions."
    return text


def data(explorer: Mapping[str, Any]) -> None:
    """Put the data into the page, for its scripts; no text in it can end the element that holds it."""
    text = json.dumps(explorer, separators=(",", ":")).replace("<", "\\u003c")
    display(HTML(f'<script type="application/json" id="explorer">{text}</script>'))
