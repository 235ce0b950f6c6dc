"""What verification says of a run: where it differs from what it must be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

What: TypeAlias = Literal[
    "data",
    "episodes",
    "weights",
    "predictions",
    "records",
    "versions",
    "code",
    "claims",
    "device",
    "method",
]

NOT_HERE = "not repeatable here"


class Difference(NamedTuple):
    """Something that is not as it must be; sentence: says what exactly."""

    what: What
    sentence: str

    def __str__(self) -> str:
        return f"{self.what}: {self.sentence}"


@dataclass
class Findings:
    """All that was found out about a run.

    checked: what was looked at and agrees or not, in words. unknown: why something could not be
    looked at. not_here: what of a run is not here, so that it cannot be repeated as it was. partly:
    what was not looked at, in words. settled: what of that has been looked at since.
    """

    run: Path
    differences: list[Difference] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    not_here: list[Difference] = field(default_factory=list)
    partly: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """`differs`; `unknown` if something could not be looked at, `not repeatable here` if that
        is for lack of what would be needed; `verified`, or that in part.
        """
        if self.differences:
            return "differs"
        if self.unknown:
            return "unknown"
        if self.not_here:
            return NOT_HERE
        return "partly verified" if self.partly else "verified"

    def lines(self) -> list[str]:
        """The verdict, and a line for each difference and each thing that is not known."""
        head = f"{self.run}: {self.verdict}"
        if self.checked:
            head += f" ({', '.join(self.checked)})"
        more = [*self.differences, *self.unknown, *self.not_here, *self.partly]
        return [head, *(f"  {one}" for one in more)]


def of_scores(metric: str) -> str:
    """What is said of a metric of scores, which are not stored, until the method is asked again."""
    return f"{metric} is of scores, which are not stored; --evaluate computes it again"


def short(value: Any) -> str:
    """A value as a sentence shows it, in 40 characters at most."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def differing(one: Any, other: Any) -> tuple[Any, Any]:
    """Two values; of two mappings what they do not have in common."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return one, other
    common = {key for key in one if key in other and one[key] == other[key]}
    own = ({key: each[key] for key in each if key not in common} for each in (one, other))
    return next(own), next(own)
