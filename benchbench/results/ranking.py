"""Methods ranked on several test sources: the ranks, their averages, and what they hang on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError, unknown_name
from benchbench.stats.ranks import (
    Ranking,
    meta_dataset_ranks,
    paired_ranks,
    plain_ranks,
)

RULES = {
    "meta-dataset": "groups are peeled off the top; a method differs from the leader of its group "
    "if |m1 - m2| > sqrt(c1^2 + c2^2), where c are the half-widths of the 95 % intervals",
    "plain": "by the means alone, only equal ones tie",
    "paired": "groups are peeled off the top; a method differs from the leader of its group if "
    "the p-value of their paired test, adjusted for all pairs, is below 0.05",
}
"""What each rule does, in a sentence."""


@dataclass(frozen=True)
class Decision:
    """Whether two methods differ on a test source; `leader` has the better mean of both.

    margin: how far from the opposite answer, in the unit of the accuracies, or of p-values under
    the rule paired. rounding: by how much at most the rounding of printed figures can have moved
    the margin; 0 where figures are not rounded.
    """

    source: str
    leader: str
    other: str
    different: bool
    margin: float
    rounding: float = 0.0


@dataclass(frozen=True)
class Cell:
    """A method on a test source; half_width is None where it is unknown."""

    method: str
    source: str
    accuracy: Any
    half_width: Any
    rank: float


@dataclass(frozen=True)
class RankedTable:
    """Ranks of methods (index) on test sources (columns), the best average rank first.

    accuracy and half_width are what was given, ranks are floats; decisions are all those of the
    rule, source by source, none under the rule plain.
    """

    rule: str
    accuracy: pd.DataFrame
    half_width: pd.DataFrame
    ranks: pd.DataFrame
    decisions: tuple[Decision, ...]

    @property
    def methods(self) -> list[str]:
        """The methods, the best average rank first."""
        return [str(method) for method in self.ranks.index]

    @property
    def sources(self) -> list[str]:
        """The test sources, in the order of the input."""
        return [str(source) for source in self.ranks.columns]

    @property
    def average(self) -> pd.Series[float]:
        """The mean rank of each method over the test sources."""
        return self.ranks.mean(axis=1)

    def cell(self, method: str, source: str) -> Cell:
        """What is known of a method on a test source."""
        frames = (self.accuracy, self.half_width, self.ranks)
        found: list[Any] = [frame.at[method, source] for frame in frames]
        return Cell(method, source, *found)

    @property
    def closest(self) -> Decision | None:
        """The decision of the smallest margin; None under the rule plain."""
        return min(self.decisions, key=lambda decision: decision.margin, default=None)

    @property
    def within_rounding(self) -> list[Decision]:
        """The decisions that unrounded figures may turn round, the closest first."""
        unsure = [one for one in self.decisions if one.margin < one.rounding]
        return sorted(unsure, key=lambda decision: decision.margin)


def rank_table(
    frame: pd.DataFrame,
    rule: str,
    adjusted: Mapping[str, NDArray[np.float64]] | None = None,
    alpha: float = 0.05,
) -> RankedTable:
    """Rank methods on each test source by one of `RULES`.

    frame: columns `method`, `test_source`, `accuracy` and, for the rule meta-dataset, `half_width`;
    a row for each method on each source, in any order. A Decimal counts as a figure that is rounded
    to its digits, any other number as exact. adjusted: for the rule paired, by source the [k, k]
    adjusted p-values of the methods, in the order in which they first appear in the frame.

    Raises:
        BenchbenchError: the rule is unknown or lacks what it needs, there are no two methods, or
            one has no row or several on a source.
    """
    if rule not in RULES:
        raise unknown_name("rule", rule, RULES)
    methods, sources = check_complete(frame)
    accuracy = _pivot(frame, "accuracy", methods, sources)
    half_width = _pivot(frame, "half_width", methods, sources)
    if rule == "meta-dataset":
        _check_half_widths(half_width)
    if rule == "paired" and (adjusted is None or not set(sources) <= set(adjusted)):
        raise BenchbenchError("The rule paired needs adjusted p-values of every test source.")

    ranks: dict[str, NDArray[np.float64]] = {}
    decisions: list[Decision] = []
    for source in sources:
        means, widths = list(accuracy[source]), list(half_width[source])
        if rule == "meta-dataset":
            ranking = meta_dataset_ranks(means, widths)
        elif rule == "paired" and adjusted is not None:
            ranking = paired_ranks(means, adjusted[source], alpha)
        else:
            ranking = Ranking(plain_ranks(means), ())
        ranks[source] = ranking.ranks
        decisions += _named(ranking, source, methods)
    if rule == "meta-dataset":
        decisions = _with_rounding(decisions, accuracy, half_width)
    table = pd.DataFrame(ranks, index=pd.Index(methods, name="method"))
    best_first = table.mean(axis=1).sort_values(kind="stable").index
    return RankedTable(
        rule,
        accuracy.loc[best_first],
        half_width.loc[best_first],
        table.loc[best_first],
        tuple(decisions),
    )


def check_complete(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The methods and test sources of a frame as for `rank_table`, in order of appearance.

    Raises:
        BenchbenchError: there are no two methods, or one has no row or several on a source.
    """
    pairs = list(zip(frame["method"], frame["test_source"], strict=True))
    methods = list(dict.fromkeys(method for method, _ in pairs))
    sources = list(dict.fromkeys(source for _, source in pairs))
    if len(methods) < 2:
        alone = f"'{methods[0]}' is alone" if methods else "there is none"
        raise BenchbenchError(f"Ranks need two methods or more, and {alone}; add others.")
    for method, source in pairs:
        if pairs.count((method, source)) > 1:
            raise BenchbenchError(f"'{method}' has several figures on '{source}'; give one.")
    missing = [(m, s) for m in methods for s in sources if (m, s) not in set(pairs)]
    if missing:
        method, source = missing[0]
        more = f" ({len(missing) - 1} more are missing)" if len(missing) > 1 else ""
        raise BenchbenchError(
            f"'{method}' has no figure on '{source}'{more}; take only the test sources that all "
            "methods have (--common), or only some methods (--methods)."
        )
    return methods, sources


def _pivot(
    frame: pd.DataFrame, column: str, methods: list[str], sources: list[str]
) -> pd.DataFrame:
    """Methods by sources, all None where there is no such column."""
    keys = zip(frame["method"], frame["test_source"], strict=True)
    cells: dict[tuple[str, str], Any] = {}
    if column in frame:
        cells = dict(zip(keys, frame[column].astype(object), strict=True))
    rows = [[cells.get((method, source)) for source in sources] for method in methods]
    index = pd.Index(methods, name="method")
    return pd.DataFrame(rows, index=index, columns=sources, dtype=object)


def _check_half_widths(half_width: pd.DataFrame) -> None:
    for source in half_width:
        for method, width in half_width[source].items():
            if pd.isna(width):
                raise BenchbenchError(
                    f"'{method}' has no interval on '{source}', which the rule meta-dataset needs; "
                    "add it, or rank by the rule plain."
                )


def _named(ranking: Ranking, source: str, methods: list[str]) -> Iterator[Decision]:
    for one in ranking.decisions:
        pair = methods[one.leader], methods[one.other]
        yield Decision(source, *pair, one.different, one.margin)


def _with_rounding(
    decisions: list[Decision], accuracy: pd.DataFrame, half_width: pd.DataFrame
) -> list[Decision]:
    """The decisions with how far rounding can have moved them.

    The root of a sum of squares is a norm, so that it moves by the norm of its changes at most.
    """
    of_mean = {method: _half_unit(row) for method, row in accuracy.iterrows()}
    of_width = {method: _half_unit(row) for method, row in half_width.iterrows()}
    return [
        replace(
            one,
            rounding=of_mean[one.leader]
            + of_mean[one.other]
            + math.hypot(of_width[one.leader], of_width[one.other]),
        )
        for one in decisions
    ]


def _half_unit(figures: Iterable[Any]) -> float:
    """Half a unit of the last digit of a method's figures.

    Some tables drop zeros at the end, so that the figure with the most digits tells.
    """
    printed = [figure for figure in figures if isinstance(figure, Decimal)]
    exponents = [int(figure.as_tuple().exponent) for figure in printed]
    return 0.5 * 10.0 ** min(exponents) if exponents else 0.0
