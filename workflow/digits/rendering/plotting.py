"""One style for all figures, and figure files whose bytes depend on nothing but what they show."""

import itertools
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, fontManager, get_font
from PIL import Image

from digits.core.files import whole_files
from digits.core.tables import to_csv
from digits.data.form import PICTURE
from digits.rendering.form import last_axis

# Okabe and Ito's colours, which the colour-blind can tell apart, https://jfly.uni-koeln.de/color/; yellow left out.
COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
INK, FAINT, LINE, GROUND = "#202428", "#59636e", "#c4ccd4", "#fefefe"

# What an SVG shows instead where the reader prefers a dark page: the page's own colours, and lighter ones of a model.
DARK = {
    INK: "#e6e8eb",
    FAINT: "#a3adb8",
    LINE: "#3f4851",
    GROUND: "#14171a",
    "#0072B2": "#3d9bd9",
    "#D55E00": "#ee7a22",
    "#009E73": "#18b48a",
    "#000000": "#f4f4f4",
}

FONTS = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"
SMALL = 8.5  # points, of the smallest text: 11 pixels
WIDE, NARROW = 7.2, 3.45  # inches: of a figure, and of its form for a small screen
NEXT = (" ", "\n")  # between the parts of a long label, without and with `narrow`
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # beside the colours, for who cannot tell these apart
SHADES, COLOUR_SHADES = 8, 32  # of an image's ink, and of each channel of a picture
PIXELS = 150_000  # of all images in a figure
INK_ID = "ink"  # the id of an image that is drawn with ink begins so
LIGHT = (
    '<filter id="light" color-interpolation-filters="sRGB">'
    '<feColorMatrix values="0 0 0 0 .9 0 0 0 0 .91 0 0 0 0 .92 0 0 0 1 0"/></filter>'
)
METADATA = re.compile("<metadata>.*?</metadata>", re.DOTALL)  # who drew it, which the locked versions say
NEEDLESS = re.compile(r' transform="rotate\(-0 [^"]*"|(?<=<g) id="[^"]*"')  # in a tag
STYLE, OUTLINE = re.compile('style="[^"]*"'), re.compile(' d="[^"]*"')
AROUND, BETWEEN = re.compile(r"\s*([A-Za-z\"])\s*"), re.compile(r"\s+")  # where an outline has spaces
INDENTATION = re.compile(r"\n +(?=<)")
TAG, LONG_NUMBER = re.compile("<[^>]*>"), re.compile(r"(\.\d)\d+")
MAXCOVERAGE = Image.Quantize.MAXCOVERAGE  # rare colours keep theirs: here none moves by more than 5 of 255

mpl.rcdefaults()  # not the user's matplotlibrc: it would change the files
mpl.rcParams.update(
    {
        "figure.constrained_layout.use": True,
        "font.size": 9,
        "font.family": "DejaVu Sans",
        "text.parse_math": False,  # a class may be called $x$
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.facecolor": "none",  # the page shows through
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": FAINT,
        "axes.titlesize": 9,
        "axes.labelsize": SMALL,
        "axes.titlelocation": "left",
        "xtick.color": FAINT,
        "xtick.labelcolor": INK,
        "ytick.color": FAINT,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "legend.fontsize": SMALL,
        "ytick.labelcolor": INK,
        "grid.color": LINE,
        "legend.frameon": False,
        "svg.hashsalt": "digits",  # otherwise the ids in an SVG are random
        "svg.fonttype": "none",  # real text, in the reader's font: DejaVu Sans, by which it is placed, is wider than most
    }
)

# Nor the fonts that are installed, nor the user's cached list of them: only those that come with matplotlib.
fontManager.ttflist.clear()
for font in sorted(Path(mpl.get_data_path(), "fonts", "ttf").glob("DejaVuSans*.ttf")):
    fontManager.addfont(font)


# A PNG has a box in place of a sign that DejaVu Sans lacks; the page shows none with text.
warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
KNOWN = get_font(findfont("DejaVu Sans")).get_charmap()
measured = RendererSVG.get_text_width_height_descent


def _measured_as_shown(renderer: RendererSVG, text: str, *how: Any) -> tuple[float, float, float]:
    """Measure an SVG's text: of a sign that DejaVu Sans lacks, one of about the width that the reader's font gives it."""
    signs = (sign if ord(sign) in KNOWN else ("", "n", "\u2014")[_width(sign)] for sign in text)
    width, height, descent = measured(renderer, "".join(signs), *how)
    return width, height, descent


RendererSVG.get_text_width_height_descent = _measured_as_shown  # type: ignore[method-assign]


def _width(sign: str) -> int:
    """Return how wide a sign is, in letters: of Chinese, Japanese and Korean two, above or below others none."""
    if unicodedata.category(sign)[0] == "M" or unicodedata.category(sign) == "Cf":
        return 0
    return 1 + (unicodedata.east_asian_width(sign) in "WF")


def _signs(text: str) -> list[str]:
    """Return a text's signs, each with its accents; several that are joined to one count as it."""
    found: list[str] = []
    for sign in text:
        if found and (_width(sign) == 0 or found[-1].endswith("\u200d")):
            found[-1] += sign
        else:
            found.append(sign)
    return found


def letters(text: str) -> int:
    """Return how wide a text is, in letters."""
    return sum(_width(sign[0]) for sign in _signs(text))


def short(name: str, most: int) -> str:
    """Return a name, shortened in its middle to so many letters: long ones often differ at the end alone."""
    if letters(name) <= most:
        return name
    signs = _signs(name)
    start, end = (_how_many(part, room) for part, room in ((signs, most // 2), (signs[::-1], (most - 1) // 2)))
    return f"{''.join(signs[:start]).rstrip()}…{''.join(signs[len(signs) - end :]).lstrip()}"


def _how_many(signs: Sequence[str], most: int) -> int:
    """Return how many of the first signs are together not wider than `most` letters."""
    return sum(width <= most for width in itertools.accumulate(_width(sign[0]) for sign in signs))


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """Give each model its colour, by its place in the report."""
    return {model: COLOURS[i % len(COLOURS)] for i, model in enumerate(models)}


def model_markers(models: Sequence[str]) -> dict[str, str]:
    """Give each model its marker, likewise."""
    return {model: MARKERS[i % len(MARKERS)] for i, model in enumerate(models)}


def save_figures(
    figures: Mapping[Path, Figure],
    made_from: Mapping[Path, str],
    tables: Mapping[Path, pd.DataFrame] | None = None,
    digits: int | None = None,
) -> None:
    """Write figures in the formats of their files' names, without a date, and tables, with their seals, all or none.

    An SVG has no ground and adapts to a dark page; a PNG is a picture on white, of greys or of 128 colours: a quarter of
    the bytes.
    """
    tables = tables or {}
    with whole_files(*figures, *tables, made_from=made_from) as parts:
        for (target, figure), part in zip(figures.items(), parts[: len(figures)], strict=True):
            _save(figure, part, target)
        for table, part in zip(tables.values(), parts[len(figures) :], strict=True):
            to_csv(table, part, digits)


def save_both(
    figures: Mapping[Callable[..., Figure], Sequence[Path]],
    made_from: Mapping[Path, str],
    tables: Mapping[Path, pd.DataFrame] | None = None,
) -> None:
    """Write figures, each by the function that draws it, as a file and, with `narrow`, as one for a small screen."""
    drawn = {path: draw(narrow=bool(i)) for draw, paths in figures.items() for i, path in enumerate(paths)}
    save_figures(drawn, made_from, tables, digits=7)


def _save(figure: Figure, part: Path, target: Path) -> None:
    if target.suffix == ".svg":
        figure.savefig(part, format="svg", transparent=True, metadata={"Date": None})
        part.write_text(with_dark_colours(compact(part.read_text(encoding="utf-8"))), encoding="utf-8")
    else:
        figure.set_dpi(144)
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
        grey = (pixels == pixels[..., :1]).all()
        picture = Image.fromarray(pixels[..., 0].copy()) if grey else Image.fromarray(pixels).quantize(128, MAXCOVERAGE)
        picture.save(part, format="png", optimize=True)
    plt.close(figure)


def compact(svg: str) -> str:
    """Give an SVG the reader's font, named once, and places to a tenth of a point: half of the bytes."""
    svg = svg.replace("<defs>", f"<defs>\n  <style>text{{font-family:{FONTS}}}</style>", 1)
    svg = INDENTATION.sub("\n", METADATA.sub("", svg))
    return TAG.sub(lambda tag: _compact_tag(tag[0]), svg)  # what is between tags may look like one's attribute


def _compact_tag(tag: str) -> str:
    tag = tag.replace("; font-family: 'DejaVu Sans'", "")
    if "base64" not in tag:
        tag = LONG_NUMBER.sub(r"\1", NEEDLESS.sub("", tag))
    tag = STYLE.sub(lambda style: style[0].replace(": ", ":").replace("; ", ";"), tag)
    return OUTLINE.sub(lambda outline: " " + BETWEEN.sub(",", AROUND.sub(r"\1", outline[0])), tag)


def with_dark_colours(svg: str) -> str:
    """Add a style to an SVG that replaces its colours where the reader prefers a dark page."""
    used = {light.lower(): dark for light, dark in DARK.items() if light.lower() in svg}
    rules = "".join(
        f'[style*="{name}:{light}"]{{{name}:{dark}!important}}'
        for light, dark in used.items()
        for name in ("fill", "stroke")
        if f"{name}:{light}" in svg
    )
    if f'id="{INK_ID}-' in svg:
        rules += f'[id^="{INK_ID}-"]{{filter:url(#light)}}'
        svg = svg.replace("<defs>", f"<defs>{LIGHT}", 1)
    return svg.replace("<defs>", f"<defs>\n  <style>@media (prefers-color-scheme: dark){{{rules}}}</style>", 1)


def as_drawn(images: np.ndarray, form: str) -> np.ndarray:
    """Return images of a form as RGBA, uint8 [N, height, width, 4]: pictures as they are, ink black, where there is none nothing.

    So that a figure does not grow with them, all together have at most PIXELS; larger ones are made smaller.
    """
    images = last_axis(images)
    high, wide = images.shape[1:3]
    if (scale := np.sqrt(PIXELS / (len(images) * high * wide))) < 1:
        size = (max(1, int(wide * scale)), max(1, int(high * scale)))
        images = np.stack([np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX)) for image in images])
    drawn = np.zeros((*images.shape[:3], 4), np.uint8)
    if form != PICTURE:
        drawn[..., 3] = levels(images / 255)
    else:
        drawn[..., :3] = levels((images if images.ndim == 4 else images[..., None]) / 255, COLOUR_SHADES)
        drawn[..., 3] = 255
    return drawn


def draw_pixels(axis: Axes, drawn: np.ndarray, form: str) -> None:
    """Draw RGBA pixels; ink takes the colour that stands out from the page's ground: dark on light, or light on dark."""
    figure = axis.get_figure(root=True)
    number = len([image for other in (figure.axes if figure else []) for image in other.images])
    picture = axis.imshow(drawn, interpolation="none")
    if form != PICTURE:
        picture.set_gid(f"{INK_ID}-{number}")


def levels(fractions: np.ndarray, shades: int = SHADES) -> np.ndarray:
    """Return fractions as one of so many levels, uint8: of SHADES a third of the bytes, and hardly a difference to see."""
    return np.asarray((fractions * (shades - 1)).round() * (255 / (shades - 1)), np.uint8)


def tiled(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Put images, [N, height, width, …], in rows of `columns`, each with `gap` zeros below it and on its right."""
    rows = -(-len(images) // columns)
    edges = ((0, rows * columns - len(images)), (0, gap), (0, gap), *[(0, 0)] * (images.ndim - 3))
    padded = np.pad(images, edges)
    _, height, width, *rest = padded.shape
    return padded.reshape(rows, columns, height, width, *rest).swapaxes(1, 2).reshape(rows * height, -1, *rest)


def image_grid(images: np.ndarray, form: str, columns: int, titles: Sequence[str]) -> Figure:
    """Draw images of a form in rows of `columns`, each under its title. Ink is dark on light, pictures are as they are."""
    rows = -(-len(images) // columns)
    cell, size = 1.1, 10  # an image's side in inches, and a title's points
    height = cell + 0.16 * size / 7 * max(title.count("\n") + 1 for title in titles)
    figure, axes = plt.subplots(rows, columns, figsize=(cell * columns, height * rows), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, title in zip(axes.flat, last_axis(images), titles, strict=False):
        axis.imshow(image, cmap="gray" if form == PICTURE else "gray_r", interpolation="nearest", vmin=0, vmax=255)
        axis.set_title(title, fontsize=size, loc="center", pad=2, color="black")  # as grey as the images
    return figure


def empty_figure(message: str) -> Figure:
    """Draw a figure that says why there is nothing to draw."""
    figure, axis = plt.subplots(figsize=(7.2, 0.6))
    axis.text(0.5, 0.5, message, ha="center", va="center")
    axis.set_axis_off()
    return figure
