"""Many methods on many data sets: tests over a table [data sets, methods] of accuracies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import fdtrc

from benchbench.errors import NoEstimate
from benchbench.stats.intervals import ROUNDING
from benchbench.stats.paired import holm
from benchbench.system.arrays import FloatArray

if TYPE_CHECKING:
    import pandas as pd

FEW_DATASETS, FEW_METHODS = 10, 5
"""The numbers up to which the chi-square approximation of Friedman's test is poor."""


@dataclass(frozen=True)
class Friedman:
    """Friedman's test that all methods are equal, and Iman and Davenport's better form of it.

    chi2 has k - 1 degrees of freedom, f has those of f_degrees. average_ranks: by method, 1 is
    best. caution: why the p-values are rough, or None.
    """

    chi2: float
    p_chi2: float
    f: float
    p_f: float
    f_degrees: tuple[int, int]
    average_ranks: pd.Series[float]
    caution: str | None


def wilcoxon_holm(table: pd.DataFrame) -> pd.DataFrame:
    """Wilcoxon's signed-rank test of every pair of methods over data sets, Holm-corrected.

    table: accuracies, a row per data set and a column per method. The result has a row per pair: a,
    b, median_difference (a less b), p (two-sided) and p_holm over all pairs. p is exact up to 50
    data sets if no differences are tied or zero, and from all patterns of signs up to 13. Either
    method gets half of the ranks of equal accuracies, as in Demsar. A pair that is equal everywhere
    has p = 1. Source: Demsar (JMLR 2006), section 3.1.3; Benavoli, Corani and Mangili (JMLR 2016)
    for the pairwise tests instead of Nemenyi's. Raises NoEstimate below two methods or two data
    sets, or if an accuracy is missing.
    """
    import pandas as pd

    values = _complete(table, methods=2)
    pairs = list(combinations(range(values.shape[1]), 2))
    differences = [values[:, i] - values[:, j] for i, j in pairs]
    p = list(map(_signed_rank, differences))
    return pd.DataFrame(
        {
            "a": [table.columns[i] for i, _ in pairs],
            "b": [table.columns[j] for _, j in pairs],
            "median_difference": [float(np.median(d)) for d in differences],
            "p": p,
            "p_holm": holm(p),
        }
    )


def _signed_rank(difference: FloatArray) -> float:
    from scipy import stats

    # Differences that are equal on paper must share a rank.
    rounded = np.round(difference, int(-np.log10(ROUNDING)))
    if not rounded.any():
        return 1.0
    return float(stats.wilcoxon(rounded, zero_method="zsplit").pvalue)


def friedman(table: pd.DataFrame) -> Friedman:
    """Friedman's test over a table of accuracies, a row per data set and a column per method.

    Ties share the average of their ranks. f is infinite if all data sets rank the methods equally;
    p_f is never below the probability that they all agree by chance, k! ** (1 - n).
    Source: Demsar (JMLR 2006), section 3.2.2. Raises NoEstimate below three methods or two data
    sets, if an accuracy is missing, and if all methods are equal on every data set.
    """
    import pandas as pd
    from scipy import stats

    values = np.round(_complete(table, methods=3), int(-np.log10(ROUNDING)))
    n, k = values.shape
    if (np.ptp(values, axis=1) == 0).all():
        raise NoEstimate("All methods are equal on every data set, so that there are no ranks.")
    chi2, p_chi2 = map(float, stats.friedmanchisquare(*values.T))
    left = n * (k - 1) - chi2
    f = (n - 1) * chi2 / left if left > 1e-9 * n * k else float("inf")
    degrees = (k - 1, (k - 1) * (n - 1))
    caution = None
    if n <= FEW_DATASETS or k <= FEW_METHODS:
        caution = (
            f"With {n} data sets and {k} methods these p-values are rough: they want more than "
            f"{FEW_DATASETS} data sets and more than {FEW_METHODS} methods."
        )
    ranks = pd.DataFrame(values, columns=table.columns).rank(axis=1, ascending=False).mean()
    return Friedman(
        chi2=chi2,
        p_chi2=p_chi2,
        f=f,
        p_f=max(float(fdtrc(*degrees, f)), math.exp((1 - n) * math.lgamma(k + 1))),
        f_degrees=degrees,
        average_ranks=ranks,
        caution=caution,
    )


def nemenyi_critical_difference(k: int, n: int, level: float = 0.95) -> float:
    """The difference of average ranks at which two of k methods over n data sets differ.

    CD = q sqrt(k (k + 1) / (6 n)), where q is the quantile of the studentized range over sqrt(2).
    Source: Demsar (JMLR 2006), section 3.2.2. Raises NoEstimate below two methods or without data
    sets.
    """
    if k < 2 or n < 1:
        raise NoEstimate("A critical difference needs two methods or more and a data set.")
    from scipy import stats

    q = float(stats.studentized_range.ppf(level, k, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * n)))


def _complete(table: pd.DataFrame, methods: int) -> FloatArray:
    values = table.to_numpy(dtype=np.float64)
    if len(values) < 2:
        raise NoEstimate("A test over data sets needs two data sets or more.")
    if values.shape[1] < methods:
        raise NoEstimate(f"This test over data sets needs {methods} methods or more.")
    if np.isnan(values).any():
        raise NoEstimate("A method lacks a data set: only a complete table can be tested.")
    return values
