"""Methods ranked on several test sources: the ranks, their averages, and what they hang on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError, unknown_name
from benchbench.standing import Standing, groups, worst
from benchbench.stats.ranks import Margins, meta_dataset_ranks, paired_ranks, plain_ranks

RULES = {
    "meta-dataset": "groups are peeled off the top; a method differs from the leader of its group "
    "if |m1 - m2| > sqrt(c1^2 + c2^2), where c are the half-widths of the 95 % intervals",
    "plain": "by the means alone, only equal ones tie",
    "paired": "groups are peeled off the top; a method differs from the leader of its group if "
    "the p-value of their paired test, adjusted for all pairs, is below 0.05",
}
"""What each rule does, in a sentence."""


PValues: TypeAlias = Callable[[str, list[str]], NDArray[np.float64]]
"""From a test source and k methods to their [k, k] p-values, adjusted for all pairs of these."""


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
class RankedCell:
    """A method on a test source; half_width is None where it is unknown.

    best: whether no method of its group has a better rank there.
    """

    accuracy: Any
    half_width: Any
    rank: float
    best: bool


@dataclass(frozen=True)
class RankedTable:
    """Methods (index) on test sources (columns): each group ranked by itself, its best ones first.

    accuracy and half_width are what was given, ranks are floats. best: whether a rank is the best
    one of its group. decisions: all those of the rule, none under the rule plain. standings: of
    each method, on each source; empty where none is known.
    """

    rule: str
    accuracy: pd.DataFrame
    half_width: pd.DataFrame
    ranks: pd.DataFrame
    best: pd.DataFrame
    decisions: tuple[Decision, ...]
    standings: dict[str, list[Standing]]

    @property
    def methods(self) -> list[str]:
        """The methods, in each group the best average rank first."""
        return [str(method) for method in self.ranks.index]

    @property
    def sources(self) -> list[str]:
        """The test sources, in the order of the input."""
        return [str(source) for source in self.ranks.columns]

    @cached_property
    def overall(self) -> dict[str, Standing]:
        """How each method stands over all sources."""
        return _overall(self.methods, self.standings)

    @property
    def average(self) -> pd.Series[float]:
        """The mean rank of each method over the test sources."""
        return self.ranks.mean(axis=1)

    def cell(self, method: str, source: str) -> RankedCell:
        """What is known of a method on a test source."""
        frames = (self.accuracy, self.half_width, self.ranks, self.best)
        found: list[Any] = [frame.at[method, source] for frame in frames]
        return RankedCell(*found)

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
    frame: pd.DataFrame, rule: str, p_values: PValues | None = None, alpha: float = 0.05
) -> RankedTable:
    """Rank methods on each test source by one of `RULES`, those of one group among themselves.

    frame: columns `method`, `test_source`, `accuracy` and, for the rule meta-dataset, `half_width`;
    a row for each method on each source, in any order. A Decimal counts as a figure that is rounded
    to its digits, any other number as exact. A column `standing` of `Standing`s, if there is one,
    says who is ranked with whom. p_values: for the rule paired.

    Raises:
        BenchbenchError: the rule is unknown or lacks what it needs, there are no two methods, or
            one has no row or several on a source.
    """
    check_complete(frame)
    if rule == "meta-dataset":
        _check_half_widths(frame)
    if rule == "paired" and p_values is None:
        raise BenchbenchError("The rule paired needs adjusted p-values of every test source.")
    return rank_complete(frame, rule, p_values, alpha)


def rank_complete(
    frame: pd.DataFrame, rule: str, p_values: PValues | None = None, alpha: float = 0.05
) -> RankedTable:
    """As `rank_table`, of a frame that lacks nothing; a method that is alone has the rank 1."""
    if rule not in RULES:
        raise unknown_name("rule", rule, RULES)
    methods, sources = (list(dict.fromkeys(frame[key])) for key in ("method", "test_source"))
    accuracy, half_width = (
        _pivot(frame, column, methods, sources) for column in ("accuracy", "half_width")
    )
    standings: dict[str, list[Standing]] = {}
    if "standing" in frame:
        standings = {str(m): list(own) for m, own in frame.groupby("method")["standing"]}
    blocks, decisions = [], list[Decision]()
    for members in groups(_overall(methods, standings)).values():
        block = pd.DataFrame(index=members)
        for source in sources:
            means, widths = (list(of.loc[members, source]) for of in (accuracy, half_width))
            margins: Margins = {}
            if rule == "meta-dataset":
                block[source], margins = meta_dataset_ranks(means, widths)
            elif rule == "paired" and p_values is not None:
                block[source], margins = paired_ranks(means, p_values(source, members), alpha)
            else:
                block[source] = plain_ranks(means)
            decisions += _named(margins, source, members)
        blocks.append(block.loc[block.mean(axis=1).sort_values(kind="stable").index])
    if rule == "meta-dataset":
        decisions = _with_rounding(decisions, accuracy, half_width)
    ranks, best = pd.concat(blocks), pd.concat([block.eq(block.min()) for block in blocks])
    accuracy, half_width = accuracy.loc[ranks.index], half_width.loc[ranks.index]
    return RankedTable(rule, accuracy, half_width, ranks, best, tuple(decisions), standings)


def _overall(methods: Sequence[str], standings: dict[str, list[Standing]]) -> dict[str, Standing]:
    return {method: worst(standings.get(method) or [Standing()]) for method in methods}


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


def _check_half_widths(frame: pd.DataFrame) -> None:
    if "half_width" not in frame:
        frame = frame.assign(half_width=None)
    for _, row in frame[frame["half_width"].isna()].iterrows():
        raise BenchbenchError(
            f"'{row['method']}' has no interval on '{row['test_source']}', which the rule "
            "meta-dataset needs; add it, or rank by the rule plain."
        )


def _named(margins: Margins, source: str, methods: list[str]) -> Iterator[Decision]:
    for (leader, other), margin in margins.items():
        yield Decision(source, methods[leader], methods[other], margin > 0, abs(margin))


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
