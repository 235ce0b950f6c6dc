"""Learning rates by step: known values."""

import pytest

from benchbench.training.schedules import constant, cosine, linear, milestones, step_decay


def test_cosine_rises_over_the_warmup_and_falls_to_zero() -> None:
    factor = cosine(steps=110, warmup=10)
    assert [factor(0), factor(9)] == [0.1, 1.0]
    assert factor(60) == pytest.approx(0.5)
    assert factor(110) == pytest.approx(0)
    values = [factor(step) for step in range(10, 111)]
    assert values == sorted(values, reverse=True)


def test_step_decay_halves() -> None:
    factor = step_decay(2000)
    assert [factor(0), factor(1999), factor(2000), factor(4000)] == [1, 1, 0.5, 0.25]


def test_a_line_ends_where_it_should_and_stays_there() -> None:
    factor = linear(10, to=0.5)
    assert [factor(step) for step in (0, 5, 10, 11)] == pytest.approx([1, 0.75, 0.5, 0.5])
    assert linear(10)(10) == 0


def test_milestones_are_factors_on_the_initial_rate() -> None:
    """MetaOptNet's, out of order."""
    factor = milestones({50: 0.0024, 20: 0.06, 40: 0.012})
    assert [factor(step) for step in (0, 19, 20, 40, 49, 50, 99)] == [
        *(1, 1, 0.06, 0.012, 0.012),
        *(0.0024, 0.0024),
    ]


def test_a_constant_rate_stays() -> None:
    assert constant(10**6) == 1
