"""Attributes that are mistaken: answers counted by hand, and what holds for any answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchbench.datasets.attributes import ClassAttributes
from benchbench.results.attribute_confusion import (
    AttributeConfusion,
    Presence,
    attribute_confusion,
)
from benchbench.system.arrays import BoolArray

NAMES = ("small", "large", "red", "blue")
CLASSES = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1]], np.float32)
SMALL_RED, LARGE_RED, SMALL_BLUE, LARGE_BLUE = range(4)
FIGURES = Presence.of(ClassAttributes(NAMES, CLASSES))


def confusion(presence: Presence, *answers: tuple[int, int, float]) -> AttributeConfusion:
    true, said, counts = zip(*answers, strict=True)
    return attribute_confusion(presence, np.array(true), np.array(said), np.array(counts, float))


def test_right_answers_mistake_nothing() -> None:
    found = confusion(FIGURES, *((one, one, 5) for one in range(4)))
    assert found.mistakes["present"].tolist() == [0.5] * 4
    assert not found.mistakes[["missed", "invented"]].to_numpy().any()
    assert found.swaps.empty
    assert (found.wrong, found.alike) == (0, 0)


def test_two_classes_that_are_swapped_give_a_known_table() -> None:
    answers = [(SMALL_RED, LARGE_RED, 6), (SMALL_RED, SMALL_RED, 2), (LARGE_RED, SMALL_RED, 1)]
    found = confusion(FIGURES, *answers, (LARGE_RED, LARGE_RED, 3))
    small, large = found.mistakes.loc["small"], found.mistakes.loc["large"]
    assert small.tolist() == [8 / 12, 6 / 8, 1 / 4]
    assert large.tolist() == [4 / 12, 1 / 4, 6 / 8]
    assert list(found.mistakes.index) == ["small", "large"]  # red in all, blue in none
    assert found.swaps.to_numpy().tolist() == [
        ["small", "large", 6.0, 1.0],
        ["large", "small", 1.0, 1.0],
    ]
    assert (found.wrong, found.alike) == (7, 0)


def test_only_alternatives_are_taken_for_one_another() -> None:
    found = confusion(FIGURES, (SMALL_RED, LARGE_BLUE, 2), (SMALL_RED, LARGE_RED, 2))
    pairs = set(zip(found.swaps["missed"], found.swaps["invented"], strict=True))
    assert pairs == {("small", "large"), ("red", "blue")}
    assert found.swaps["count"].tolist() == [4, 2]


def test_an_attribute_that_is_missed_alone_is_no_swap() -> None:
    presence = Presence(("striped", "winged"), np.array([[True, True], [True, False]]))
    found = confusion(presence, (0, 1, 3), (1, 1, 1))
    assert found.mistakes.loc["winged"].tolist() == [0.75, 1.0, 0.0]
    assert list(found.mistakes.index) == ["winged"]
    assert found.swaps.empty


def test_the_hardest_have_the_highest_mean_of_both_shares() -> None:
    found = confusion(FIGURES, (SMALL_RED, LARGE_RED, 1), (LARGE_BLUE, LARGE_BLUE, 9))
    assert list(found.mistakes.index[:2]) == ["small", "large"]
    # Of "red", whose class is the only one with it, nothing is missed; none invents it.
    assert found.mistakes.loc["red"].tolist() == [0.1, 0.0, 0.0]


def test_shares_of_nothing_are_unknown() -> None:
    found = confusion(FIGURES, (SMALL_RED, LARGE_RED, 1))
    assert found.mistakes.loc["small", "missed"] == 1
    assert math.isnan(found.mistakes.loc["small", "invented"])
    assert math.isnan(found.mistakes.loc["large", "missed"])


def test_classes_of_the_same_attributes_are_counted() -> None:
    found = confusion(Presence(("a",), np.array([[True], [True], [False]])), (0, 1, 4), (0, 2, 1))
    assert (found.wrong, found.alike) == (5, 4)


def test_names_tell_groups_where_they_have_them() -> None:
    present = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], np.bool_)
    grouped = Presence(("bill::cone", "bill::hooked", "size=small", "size=large"), present)
    assert grouped.alternatives.astype(int).tolist() == [
        [0, 1, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 1],
        [0, 0, 1, 0],
    ]
    plain = Presence(("cone", "hooked", "small", "large"), present)
    assert plain.alternatives[:2, 2:].all()
    assert not plain.alternatives[0, 1]


def test_numbers_are_present_above_the_mean_of_all() -> None:
    values = np.array([[0.0, 0.2], [0.9, 0.3]], np.float32)
    found = Presence.of(ClassAttributes(("a", "b"), values))
    assert found.threshold == pytest.approx(0.35)
    assert found.present.tolist() == [[False, False], [True, False]]
    ones = Presence.of(ClassAttributes(("a",), np.ones((2, 1), np.float32)))
    assert ones.threshold is None
    assert ones.present.all()


def test_withheld_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="withheld"):
        Presence.of(ClassAttributes(("a",), np.array([[1], [np.nan]], np.float32)))


PRESENT = st.integers(2, 5).flatmap(
    lambda classes: arrays(np.bool_, st.tuples(st.just(classes), st.integers(1, 6)))
)


@st.composite
def answered(draw: st.DrawFn) -> tuple[BoolArray, np.ndarray, np.ndarray, np.ndarray]:
    present = draw(PRESENT)
    ids = st.integers(0, len(present) - 1)
    rows = draw(st.lists(st.tuples(ids, ids, st.integers(1, 9)), min_size=1, max_size=12))
    true, said, counts = (np.array(column) for column in zip(*rows, strict=True))
    return present, true, said, counts.astype(np.float64)


def counted(found: AttributeConfusion, total: float, name: str) -> tuple[float, float]:
    """How many answers miss and how many invent an attribute; it may be in no row."""
    if name not in found.mistakes.index:
        return 0.0, 0.0
    present, missed, invented = found.mistakes.loc[name]
    return (
        total * present * np.nan_to_num(missed),
        total * (1 - present) * np.nan_to_num(invented),
    )


@given(answered())
def test_what_is_missed_is_invented_by_the_opposite_answers(drawn) -> None:
    present, true, said, counts = drawn
    presence = Presence(tuple(map(str, range(present.shape[1]))), present)
    there = attribute_confusion(presence, true, said, counts)
    back = attribute_confusion(presence, said, true, counts)
    total = float(counts.sum())
    for name in presence.names:
        assert counted(there, total, name) == pytest.approx(counted(back, total, name)[::-1])
    pairs = {(a, b): n for a, b, n, _ in there.swaps.itertuples(index=False)}
    assert pairs == {(b, a): n for a, b, n, _ in back.swaps.itertuples(index=False)}


@given(answered())
def test_the_order_of_answers_and_their_number_change_no_share(drawn) -> None:
    present, true, said, counts = drawn
    presence = Presence(tuple(map(str, range(present.shape[1]))), present)
    once = attribute_confusion(presence, true, said, counts)
    twice = attribute_confusion(presence, true[::-1], said[::-1], 2 * counts[::-1])
    assert sorted(once.mistakes.index) == sorted(twice.mistakes.index)
    ordered = twice.mistakes.loc[once.mistakes.index]
    assert np.allclose(once.mistakes, ordered, equal_nan=True)
    assert twice.swaps["count"].sum() == 2 * once.swaps["count"].sum()
    assert (twice.wrong, twice.alike) == (2 * once.wrong, 2 * once.alike)


@given(answered())
def test_shares_lie_between_none_and_all(drawn) -> None:
    present, true, said, counts = drawn
    presence = Presence(tuple(map(str, range(present.shape[1]))), present)
    found = attribute_confusion(presence, true, said, counts)
    known = np.nan_to_num(found.mistakes.to_numpy())
    assert ((known >= 0) & (known <= 1)).all()
    assert (found.swaps["share"] <= 1 + 1e-12).all()
    assert 0 <= found.alike <= found.wrong <= counts.sum()
