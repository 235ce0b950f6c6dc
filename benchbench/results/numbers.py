"""Numbers as text, the same in every table, note and plot."""

from __future__ import annotations

import math

DASH = "–"


def decimals(value: float | None, digits: int = 4) -> str:
    """A number with some decimals; a dash if there is none."""
    return DASH if value is None or math.isnan(value) else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """A share as a percentage with two decimals; a dash if there is none."""
    return decimals(None if value is None else 100 * value, 2)


def points(value: float) -> str:
    """A difference of two shares in points, with its sign."""
    return f"{100 * value:+.2f}"


def p_value(p: float) -> str:
    """Three decimals, and no zero."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_equals(p: float) -> str:
    """As `p_value`, for a sentence: `= 0.012` or `< 0.001`."""
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"
