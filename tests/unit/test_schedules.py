"""The learning rate over time, in numbers worked out by hand."""

import pytest
from digits.training.schedules import SCHEDULES


def test_constant_stays() -> None:
    schedule = SCHEDULES["constant"](10, 0.25, 2)
    schedule.after_epoch(1.0)
    schedule.after_epoch(2.0)
    assert [schedule.factor(step) for step in range(10)] == [1.0] * 10


def test_plateau_halves_after_patience_epochs_without_a_lower_loss() -> None:
    schedule = SCHEDULES["plateau"](100, 0.25, 2)
    factors = []
    for loss in (1.0, 0.5, 0.6, 0.5, 0.4, 0.7, 0.7, 0.7, 0.7, 0.3):
        factors.append(schedule.factor(0))
        schedule.after_epoch(loss)
    # The lowest are 1, 0.5 and 0.4; 0.6, 0.5 and twice 0.7, 0.7 are the waits. A halving starts a new wait.
    assert factors == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_one_cycle_rises_and_falls_in_straight_lines() -> None:
    schedule = SCHEDULES["one_cycle"](10, 0.4, 2)
    factors = [schedule.factor(step) for step in range(10)]
    assert factors == pytest.approx([0.25, 0.5, 0.75, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])
    schedule = SCHEDULES["one_cycle"](4, 0.0, 2)
    assert [schedule.factor(step) for step in range(4)] == [1, 0.75, 0.5, 0.25], "without warm-up it only falls"
    assert SCHEDULES["one_cycle"](10_000, 0.0, 2).factor(9_999) == 0.001
