"""The numbers that a parameter may be, declared where it is: `size: Annotated[int, Bounds(ge=1)]`.

A parameter that declares none takes any number that the machine computes with.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

LARGEST_INT = 2**63 - 1
LARGEST_FLOAT = 3.4028234663852886e38  # of 32 bits, with which networks compute


@dataclass(frozen=True)
class Bounds:
    """At least `ge` or above `gt`, at most `le` or below `lt`; unit: of `ge`, for messages.

    of_data: a count of which the data have only so many, so that whoever knows these says what is
    too much.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""
    of_data: bool = False

    def hold(self, value: float) -> bool:
        """Whether a number is within these bounds, finite and not beyond the machine's."""
        largest = math.inf if self.of_data else _largest(value)
        return (
            (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
            and -largest <= value <= (largest if self.le is None else self.le)
        )

    def told(self, value: float) -> str:
        """What a value must be for which these bounds do not hold, be they the machine's."""
        largest = _largest(value)
        if value > largest and self.le is None and self.lt is None:
            return f"at most {largest}"
        if value < -largest and self.ge is None and self.gt is None:
            return f"at least {-largest}"
        return str(self) or "a number of usual size"

    def __str__(self) -> str:
        words = {"at least": self.ge, "above": self.gt, "at most": self.le, "below": self.lt}
        said = [f"{word} {value}" for word, value in words.items() if value is not None]
        if said and self.unit:
            said[0] += f" {self.unit}"
        return " and ".join(said)


def _largest(value: float) -> float:
    """The largest number of the kind of this one that the machine computes with."""
    return LARGEST_INT if isinstance(value, int) else LARGEST_FLOAT


ANY = Bounds()

Pixels: TypeAlias = Annotated[int, Bounds(ge=1, le=4096, unit="pixel")]
"""A side of an image."""

Side: TypeAlias = Pixels | Literal["native"]
"""The side of a data set's images, or `native`: each picture keeps its own size."""

Seed: TypeAlias = Annotated[int, Bounds(ge=0, le=2**64 - 1)]
Share: TypeAlias = Annotated[float, Bounds(ge=0, le=1)]
Rate: TypeAlias = Annotated[float, Bounds(ge=0)]
Count: TypeAlias = Annotated[int, Bounds(ge=1, le=10**6)]
Steps: TypeAlias = Annotated[int, Bounds(ge=0, le=10**6)]


def split_bounds(kind: Any) -> tuple[Any, Bounds]:
    """An annotation without its bounds, and these."""
    if typing.get_origin(kind) is not Annotated:
        return kind, ANY
    bare, *extras = typing.get_args(kind)
    return bare, next((extra for extra in extras if isinstance(extra, Bounds)), ANY)


def exceeded(value: Any, kinds: Iterable[Any]) -> str:
    """What a value of one of these kinds must be, in words; empty if it is."""
    for kind in kinds:
        bare, bounds = split_bounds(kind)
        if typing.get_origin(bare) is tuple and isinstance(value, tuple):
            items = typing.get_args(bare)[:1]
            return next(filter(None, (exceeded(item, items) for item in value)), "")
        if bare in (int, float) and type(value) is bare:
            return "" if bounds.hold(value) else bounds.told(value)
    return ""
