"""Tests over data sets against scipy, printed tables and enumeration."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbench.errors import NoEstimate
from benchbench.stats import friedman, nemenyi_critical_difference, wilcoxon_holm

DEMSAR = pd.DataFrame(
    {
        "C4.5": [763, 599, 954, 628, 882, 936, 661, 583, 775, 1000, 940, 619, 972, 957],
        "C4.5+m": [768, 591, 971, 661, 888, 931, 668, 583, 838, 1000, 962, 666, 981, 978],
        "C4.5+cf": [771, 590, 968, 654, 886, 916, 609, 563, 866, 1000, 965, 614, 975.1, 946],
        "C4.5+m+cf": [798, 569, 967, 657, 898, 931, 685, 625, 875, 1000, 962, 669, 975, 970],
    }
).div(1000)
"""AUC of Demsar (JMLR 2006), table 6; where two are printed as .975, they are ranked apart."""


def random_table(seed: int, datasets: int, methods: int) -> pd.DataFrame:
    values = np.random.default_rng(seed).random((datasets, methods))
    return pd.DataFrame(values, columns=[f"method{i}" for i in range(methods)])


def test_friedmans_test_is_that_of_demsars_example() -> None:
    found = friedman(DEMSAR)
    assert list(found.average_ranks) == pytest.approx([3.143, 2.0, 2.893, 1.964], abs=1e-3)
    # 9.28 in section 3.2.2, without the correction for ties: three of two methods, one of four.
    assert found.chi2 == pytest.approx(9.28 / (1 - (3 * 6 + 60) / (14 * 4 * 15)), rel=1e-3)
    assert found.f_degrees == (3, 39)
    assert found.p_f < 0.05
    assert "4 methods" in str(found.caution)


def test_friedmans_test_is_that_of_scipy() -> None:
    table = random_table(0, 15, 7)
    found, expected = friedman(table), stats.friedmanchisquare(*table.to_numpy().T)
    assert (found.chi2, found.p_chi2) == pytest.approx(tuple(expected))
    f = 14 * found.chi2 / (15 * 6 - found.chi2)
    assert found.f == pytest.approx(f)
    assert found.p_f == pytest.approx(stats.f.sf(f, 6, 84))
    assert found.caution is None


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_the_better_form_is_the_analysis_of_variance_of_the_ranks(seed: int) -> None:
    table = random_table(seed, 8, 4)
    ranks = table.rank(axis=1, ascending=False).to_numpy()
    of_method = 8 * ((ranks.mean(axis=0) - 2.5) ** 2).sum() / 3
    residual = ranks - ranks.mean(axis=0)
    assert friedman(table).f == pytest.approx(of_method / ((residual**2).sum() / 21))


def test_equal_accuracies_share_their_ranks() -> None:
    table = pd.DataFrame({"a": [0.9, 0.5], "b": [0.3 * 3, 0.7], "c": [0.1, 0.1]})
    assert list(friedman(table).average_ranks) == [1.75, 1.25, 3.0]


@pytest.mark.parametrize(("datasets", "chance"), [(2, 1 / 6), (4, 1 / 216)])
def test_the_same_ranks_on_every_data_set_may_be_by_chance(datasets: int, chance: float) -> None:
    """Of 3! orders each, all data sets have that of the first."""
    found = friedman(pd.DataFrame([[0.9, 0.8, 0.7]] * datasets))
    assert found.chi2 == pytest.approx(2 * datasets)
    assert found.f == np.inf
    assert found.p_f == pytest.approx(chance)


def test_hundreds_of_methods_that_agree_have_a_p_value() -> None:
    assert friedman(pd.DataFrame([list(np.arange(300) / 300)] * 3)).p_f == 0


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (random_table(0, 5, 2), "3 methods or more"),
        (random_table(0, 1, 4), "two data sets"),
        (pd.DataFrame([[0.5, np.nan, 0.2]] * 3), "complete table"),
        (pd.DataFrame([[0.5, 0.5, 0.5]] * 3), "All methods are equal"),
    ],
)
def test_friedmans_test_refuses(table: pd.DataFrame, reason: str) -> None:
    with pytest.raises(NoEstimate, match=reason):
        friedman(table)


def test_wilcoxons_test_is_that_of_scipy_for_every_pair() -> None:
    table = random_table(1, 12, 4)
    found = wilcoxon_holm(table)
    assert len(found) == 6
    for row in found.itertuples():
        difference = table[row.a] - table[row.b]
        assert row.median_difference == pytest.approx(difference.median())
        assert row.p == pytest.approx(stats.wilcoxon(difference, method="exact").pvalue)
    ordered = np.sort(found["p"])
    assert found["p_holm"].min() == pytest.approx(min(1, 6 * ordered[0]))
    assert (found["p_holm"] >= found["p"]).all()


def test_wilcoxons_test_of_tied_differences_counts_all_signs() -> None:
    hundredths = np.array([5, 3, -1, 2, 2, 4, 1, 3])
    table = pd.DataFrame({"a": 0.5 + hundredths / 100, "b": np.full(8, 0.5)})
    ranks = stats.rankdata(abs(hundredths))
    sums = [np.dot(signs, ranks) for signs in product([-1, 1], repeat=8)]
    observed = np.dot(np.sign(hundredths), ranks)
    assert wilcoxon_holm(table)["p"][0] == pytest.approx(np.mean(np.abs(sums) >= abs(observed)))


def test_methods_that_are_equal_everywhere_have_p_1() -> None:
    table = random_table(0, 6, 2)
    found = wilcoxon_holm(table.assign(twin=table["method0"]))
    assert found.set_index(["a", "b"]).loc[("method0", "twin"), "p"] == 1


def test_wilcoxons_test_refuses() -> None:
    with pytest.raises(NoEstimate, match="2 methods or more"):
        wilcoxon_holm(random_table(0, 5, 1))
    with pytest.raises(NoEstimate, match="two data sets"):
        wilcoxon_holm(random_table(0, 1, 3))


QUANTILES = [1.95996, 2.34370, 2.56903, 2.72777, 2.84971, 2.94832, 3.03088, 3.10173, 3.16368]
"""For two methods and on."""


@pytest.mark.parametrize(("k", "q"), list(enumerate(QUANTILES, start=2)))
def test_the_critical_difference_has_the_known_quantiles(k: int, q: float) -> None:
    expected = q * (k * (k + 1) / (6 * 14)) ** 0.5
    assert nemenyi_critical_difference(k, 14) == pytest.approx(expected, rel=5e-6)


def test_the_critical_difference_of_demsars_example() -> None:
    assert nemenyi_critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert nemenyi_critical_difference(4, 14, level=0.9) < nemenyi_critical_difference(4, 14)
    with pytest.raises(NoEstimate, match="two methods"):
        nemenyi_critical_difference(1, 14)
