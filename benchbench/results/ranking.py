"""Methods ranked on several test sources: the ranks, their averages, and what they hang on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError, unknown_name
from benchbench.results.standing import Standing, groups, worst
from benchbench.stats.ranks import Margins, meta_dataset_ranks, paired_ranks, plain_ranks

RULES = {
    "meta-dataset": "groups are peeled off the top; a method differs from the leader of its group "
    "if |m1 - m2| > sqrt(c1^2 + c2^2), where c are the half-widths of the 95 % intervals",
    "plain": "by the means alone, only equal ones tie",
    "paired": "groups are peeled off the top; a method differs from the leader of its group if "
    "the p-value of their paired test, corrected by Holm for all comparisons with that leader, is "
    "below 0.05",
}

PValues: TypeAlias = Callable[[str, list[str]], NDArray[np.float64]]
"""From a test source and k methods to their [k, k] p-values, not corrected for their number."""


@dataclass(frozen=True)
class Decision:
    """Whether two methods differ on a test source; `leader` has the better mean of both.

    margin: how far from the opposite answer, in accuracy, or in p under the rule paired. rounding:
    how far rounded figures can have moved the margin at most.
    """

    source: str
    leader: str
    other: str
    different: bool
    margin: float
    rounding: float = 0.0


@dataclass(frozen=True)
class RankedTable:
    """Methods on test sources: each group ranked by itself, its best average rank first.

    cells: by `method` and `test_source`, with `accuracy`, `half_width`, `standing`, `rank`, and
    whether it is the `best` one of its group. decisions: none under the rule plain.
    """

    rule: str
    cells: pd.DataFrame
    decisions: tuple[Decision, ...]

    @property
    def methods(self) -> list[str]:
        """The methods, in each group the best average rank first."""
        return list(self.average.index)

    @property
    def sources(self) -> list[str]:
        """The test sources, in the order of the input."""
        return list(dict.fromkeys(self.cells.index.get_level_values(1)))

    @property
    def average(self) -> pd.Series[float]:
        """The mean rank of each method over the test sources."""
        return self.cells["rank"].groupby(level=0, sort=False).mean()

    @cached_property
    def standings(self) -> dict[str, list[Standing]]:
        """Of each method, on each test source; empty if none is known."""
        known = self.cells["standing"].dropna().groupby(level=0, sort=False)
        return {str(method): list(standings) for method, standings in known}

    @cached_property
    def overall(self) -> dict[str, Standing]:
        """How each method stands over all sources."""
        return {method: worst(self.standings.get(method, [])) for method in self.methods}

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

    frame: a row for each method on each source, in any order, with columns `method`, `test_source`,
    `accuracy`, `half_width` for the rule meta-dataset, and perhaps `standing`. A Decimal counts as
    a figure that is rounded to its digits. p_values: for the rule paired.

    Raises BenchbenchError for an unknown rule, for what it lacks, and unless each method has one
    row on each source.
    """
    if rule not in RULES:
        raise unknown_name("rule", rule, RULES)
    if rule == "paired" and p_values is None:
        raise BenchbenchError("The rule paired needs p-values of every test source.")
    missing = [column for column in ("half_width", "standing") if column not in frame]
    cells = frame.assign(**dict.fromkeys(missing)).set_index(["method", "test_source"])
    sources = list(dict.fromkeys(frame["test_source"]))
    _check(cells, sources, rule)
    by_method = cells.groupby(level=0, sort=False)
    units = by_method[["accuracy", "half_width"]].agg(_half_unit)
    standings = {str(m): worst(list(of["standing"].dropna())) for m, of in by_method}
    ranks: dict[tuple[str, str], tuple[float, bool]] = {}
    decisions: list[Decision] = []
    order: list[str] = []
    for members in groups(standings).values():
        for source in sources:
            part = cells.loc[[(method, source) for method in members]]
            means, margins = list(part["accuracy"]), Margins()
            if rule == "meta-dataset":
                found, margins = meta_dataset_ranks(means, list(part["half_width"]))
            elif rule == "paired" and p_values is not None:
                found, margins = paired_ranks(means, p_values(source, members), alpha)
            else:
                found = plain_ranks(means)
            for method, rank in zip(members, found.tolist(), strict=True):
                ranks[method, source] = rank, rank == found.min()
            for (i, j), margin in margins.items():
                pair = members[i], members[j]
                rounding = _rounding(units.loc[list(pair)])
                decisions.append(Decision(source, *pair, margin > 0, abs(margin), rounding))
        order += sorted(members, key=lambda method: sum(ranks[method, s][0] for s in sources))
    cells = cells.loc[[(method, source) for method in order for source in sources]]
    rank, best = zip(*(ranks[key] for key in cells.index), strict=True)
    return RankedTable(rule, cells.assign(rank=rank, best=best), tuple(decisions))


def _check(cells: pd.DataFrame, sources: Sequence[str], rule: str) -> None:
    """Raise BenchbenchError if not every method has one figure on every source."""
    for method, source in cells.index[cells.index.duplicated()]:
        raise BenchbenchError(f"'{method}' has several figures on '{source}'; give one.")
    methods = cells.index.unique(level=0)
    if missing := [(m, s) for m in methods for s in sources if (m, s) not in cells.index]:
        method, source = missing[0]
        more = f" ({len(missing) - 1} more are missing)" if len(missing) > 1 else ""
        raise BenchbenchError(
            f"'{method}' has no figure on '{source}'{more}; take only the test sources that all "
            "methods have (--common), or only some methods (--methods)."
        )
    lacking = cells.index[cells["half_width"].isna()]
    if rule == "meta-dataset" and len(lacking):
        method, source = lacking[0]
        raise BenchbenchError(
            f"'{method}' has no interval on '{source}', which the rule meta-dataset needs; add it, "
            "or rank by the rule plain."
        )


def _rounding(half_units: pd.DataFrame) -> float:
    """How far rounding moves the margin of two methods at most; a norm, by the norm of changes."""
    return float(half_units["accuracy"].sum() + math.hypot(*half_units["half_width"]))


def _half_unit(figures: Iterable[Any]) -> float:
    """Half a unit of the last digit, that of the longest figure, as some tables drop zeros."""
    printed = [figure for figure in figures if isinstance(figure, Decimal)]
    exponents = [int(figure.as_tuple().exponent) for figure in printed]
    return 0.5 * 10.0 ** min(exponents) if exponents else 0.0
