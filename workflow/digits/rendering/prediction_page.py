"""The page that shows what a network says to images: small, in one file, without scripts."""

import base64
import html
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

PAGE_END = "</main>\n</body>\n</html>\n"
LIKELIEST = 3  # classes shown of each image
THUMBNAIL = 300  # pixels of a picture's longer side, at most

# Bars have styles of their own, so that these cannot be named by a hash.
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --faint: #59636e; --line: #d1d9e0; --ground: #fff; --bar: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --faint: #9aa4af; --line: #3a424b; --ground: #14171a; --bar: #56b4e9; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 46rem; font: 17px/1.5 system-ui, sans-serif; }
body { background: var(--ground); color: var(--ink); }
section { display: grid; grid-template-columns: 11rem 11rem 1fr; gap: 0.5rem 1.5rem; padding: 1.2rem 0; border-top: 1px solid var(--line); }
section { break-inside: avoid; }
@media (max-width: 40rem) { section { grid-template-columns: 1fr 1fr; } ol { grid-column: 1 / -1; } }
h2 { grid-column: 1 / -1; margin: 0 0 0.5rem; font-size: 1.1rem; overflow-wrap: anywhere; }
figure { margin: 0; }
img { display: block; max-width: 100%; max-height: 11rem; border: 1px solid var(--line); }
.seen { width: 8rem; image-rendering: pixelated; }
figcaption { margin-top: 0.3rem; color: var(--faint); font-size: 0.85rem; }
ol { margin: 0; padding: 0; list-style: none; }
li { display: grid; grid-template-columns: minmax(2rem, auto) 1fr 5rem; gap: 0.7rem; align-items: center; overflow-wrap: anywhere; }
li:first-child { font-weight: 600; }
.problem { grid-column: 1 / -1; margin: 0; }
.note { grid-column: 1 / -1; margin: 0; padding-left: 0.6rem; border-left: 4px solid #e69f00; }
.whole { grid-column: 1 / -1; }
.read { grid-column: 1 / -1; margin: 0; font-size: 1.6rem; overflow-wrap: anywhere; }
.signs { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 1rem; }
.signs figure { width: 6rem; }
.signs .seen { width: 4rem; }
.bar { height: 0.8rem; background: var(--bar); }
.share { text-align: right; font-variant-numeric: tabular-nums; }
"""


class Prediction(NamedTuple):
    """What a network says to one image, or why it says nothing."""

    name: str
    picture: str = ""  # as it was given, as an address
    seen: np.ndarray | None = None  # uint8 [height, width] or [3, height, width], as the network takes it
    problem: str = ""  # what is wrong with the file, which then has no more than its name
    probabilities: np.ndarray | None = None  # float64, one a class
    note: str = ""  # why to doubt the answer
    box: tuple[int, int, int, int] | None = None  # left, top, width and height of one of several in the picture

    def answer(self, classes: Sequence[str]) -> str:
        """Return the class that the network finds likeliest; nothing where it was not asked."""
        return "" if self.probabilities is None else classes[int(self.probabilities.argmax())]

    def share(self) -> float:
        """Return the probability that the network gives to it."""
        return 0.0 if self.probabilities is None else float(self.probabilities.max())


def page_top(title: str, about: str) -> str:
    """Return the page up to the first image's section."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{html.escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{html.escape(title)}</h1>
<p>{html.escape(about)}</p>
"""


def thumbnail(picture: Image.Image) -> str:
    """Return an image, scaled down to THUMBNAIL, as an address that holds it; the image itself is changed."""
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    return _source(picture)


def section(predictions: Sequence[Prediction], classes: Sequence[str]) -> str:
    """Return a section of the page: a file's image as given and as the network saw it, and the classes it finds likeliest.

    Of several in one image: the image with their boxes, what was read, and each with its answer.
    """
    first = predictions[0]
    name = html.escape(first.name)
    if first.probabilities is None:
        content = f'<p class="problem">Not classified: {html.escape(first.problem)}.</p>\n'
    elif first.box is None:
        content = _single(first, name, classes)
    else:
        content = _several(predictions, name, classes)
    return f"<section>\n<h2>{name}</h2>\n{content}</section>\n"


def _single(prediction: Prediction, name: str, classes: Sequence[str]) -> str:
    assert prediction.seen is not None and prediction.probabilities is not None  # noqa: S101
    height, width = prediction.seen.shape[-2:]
    probabilities = prediction.probabilities
    bars = "".join(
        f"<li><span>{html.escape(classes[number])}</span>"
        f'<span class="bar" style="width: {100 * probabilities[number]:.1f}%"></span>'
        f'<span class="share">{100 * probabilities[number]:.1f}\u202f%</span></li>'
        for number in np.argsort(-probabilities, kind="stable")[:LIKELIEST]
    )
    return f"""<figure><img src="{prediction.picture}" alt="{name}, as it was given">
<figcaption>as given</figcaption></figure>
<figure><img class="seen" src="{_seen(prediction)}" alt="{name}, as the network saw it">
<figcaption>as the network saw it, {width}×{height} pixels</figcaption></figure>
<ol aria-label="The likeliest classes of {name}">{bars}</ol>
{_note(prediction)}"""


def _several(predictions: Sequence[Prediction], name: str, classes: Sequence[str]) -> str:
    answers = [html.escape(prediction.answer(classes)) for prediction in predictions]
    signs = "".join(
        f'<figure><img class="seen" src="{_seen(prediction)}" alt="{answer}, as the network saw it">'
        f"<figcaption>{answer}, {100 * prediction.share():.1f}\u202f%</figcaption>{_note(prediction)}</figure>\n"
        for answer, prediction in zip(answers, predictions, strict=True)
    )
    return f"""<figure class="whole"><img src="{predictions[0].picture}" alt="{name}, with a box around each of {len(answers)}">
<figcaption>as given, {len(answers)} cut apart</figcaption></figure>
<p class="read">{" ".join(answers)}</p>
<div class="signs">
{signs}</div>
"""


def _note(prediction: Prediction) -> str:
    return f'<p class="note">{html.escape(prediction.note)}</p>\n' if prediction.note else ""


def _seen(prediction: Prediction) -> str:
    assert prediction.seen is not None  # noqa: S101
    coloured = prediction.seen.ndim > 2
    return _source(Image.fromarray(prediction.seen.transpose(1, 2, 0) if coloured else prediction.seen))


def _source(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
