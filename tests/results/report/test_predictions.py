"""Which queries of a large episode the viewer shows."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from benchbench.results.report.predictions import MOST_QUERIES, Shown


def of_labels(labels: list[int]) -> Shown:
    return Shown((), (), tuple(range(len(labels))), tuple(labels))


def test_of_many_queries_the_first_of_each_class_are_shown() -> None:
    labels = [slot for _ in range(20) for slot in range(160)]
    assert of_labels(labels).places == list(range(320))
    mixed = [0] * 500 + [1] * 100 + [0]
    assert of_labels(mixed).places == [*range(160), *range(500, 600)]


def test_of_more_classes_than_can_be_shown_some_are_left_out() -> None:
    assert of_labels([*range(1000)]).places == list(range(MOST_QUERIES))


def test_those_that_are_kept_keep_their_labels() -> None:
    kept = of_labels([5, 6, 7]).only([0, 2])
    assert (kept.query, kept.query_labels) == ((0, 2), (5, 7))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=900))
def test_no_class_is_left_out_for_the_sake_of_another(labels: list[int]) -> None:
    places = of_labels(labels).places
    shown, whole = Counter(labels[place] for place in places), Counter(labels)
    assert len(places) <= MOST_QUERIES
    assert places == sorted(set(places))
    assert shown.keys() == whole.keys()
    cut = {slot for slot in whole if shown[slot] < whole[slot]}
    assert len({shown[slot] for slot in cut}) <= 1
    assert all(shown[slot] == max(shown.values()) for slot in cut)
