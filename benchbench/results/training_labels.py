"""What tables say of the labels that a method was trained with: a cell, and a word to rank by."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

FRACTION = "fraction-of-labels"
"""The property of a method that learns from a share of the labels which its run does not state."""
SHARE = "%-of-labels"
"""What the same property ends with where the run states the share, as in `10%-of-labels`."""
UNLABELLED = {
    "none": "no-training-labels",
    "validation only": "no-labels-but-validation",
    "fraction": FRACTION,
}
"""The property of a method by the training labels that it learns from, if these are not all."""


def labels_learned(method: Mapping[str, Any]) -> str:
    """Which labels a method of a manifest was trained with, as tables have it.

    This is `all`, a share such as `10 %`, `validation only` or `none`; or `fraction`, where a run
    is older than the record of the share.
    """
    share = method.get("labelled")
    return f"{_per_cent(share)} %" if share else str(method.get("training_labels", "all"))


def property_of(method: Mapping[str, Any]) -> list[str]:
    """The property of a method of a manifest by its training labels; none if it took them all."""
    if share := method.get("labelled"):
        return [f"{_per_cent(share)}{SHARE}"]
    labels = method.get("training_labels")
    return [UNLABELLED[labels]] if labels else []


def kind_of(word: str) -> str:
    """The kind of a property: of all shares of the labels `FRACTION`, of any other the word."""
    share = word.removesuffix(SHARE)
    return FRACTION if share != word and share.replace(".", "", 1).isdecimal() else word


def _per_cent(share: float) -> str:
    """All digits, so that different shares have different texts."""
    return f"{(100 * Decimal(repr(share))).normalize():f}"
