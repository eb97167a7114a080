"""Percentages in text and figures, written alike."""

PERCENT = "\u202f%"  # behind a number


def in_percent(share: float, digits: int = 0) -> str:
    """Write 0.8 as '80 %', with a narrow space that does not break."""
    return f"{100 * share:.{digits}f}{PERCENT}"
