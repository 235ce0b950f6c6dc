"""What a check can come to, and how outcomes are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PASSED, FAILED = "passed", "failed"
EXPECTED, NOT_APPLICABLE = "expected failure", "not applicable"

FLOORS = 10
"""How many times the change between two equal calls a score may change by."""
SHARE_OF_SPREAD = 1e-3
"""The share of the scores' range that any score may change by."""


class CheckFailed(Exception):  # noqa: N818 (a finding about a method, not an error of the program)
    """The method does not satisfy the check; the message has the numbers that show it."""


class NotApplicable(Exception):  # noqa: N818 (nothing went wrong)
    """The check has no meaning for the method; the message is the reason."""


@dataclass(frozen=True)
class Change:
    """How far scores moved where they should have stayed.

    largest: the largest difference of a score. floor: that between two equal calls. spread: the
    largest score minus the smallest. differing, queries: predictions that differ, of how many.
    """

    largest: float
    floor: float
    spread: float
    differing: int = 0
    queries: int = 0

    @classmethod
    def between(
        cls, before: NDArray[np.float64], after: NDArray[np.float64], floor: float = 0.0
    ) -> Change:
        """The change between two arrays of scores [n_query, n_way]."""
        spread = float(before.max() - before.min()) if before.size else 0.0
        largest = float(np.abs(after - before).max()) if before.size else 0.0
        differing = int((before.argmax(axis=1) != after.argmax(axis=1)).sum())
        return cls(largest, floor, spread, differing, len(before))

    @property
    def tolerance(self) -> float:
        """The largest difference that counts as none."""
        return max(FLOORS * self.floor, SHARE_OF_SPREAD * self.spread)

    @property
    def over(self) -> bool:
        """Whether the scores moved."""
        return self.largest > self.tolerance

    @property
    def size(self) -> float:
        """The largest difference as a multiple of the tolerance; 0 where nothing moved."""
        return self.largest / self.tolerance if self.largest and self.tolerance else self.largest

    def __str__(self) -> str:
        return (
            f"scores change by up to {self.largest:.3g} where {self.tolerance:.2g} is allowed "
            f"(two equal calls: {self.floor:.2g}, range of the scores: {self.spread:.3g}), and "
            f"{self.differing} of {self.queries} predictions differ"
        )


@dataclass(frozen=True)
class Outcome:
    """What one check came to.

    message: why it failed or does not apply, as one sentence. reason: why a failure was expected.
    change: the largest change of scores that the check met, where it compares scores.
    """

    check: str
    status: str
    message: str = ""
    reason: str = ""
    change: Change | None = None

    @property
    def broke(self) -> bool:
        """Whether the check failed, expected or not."""
        return self.status == EXPECTED or (self.status == FAILED and not self.reason)

    @property
    def judged(self) -> bool:
        """Whether the check applied."""
        return self.status != NOT_APPLICABLE

    def line(self) -> str:
        """The outcome as a line of text."""
        text = {
            PASSED: "passed",
            FAILED: f"FAILED: {self.message}",
            EXPECTED: f"expected failure: {self.reason}",
            NOT_APPLICABLE: f"not applicable: {self.message}",
        }
        return f"{self.check}: {text[self.status]}"

    def as_dict(self) -> dict[str, Any]:
        """The outcome for JSON; empty texts are left out."""
        told = {"check": self.check, "status": self.status}
        told |= {key: getattr(self, key) for key in ("message", "reason") if getattr(self, key)}
        return told


def count_line(outcomes: Sequence[Outcome]) -> str:
    """Such as `31 checks: 29 passed, 1 expected failure (why), 1 not applicable (why)`."""

    def told(status: str, name: str, reasons: Sequence[str]) -> list[str]:
        number = sum(outcome.status == status for outcome in outcomes)
        if not number:
            return []
        listed = f" ({'; '.join(dict.fromkeys(reasons))})" if reasons else ""
        return [f"{number} {name if number == 1 else name.replace('failure', 'failures')}{listed}"]

    def of(status: str) -> list[Outcome]:
        return [outcome for outcome in outcomes if outcome.status == status]

    parts = [
        *told(PASSED, "passed", []),
        *told(FAILED, "failed", [outcome.check for outcome in of(FAILED)]),
        *told(EXPECTED, "expected failure", [outcome.reason for outcome in of(EXPECTED)]),
        *told(NOT_APPLICABLE, "not applicable", [o.message for o in of(NOT_APPLICABLE)]),
    ]
    checks = "check" if len(outcomes) == 1 else "checks"
    return f"{len(outcomes)} {checks}: {', '.join(parts) or 'none ran'}"
