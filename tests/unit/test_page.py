"""How numbers are written in the report."""

import math

import pytest
from digits.rendering.page import interval, p_value, percent, points, power_of_ten, sort_key, temperature


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        *((power_of_ten(2.14e12), "2.1 × 10¹²"), (power_of_ten(9.96e9), "1.0 × 10¹⁰"), (power_of_ten(5), "5.0 × 10⁰")),
        *((power_of_ten(0.02), "2.0 × 10⁻²"), (power_of_ten(math.nan), "—")),
        *((p_value(0.0314), "0.031"), (p_value(1.0), "1"), (p_value(0.00099), "< 0.001"), (p_value(0.0), "< 0.001")),
        *((p_value(math.nan), "—"), (points(math.nan, math.nan, math.nan), "—")),
        *((temperature(1.3), "1.30"), (temperature(9999.99), "> 1,000")),
        (points(0.0035, 0.001, 0.006), "+0.35 (0.10 to 0.60)"),
        (points(-0.0035, -0.006, -0.001), "−0.35 (−0.60 to −0.10)"),
        (points(-0.0035, math.nan, math.nan), "−0.35"),
    ],
)
def test_numbers_as_they_are_written(shown: str, written: str) -> None:
    assert shown == written


@pytest.mark.parametrize(
    ("shown", "number"),
    [
        (percent(0.9752), 97.52),
        (interval(0.972, 0.9781), 97.2),
        (points(-0.0035, -0.006, -0.001), -0.35),
        (points(0.0035, 0.001, 0.006) + " *", 0.35),
        (p_value(0.0001), 0.001),
        (power_of_ten(2.14e12), 2.1e12),
        (power_of_ten(0.02), 0.02),
        *(("397,510", 397510), ("0", 0), ("—", None), ("convnet", None), ("3a", None), ("", None)),
    ],
)
def test_tables_sort_by_the_number_that_is_shown(shown: str, number: float | None) -> None:
    assert sort_key(shown) == (None if number is None else pytest.approx(number))
