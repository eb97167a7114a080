"""Photos of handwriting, drawn: MNIST's digits as ink on paper, with what a camera finds around them and on them."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

Draws = np.random.Generator
PAPER, INK, DESK = 0.9, 0.2, 0.35  # how much of the light they throw back


class Sheet:
    """Paper with digits in a row, seen by a camera; each method adds something to it."""

    def __init__(self, digits: Sequence[np.ndarray], draws: Draws, apart: float = 0.0, room: float = 2.0) -> None:
        """Enlarge the digits 6 to 10 times and write them in a row, `apart` of a digit's width between their images.

        The sheet is up to `room` times as high as a digit's image, and as much wider than the row.
        """
        self.draws, times = draws, int(draws.integers(6, 11))
        side, step = 28 * times, round(28 * times * (1 + apart))
        wide = side + step * (len(digits) - 1)
        self.height, self.width = (whole + int(side * draws.uniform(0.3, room - 1)) for whole in (side, wide))
        top, left = (int(draws.integers(free + 1)) for free in (self.height - side, self.width - wide))
        self.box = (left, top, left + wide, top + side)
        self.ink = np.zeros((self.height, self.width))
        for number, digit in enumerate(digits):
            big = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)) / 255
            here = self.ink[top : top + side, left + number * step : left + number * step + side]
            np.maximum(here, big, out=here)
        self.paper = np.full(self.ink.shape, PAPER)
        self.light = np.ones(self.ink.shape)
        self.chalk = False
        self.y, self.x = np.mgrid[: self.height, : self.width]

    def across(self, degrees: float) -> np.ndarray:
        """Return how far each pixel is along a direction, 0 to 1 over the sheet."""
        along = self.x * np.cos(np.radians(degrees)) + self.y * np.sin(np.radians(degrees))
        return np.asarray((along - along.min()) / np.ptp(along))

    def falling_light(self) -> None:
        """Let the light fall to half, in any direction."""
        self.light *= 1 - 0.5 * self.across(self.draws.uniform(0, 360))

    def lamp(self) -> None:
        """Let the light fall to half in the farthest corner from a lamp."""
        away = np.hypot(self.x - self.draws.uniform(0, self.width), self.y - self.draws.uniform(0, self.height))
        self.light *= 1 - 0.5 * (away / away.max()) ** 2

    def shadow(self) -> None:
        """Let a shadow with a sharp edge fall on a part, through the digit or beside it."""
        self.light[self.across(self.draws.uniform(0, 360)) < self.draws.uniform(0.2, 0.8)] *= 0.5

    def lines(self, degrees: float, width: int, spacing: float, strength: float) -> None:
        """Print parallel lines."""
        turned = np.radians(degrees + self.tilt)
        along = self.y * np.cos(turned) - self.x * np.sin(turned) + self.draws.uniform(0, spacing)
        self.paper[along % spacing < width] = PAPER - strength * (PAPER - INK)

    def ruled(self, *directions: float) -> None:
        """Print lines, thin and fainter than the ink, a little out of true."""
        self.tilt = self.draws.uniform(-2.5, 2.5)
        side = self.box[3] - self.box[1]
        width, strength = int(self.draws.integers(1, 1 + max(2, side // 80))), self.draws.uniform(0.3, 0.7)
        spacing = side * self.draws.uniform(0.25, 0.9)
        for degrees in directions:
            self.lines(degrees, width, spacing, strength)

    def printed_box(self) -> None:
        """Print a box around the digit, as forms have it."""
        left, top, right, bottom = self.box
        grow, width = (int(self.draws.integers(low, high)) for low, high in ((0, 12), (2, 7)))
        inner = (slice(max(top - grow, 0), bottom + grow), slice(max(left - grow, 0), right + grow))
        outer = (
            slice(max(top - grow - width, 0), bottom + grow + width),
            slice(max(left - grow - width, 0), right + grow + width),
        )
        kept = self.paper[inner].copy()
        self.paper[outer] = INK
        self.paper[inner] = kept

    def desk(self) -> None:
        """Let the sheet end: a darker, grained desk beside it, on one side or two, not over the digit."""
        left, top, right, bottom = self.box
        for degrees in self.draws.permutation([0, 90, 180, 270])[: self.draws.integers(1, 3)]:
            turned = degrees + self.draws.uniform(-4, 4)
            along = self.across(turned)
            nearest = min(along[y, x] for y in (top, bottom - 1) for x in (left, right - 1))
            grain = DESK + 0.04 * np.sin(self.y / 3 + self.x / 40)
            beyond = along < nearest * self.draws.uniform(0.3, 0.9)
            self.paper[beyond] = grain[beyond]

    def photo(self) -> np.ndarray:
        """Return what the camera sees, uint8 [height, width], with a lens's blur and a sensor's noise."""
        ink, paper = (self.ink, self.paper) if not self.chalk else (1 - self.ink, PAPER)
        shown = (paper - (paper - INK) * ink) * self.light
        seen = 255 * ndimage.gaussian_filter(shown, 0.7) + self.draws.normal(0, 2.5, shown.shape)
        return np.asarray(seen.round().clip(0, 255).astype(np.uint8))


def chalk(sheet: Sheet) -> None:
    sheet.chalk = True
    sheet.falling_light()


CASES: dict[str, Callable[[Sheet], object]] = {
    "even light": lambda sheet: None,
    "light that falls to half": Sheet.falling_light,
    "a lamp": Sheet.lamp,
    "light ink on dark": chalk,
    "a printed box": Sheet.printed_box,
    "ruled paper": lambda sheet: sheet.ruled(0),
    "squared paper": lambda sheet: sheet.ruled(0, 90),
    "a desk's edge": Sheet.desk,
    "a sharp shadow": Sheet.shadow,
}
