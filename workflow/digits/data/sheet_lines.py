"""Lined and squared paper: thin straight lines across the sheet are no ink, though ink may cross them."""

import numpy as np
from scipy import ndimage

THIN = 50  # a line is thinner than a fiftieth of the picture's longer side, and the two pixels that a lens adds
TILT = 0.06  # of its length, that a line may rise or fall: 3.4 degrees
ACROSS, LEAST = 0.6, 0.3  # of what no ink hides of it, and of all of it, that is seen of a line
ENDS = 20  # it reaches the first and the last twentieth
COLUMNS = 256  # at which it is looked for


def without_lines(ink: np.ndarray, faintest: int) -> np.ndarray:
    """Return the ink, uint8 [height, width], without lines from side to side and from top to bottom; itself where there are none."""
    level = _without_level_lines(ink, faintest)
    upright = _without_level_lines(level.T, faintest).T
    return ink if upright.base is ink else upright


def _without_level_lines(ink: np.ndarray, faintest: int) -> np.ndarray:
    """Remove, along lines from side to side, what is no taller than they are: a stroke that crosses one is."""
    thickness = max(ink.shape) // THIN + 2
    taller = ndimage.grey_opening(ink, (thickness + 1, 1))
    thin = ndimage.maximum_filter1d((ink - taller > faintest).astype(np.uint8), 3, axis=0)
    lines = _lines(thin, (taller > faintest) & (thin == 0))
    if not lines.any():
        return ink
    return np.where(ndimage.maximum_filter1d(lines, 2 * thickness + 1, axis=0), taller, ink)


def _lines(thin: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return where the straight lines are, bool [height, width], that are thin for the most part of what is not hidden."""
    height, width = thin.shape
    most = round(TILT * width / 2)
    room, cover = (np.pad(part, ((most, most), (0, 0))) for part in (thin, hidden))
    seen = np.arange(0, width, -(-width // COLUMNS))
    ends = len(seen) // ENDS + 1
    rows, columns = np.arange(most, most + height)[:, None], np.arange(width)
    found = np.zeros(room.shape, dtype=bool)
    for fall in range(-most, most + 1, 2):
        shift = np.rint(fall * (2 * columns / width - 1)).astype(int)
        along, covered = (part[rows + shift[seen], seen] for part in (room, cover))
        from_side_to_side = along[:, :ends].any(axis=1) & along[:, -ends:].any(axis=1)
        share = along.mean(axis=1)
        there = (share >= ACROSS * (1 - covered.mean(axis=1))) & (share >= LEAST)
        found[rows[from_side_to_side & there] + shift, columns] = True
    return found[most : most + height]
