from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.stats.ranks import (
    Margins,
    meta_dataset_ranks,
    paired_ranks,
    plain_ranks,
    rank_by_elimination,
)

COLUMNS = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 400)).map(
        lambda pair: (Fraction(pair[0], 100), Fraction(pair[1], 100))
    ),
    min_size=1,
    max_size=12,
)


def meta(*column: tuple[float, float]) -> tuple[list[float], Margins]:
    means, widths = zip(*column, strict=True)
    ranks, margins = meta_dataset_ranks(means, widths)
    return ranks.tolist(), margins


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([(90, 1), (80, 1), (70, 1)], [1, 2, 3]),
        ([(90, 0), (90, 0), (70, 0)], [1.5, 1.5, 3]),
        ([(100, 5), (96, 5), (92, 5)], [1.5, 1.5, 3]),
        ([(105, 3), (100, 4)], [1.5, 1.5]),
        ([(106, 3), (100, 4)], [1, 2]),
        ([(70, 1), (69, 1), (60, 1), (68.5, 0.5)], [1.5, 1.5, 4, 3]),
        ([(70, 1)], [1]),
    ],
)
def test_the_rule_of_meta_dataset(column: list[tuple[float, float]], expected: list[float]) -> None:
    assert meta(*column)[0] == expected


def test_ties_are_judged_against_the_leader_only() -> None:
    _, margins = meta((100, 5), (96, 5), (92, 5))
    assert {pair: margin > 0 for pair, margin in margins.items()} == {(0, 1): False, (0, 2): True}


@pytest.mark.parametrize("unit", [Decimal("0.01"), Fraction(1, 100)])
def test_equality_is_a_tie_at_any_scale(unit: Decimal | Fraction) -> None:
    # 0.05 > sqrt(0.03^2 + 0.04^2) in floating point
    means = [105 * unit, 100 * unit]
    ranks, margins = meta_dataset_ranks(means, [3 * unit, 4 * unit])
    assert ranks.tolist() == [1.5, 1.5]
    assert margins == {(0, 1): 0}


def test_a_float_stands_for_its_binary_value() -> None:
    assert meta((0.1 + 0.2, 0), (0.3, 0))[0] == [1, 2]
    assert meta_dataset_ranks([np.float32(0.5), np.int64(0)], [0, 0])[0].tolist() == [1, 2]


def test_a_margin_is_the_distance_from_the_threshold() -> None:
    _, margins = meta((60, 3), (70, 4), (64.9, 3), (50, 0))
    assert min(margins, key=lambda pair: abs(margins[pair])) == (1, 2)
    assert margins[1, 2] == pytest.approx(0.1)
    assert margins[2, 0] == pytest.approx(4.9 - np.hypot(3, 3))
    assert meta((50, 1))[1] == {}
    assert meta((50, 0), (50, 0))[1] == {(0, 1): 0}


def test_a_tiny_margin_keeps_its_digits() -> None:
    tiny = Fraction(1, 10**20)
    _, margins = meta_dataset_ranks([5 + tiny, Fraction(0)], [3, 4])
    assert margins == {(0, 1): pytest.approx(1e-20, rel=1e-9)}


@pytest.mark.parametrize(
    ("means", "widths", "message"),
    [
        ([1, 2], [1], "2 means have 1 half-widths"),
        ([1, 2], [1, -1], "negative"),
        ([1, float("inf")], [1, 1], "not finite"),
        ([1, float("nan")], [1, 1], "NaN"),
    ],
)
def test_what_is_no_column_is_refused(means, widths, message) -> None:
    with pytest.raises(ValueError, match=message):
        meta_dataset_ranks(means, widths)


@given(COLUMNS)
def test_ranks_sum_to_those_of_places(column: list[tuple[Fraction, Fraction]]) -> None:
    k = len(column)
    means, widths = zip(*column, strict=True)
    assert meta_dataset_ranks(means, widths)[0].sum() == k * (k + 1) / 2
    assert plain_ranks(means).sum() == k * (k + 1) / 2


@given(COLUMNS, st.data())
def test_permuting_the_methods_permutes_the_ranks(column, data) -> None:
    distinct = list({mean: (mean, width) for mean, width in column}.values())
    order = data.draw(st.permutations(range(len(distinct))))
    means, widths = zip(*distinct, strict=True)
    ranks, _ = meta_dataset_ranks(means, widths)
    permuted, _ = meta_dataset_ranks([means[i] for i in order], [widths[i] for i in order])
    assert permuted.tolist() == ranks[order].tolist()


@given(COLUMNS)
def test_the_best_mean_has_the_best_rank(column: list[tuple[Fraction, Fraction]]) -> None:
    means, widths = zip(*column, strict=True)
    best = means.index(max(means))
    for ranks in (meta_dataset_ranks(means, widths)[0], plain_ranks(means)):
        assert ranks[best] == ranks.min()


def test_of_equal_means_the_first_leads() -> None:
    assert meta((70, 0), (70, 3), (68, 0))[0] == [1.5, 1.5, 3]
    assert meta((70, 3), (70, 0), (68, 0))[0] == [2, 2, 2]


def test_plain_ranks_share_the_mean_place_of_equal_means() -> None:
    assert plain_ranks([0.5, 0.7, 0.5, 0.9]).tolist() == [3.5, 2, 3.5, 1]
    assert plain_ranks(np.array([0.2])).tolist() == [1]
    with pytest.raises(ValueError, match="NaN"):
        plain_ranks([0.5, float("nan")])


def test_peeling_asks_only_leaders() -> None:
    asked = []

    def different(leader: int, others: Sequence[int]) -> list[bool]:
        asked.extend((leader, other) for other in others)
        return [other == 0 for other in others]

    assert rank_by_elimination([2, 0, 1], different).tolist() == [3, 1.5, 1.5]
    assert asked == [(2, 0), (2, 1)]
    assert rank_by_elimination([], different).tolist() == []


def symmetric(k: int, p_values: dict[tuple[int, int], float]) -> np.ndarray:
    found = np.ones((k, k))
    for (i, j), p in p_values.items():
        found[i, j] = found[j, i] = p
    return found


def test_paired_ranks_peel_by_p_values_that_are_corrected_for_the_leaders_comparisons() -> None:
    p_values = symmetric(3, {(0, 1): 0.2, (0, 2): 0.001, (1, 2): 0.3})
    ranks, margins = paired_ranks(np.array([0.9, 0.8, 0.7]), p_values)
    assert ranks.tolist() == [1.5, 1.5, 3]
    assert margins == {(0, 1): pytest.approx(-0.15), (0, 2): pytest.approx(0.048)}
    assert paired_ranks([0.9, 0.8, 0.7], p_values, alpha=0.25)[0].tolist() == [1, 2.5, 2.5]


def test_each_leader_has_a_family_of_its_own() -> None:
    """0.03 differs alone, and not as the smaller of two."""
    p_values = symmetric(3, {(0, 1): 1e-9, (0, 2): 1e-9, (1, 2): 0.03})
    assert paired_ranks([0.9, 0.8, 0.7], p_values)[0].tolist() == [1, 2, 3]
    p_values = symmetric(3, {(0, 1): 0.03, (0, 2): 0.04, (1, 2): 1e-9})
    assert paired_ranks([0.9, 0.8, 0.7], p_values)[0].tolist() == [2, 2, 2]


@pytest.mark.parametrize("close", [0.03, 0.06])
def test_methods_far_behind_do_not_change_who_ties_with_the_leader(close: float) -> None:
    """Over all pairs, 40 of them would multiply the close p by hundreds."""
    alone = paired_ranks([0.9, 0.89], symmetric(2, {(0, 1): close}))[0].tolist()
    junk = 40
    p_values = np.full((2 + junk, 2 + junk), 1e-12)
    p_values[2:, 2:] = 0.5
    p_values[0, 1] = p_values[1, 0] = close
    crowded = paired_ranks([0.9, 0.89, *np.linspace(0.3, 0.2, junk)], p_values)[0].tolist()
    assert crowded[:2] == alone


def test_a_p_value_at_alpha_or_unknown_is_a_tie() -> None:
    assert paired_ranks([0.9, 0.8], [[1, 0.05], [0.05, 1]])[0].tolist() == [1.5, 1.5]
    nan = float("nan")
    assert paired_ranks([0.9, 0.8], [[nan, nan], [nan, nan]])[0].tolist() == [1.5, 1.5]


def test_p_values_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="2 means"):
        paired_ranks([0.9, 0.8], [[1.0]])
