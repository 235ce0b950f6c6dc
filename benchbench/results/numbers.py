"""Numbers as text, the same in every table, note and plot."""

from __future__ import annotations

import math

DASH = "–"


def decimals(value: float | None, digits: int = 4) -> str:
    """A number with some decimals; a dash if there is none."""
    return DASH if value is None or math.isnan(value) else f"{value:.{digits}f}"


def plus_minus(mean: float, half_width: float | None) -> str:
    """A mean with its half-width, four decimals each; without the latter if there is none."""
    known = half_width is not None and not math.isnan(half_width) and not math.isnan(mean)
    return decimals(mean) + (f" ± {half_width:.4f}" if known else "")


def percent(value: float | None) -> str:
    """A share as a percentage with two decimals; a dash if there is none."""
    return decimals(None if value is None else 100 * value, 2)


def points(value: float) -> str:
    """A difference of two shares in points, with its sign."""
    return f"{100 * value:+.2f}"


def interval(half_width: float | None, low: float | None, high: float | None) -> str:
    """± a half-width; where there are bounds instead, which need not be symmetric, these."""
    if low is None or math.isnan(low):
        return percent(half_width)
    return f"[{percent(low)}, {percent(high)}]"


def p_value(p: float | None) -> str:
    """Three decimals, and no zero; a dash if there is none."""
    if p is None or math.isnan(p):
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_equals(p: float) -> str:
    """As `p_value`, for a sentence: `= 0.012` or `< 0.001`."""
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"
