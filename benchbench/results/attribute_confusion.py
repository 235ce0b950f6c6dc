"""Which attributes a method mistakes: those of a query's class against those of its answer's."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchbench.datasets.attributes import ClassAttributes
from benchbench.system.arrays import BoolArray, FloatArray, IntArray

GROUP = re.compile("::|=")
"""What parts a group of attributes from one of its values in names such as `colour=red`."""

PRESENT, MISSED, INVENTED, COUNT, SHARE = "present", "missed", "invented", "count", "share"


@dataclass(frozen=True)
class Presence:
    """Which attributes classes have.

    names: of the attributes. present: bool [classes, a]. threshold: above which number an attribute
    counts as present, the mean of all; None if all numbers are 0 or 1.
    """

    names: tuple[str, ...]
    present: BoolArray
    threshold: float | None = None

    @classmethod
    def of(cls, attributes: ClassAttributes) -> Presence:
        """By the numbers of all classes. Raises ValueError if those of a class are withheld."""
        values = attributes.values.astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError("the numbers of some classes are withheld")
        if np.isin(values, (0, 1)).all():
            return cls(attributes.names, values == 1)
        mean = float(values.mean())
        return cls(attributes.names, values > mean, mean)

    @property
    def alternatives(self) -> BoolArray:
        """Which two attributes one of which may be taken for the other: bool [a, a], symmetric.

        Those of one group, by their names, or, where one is of no group, that no class has both.
        """
        groups = np.array([self._group(name) for name in self.names])
        counts = self.present.astype(np.float64)
        apart = counts.T @ counts == 0
        grouped = (groups[:, None] != "") & (groups[None, :] != "")
        found: BoolArray = np.where(grouped, groups[:, None] == groups[None, :], apart)
        return found & ~np.eye(len(groups), dtype=np.bool_)

    @staticmethod
    def _group(name: str) -> str:
        parts = GROUP.split(name, maxsplit=1)
        return parts[0] if len(parts) > 1 else ""


@dataclass(frozen=True)
class AttributeConfusion:
    """How a method's answers differ from the queries in attributes.

    mistakes: float64, a row for each attribute that is present in some class of a query and not in
    all, or that differs, the hardest first: the share of queries whose class has it (`PRESENT`),
    the share of these whose answer has it not (`MISSED`), and the share of the others whose answer
    has it (`INVENTED`); NaN where there are none to take a share of. The hardest has the highest
    mean of the two shares. swaps: of alternatives, `MISSED` and `INVENTED` by name, the number of
    answers in which the one is missed and the other invented (`COUNT`) and their share of those in
    which the first is missed (`SHARE`), the most frequent first. wrong: the number of wrong
    answers. alike: of those whose class has the same attributes as the query's.
    """

    mistakes: pd.DataFrame
    swaps: pd.DataFrame
    wrong: float
    alike: float


def attribute_confusion(
    presence: Presence, true: IntArray, answered: IntArray, counts: FloatArray
) -> AttributeConfusion:
    """The mistakes in answers that are counted by pairs of classes.

    true, answered: int64 [n], class ids. counts: [n], how many queries of the class had the answer.
    """
    has, said = presence.present[true], presence.present[answered]
    missed, invented = has & ~said, ~has & said
    wrong = true != answered
    alike = wrong & ~(missed | invented).any(axis=1)
    return AttributeConfusion(
        _mistakes(presence, counts @ has, counts @ missed, counts @ invented, counts.sum()),
        _swaps(presence, missed, invented, counts),
        float(counts[wrong].sum()),
        float(counts[alike].sum()),
    )


def _mistakes(
    presence: Presence, has: FloatArray, missed: FloatArray, invented: FloatArray, total: float
) -> pd.DataFrame:
    """As `AttributeConfusion.mistakes`, of numbers of queries by attribute."""
    lacks = total - has
    frame = pd.DataFrame(
        {
            PRESENT: _share(has, np.full_like(has, total)),
            MISSED: _share(missed, has),
            INVENTED: _share(invented, lacks),
        },
        index=pd.Index(presence.names),
    )
    telling = ((has > 0) & (lacks > 0)) | (missed > 0) | (invented > 0)
    frame = frame[telling]
    hardness = frame[[MISSED, INVENTED]].mean(axis=1)
    return frame.loc[hardness.sort_values(ascending=False, kind="stable").index]


def _swaps(
    presence: Presence, missed: BoolArray, invented: BoolArray, counts: FloatArray
) -> pd.DataFrame:
    """As `AttributeConfusion.swaps`."""
    together = (missed * counts[:, None]).T @ invented.astype(np.float64)
    together *= presence.alternatives
    first, second = np.nonzero(together)
    number = together[first, second]
    names = np.array(presence.names, dtype=object)
    frame = pd.DataFrame(
        {
            MISSED: names[first],
            INVENTED: names[second],
            COUNT: number,
            SHARE: number / (counts @ missed)[first],
        }
    )
    return frame.sort_values(COUNT, ascending=False, kind="stable", ignore_index=True)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
