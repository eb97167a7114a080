"""The parts of the report's page that answer questions: what of them is there without JavaScript, and the data for it.

What they do is in workflow/notebooks/template/*.js; `explorer` is what `digits.explore` wrote.
"""

import base64
import html
import json
from collections.abc import Mapping
from typing import Any

from IPython.display import HTML, display

PAD = 280  # pixels of the drawing area's side


def drawing(explorer: Mapping[str, Any]) -> None:
    """Show an area to draw on and each network's answer, which needs JavaScript; nothing if there is no network."""
    if explorer["networks"]:
        display(HTML(drawing_html(explorer)))


def drawing_html(explorer: Mapping[str, Any]) -> str:
    """Return what `drawing` shows."""
    networks = explorer["networks"]
    side = explorer["shape"][0]
    answers = "".join(_answer(network, explorer) for network in networks)
    options = "".join(f"<option>{html.escape(network['model'])}</option>" for network in reversed(networks))
    return (
        "<noscript><p>Drawing needs JavaScript, which is switched off.</p></noscript>"
        '<div id="drawing" hidden><div class="paper">'
        f'<canvas id="pad" width="{PAD}" height="{PAD}" role="img" aria-label="Area to draw on, with mouse, finger or pen. '
        'From the keyboard, choose an image below."></canvas>'
        f'<div><canvas id="seen" width="{side}" height="{side}" role="img" aria-label="What the networks see: the drawing '
        f'in {side} × {side} pixels"></canvas><p class="small">What the networks see: {side} × {side} pixels</p>'
        '<button type="button" id="clear">Clear</button></div></div>'
        f'<div class="answers">{answers}</div><p role="status">Nothing is drawn.</p>'
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
        for name in explorer["classes"]
    )
    kind = "bars sigmoids" if network["sigmoids"] else "bars"
    return (
        f'<div class="answer"><table class="{kind}"><caption><strong>{html.escape(network["model"])}</strong> '
        f'<span class="says"></span></caption><tbody>{bars}</tbody></table>'
        f'<p class="small">{html.escape(_what_bars_are(network, explorer))}</p></div>'
    )


def _what_bars_are(network: Mapping[str, Any], explorer: Mapping[str, Any]) -> str:
    found = [m for m in explorer["models"] if (m["name"], m["seed"]) == (network["model"], network["seed"])]
    images = len(base64.b64decode(explorer["labels"]))
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
