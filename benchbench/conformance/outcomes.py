"""The outcomes of checks, and how they are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchbench.system.arrays import FloatArray

PASSED, FAILED = "passed", "failed"
EXPECTED, NOT_APPLICABLE = "expected failure", "not applicable"

FLOORS = 10
"""A score may change by this multiple of the change between two equal calls."""
SHARE_OF_SPREAD = 1e-3
"""A score may change by this share of the scores' range."""


class CheckFailed(Exception):  # noqa: N818 (a finding about a method, not an error of the program)
    """The method does not satisfy the check; the message has the numbers that show it."""


class NotApplicable(Exception):  # noqa: N818 (nothing went wrong)
    """The check has no meaning for the method; the message is the reason."""


@dataclass(frozen=True)
class Change:
    """How much scores changed that should have stayed the same.

    largest: the largest difference of a score. floor: that between two equal calls. spread: the
    largest score minus the smallest. differing, queries: how many predictions differ, of how many.
    """

    largest: float
    floor: float
    spread: float
    differing: int = 0
    queries: int = 0

    @classmethod
    def between(cls, before: FloatArray, after: FloatArray, floor: float = 0.0) -> Change:
        """The change between two arrays of scores [n_query, n_way]."""
        spread = float(before.max() - before.min()) if before.size else 0.0
        largest = float(np.abs(after - before).max()) if before.size else 0.0
        differing = int((before.argmax(axis=1) != after.argmax(axis=1)).sum())
        return cls(largest, floor, spread, differing, len(before))

    @property
    def tolerance(self) -> float:
        """The largest difference that does not count as a change."""
        return max(FLOORS * self.floor, SHARE_OF_SPREAD * self.spread)

    @property
    def over(self) -> bool:
        """Whether the scores changed."""
        return self.largest > self.tolerance

    @property
    def size(self) -> float:
        """The largest difference as a multiple of the tolerance; 0 if there is none."""
        return self.largest / self.tolerance if self.largest and self.tolerance else self.largest

    def __str__(self) -> str:
        return (
            f"scores change by up to {self.largest:.3g} ({self.tolerance:.2g} is allowed; "
            f"two equal calls: {self.floor:.2g}, range of the scores: {self.spread:.3g}), and "
            f"{self.differing} of {self.queries} predictions differ"
        )


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check.

    message: why it failed or does not apply, as one sentence. reason: why a failure was expected.
    change: the largest change of scores that the check found, if it compares scores.
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
        texts = {key: getattr(self, key) for key in ("message", "reason") if getattr(self, key)}
        return {"check": self.check, "status": self.status, **texts}


def count_line(outcomes: Sequence[Outcome]) -> str:
    """Such as `31 checks: 29 passed, 1 expected failure (why), 1 not applicable (why)`."""

    remarks = {PASSED: "", FAILED: "check", EXPECTED: "reason", NOT_APPLICABLE: "message"}
    parts = []
    for status, attribute in remarks.items():
        found = [outcome for outcome in outcomes if outcome.status == status]
        reasons = dict.fromkeys(getattr(outcome, attribute) for outcome in found if attribute)
        if found:
            name = status if len(found) == 1 else status.replace("failure", "failures")
            listed = f" ({'; '.join(reasons)})" if reasons else ""
            parts.append(f"{len(found)} {name}{listed}")
    checks = "check" if len(outcomes) == 1 else "checks"
    return f"{len(outcomes)} {checks}: {', '.join(parts) or 'none ran'}"
