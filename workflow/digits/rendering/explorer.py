"""The parts of the report's page that answer questions: what of them is there without JavaScript, and the data for it.

What they do is in workflow/notebooks/template/*.js; `explorer` is what `digits.explore` wrote.
"""

import html
import json
from collections.abc import Mapping
from typing import Any

from IPython.display import HTML, display

PAD = 280  # pixels of the drawing area's side


def drawing(explorer: Mapping[str, Any]) -> None:
    """Show an area to draw on and a network's prediction, which needs JavaScript; nothing if there is no network."""
    networks = [network["model"] for network in explorer["networks"]]
    if not networks:
        return
    side = explorer["shape"][0]
    bars = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        '<td class="bar" aria-hidden="true"><span></span></td><td class="share"></td></tr>'
        for name in explorer["classes"]
    )
    options = _options(networks, explorer["chosen"] if explorer["chosen"] in networks else networks[0])
    display(
        HTML(
            "<noscript><p>Drawing needs JavaScript, which is switched off. Everything else on this page is there without "
            'it.</p></noscript><div id="drawing" hidden>'
            f'<div class="pad"><canvas id="pad" width="{PAD}" height="{PAD}" role="img" '
            'aria-label="Area to draw on, with mouse, finger or pen. From the keyboard, choose an image below."></canvas>'
            '<p><button type="button" id="clear">Clear</button> '
            f"<label>Network <select>{options}</select></label></p></div>"
            f'<div class="reading"><figure><canvas id="seen" width="{side}" height="{side}" role="img" '
            f'aria-label="What the network sees: the drawing in {side} × {side} pixels"></canvas>'
            f"<figcaption>What the network sees: {side} × {side} pixels</figcaption></figure>"
            f'<table class="bars"><caption>Probability of each class</caption><tbody>{bars}</tbody></table></div>'
            '<p role="status">Nothing is drawn.</p>'
            '<p id="examples">Or choose a test image:</p>'
            '<ul class="examples" aria-labelledby="examples"></ul></div>'
        )
    )


def data(explorer: Mapping[str, Any]) -> None:
    """Put the data into the page, for its scripts; no text in it can end the element that holds it."""
    text = json.dumps(explorer, separators=(",", ":")).replace("<", "\\u003c")
    display(HTML(f'<script type="application/json" id="explorer">{text}</script>'))


def _options(names: list[str], selected: str) -> str:
    return "".join(f"<option{' selected' if name == selected else ''}>{html.escape(name)}</option>" for name in names)
