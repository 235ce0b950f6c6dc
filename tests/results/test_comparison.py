"""Entries against each other: pairing, families, and ranks by the paired test."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from support.runs import draw_classes, noisy_correct, write_run

from benchbench.errors import BenchbenchError
from benchbench.results.across import rank_methods
from benchbench.results.comparison import (
    compare_entries,
    comparison_frame,
    find_entries,
    paired_p_values,
)
from benchbench.results.entries import Entry, entries_of
from benchbench.results.stored import read_result
from benchbench.stats import crossed_seeds

CLASSES = draw_classes(600)


def rank_entries(entries: list[Entry], rule: str) -> pd.Series:
    """Their ranks by one of `ranking.RULES`, in the order of the entries."""
    table = rank_methods({(entry.label, "glyphs"): entry for entry in entries}, rule)
    return table.average[[entry.label for entry in entries]]


def make_entries(
    root: Path,
    means: dict[str, float],
    episodes: dict[str, int] | None = None,
    seeds: dict[str, list[int]] | None = None,
) -> list[Entry]:
    """Entries in the order of the names, on shared episodes."""
    results = []
    for number, (name, mean) in enumerate(means.items()):
        for seed in (seeds or {}).get(name, [0]):
            correct = noisy_correct(mean, (episodes or {}).get(name, 600), 10 * number + seed)
            run = write_run(root, name, correct, classes=CLASSES, seed=seed)
            results.append(read_result(run))
    return find_entries(list(means), entries_of(results))


def test_a_pair_is_compared_episode_by_episode(tmp_path: Path) -> None:
    a, b = make_entries(tmp_path, {"a": 0.8, "b": 0.79})
    (one,) = compare_entries([a, b])
    test = stats.ttest_rel(a.accuracy, b.accuracy)
    assert one.paired.difference == pytest.approx(a.accuracy.mean() - b.accuracy.mean())
    assert one.paired.p_t == pytest.approx(test.pvalue, rel=1e-9)
    low, high = test.confidence_interval()
    assert one.paired.ci_episodes == pytest.approx((high - low) / 2)
    assert one.p_holm == one.paired.p_t
    assert one.ci_seeds is None


def test_holm_is_over_all_pairs_or_over_those_with_the_reference(tmp_path: Path) -> None:
    entries = make_entries(tmp_path, {"a": 0.8, "b": 0.797, "c": 0.794})
    every = compare_entries(entries)
    assert [(one.a.label, one.b.label) for one in every] == [("a", "b"), ("a", "c"), ("b", "c")]
    expected = multipletests([one.paired.p_t for one in every], method="holm")[1]
    assert [one.p_holm for one in every] == pytest.approx(expected)
    against = compare_entries(entries, entries[1])
    assert [(one.a.label, one.b.label) for one in against] == [("a", "b"), ("c", "b")]
    expected = multipletests([one.paired.p_t for one in against], method="holm")[1]
    assert [one.p_holm for one in against] == pytest.approx(expected)


def test_only_common_seeds_are_compared(tmp_path: Path) -> None:
    a, b = make_entries(tmp_path, {"a": 0.8, "b": 0.78}, seeds={"a": [0, 1, 2], "b": [1, 2, 5]})
    (one,) = compare_entries([a, b])
    assert one.seeds == 2
    difference = a.scores[[1, 2]] - b.scores[[0, 1]]
    assert one.paired.difference == pytest.approx(difference.mean())
    assert one.ci_seeds == pytest.approx(crossed_seeds(difference).half_width)


def test_without_a_common_seed_the_means_are_compared(tmp_path: Path) -> None:
    a, b = make_entries(tmp_path, {"a": 0.8, "b": 0.78}, seeds={"a": [0, 1], "b": [2]})
    (one,) = compare_entries([a, b])
    assert (one.seeds, one.ci_seeds) == (0, None)
    assert one.paired.difference == pytest.approx(a.accuracy.mean() - b.accuracy.mean())


def test_the_first_episodes_are_compared_where_one_has_more(tmp_path: Path) -> None:
    a, b = make_entries(tmp_path, {"a": 0.8, "b": 0.78}, episodes={"b": 100})
    (one,) = compare_entries([a, b])
    assert one.paired.n == 100
    assert one.paired.difference == pytest.approx(a.accuracy[:100].mean() - b.accuracy.mean())


def test_a_frame_of_comparisons_has_a_row_a_pair(tmp_path: Path) -> None:
    entries = make_entries(tmp_path, {"a": 0.8, "b": 0.7, "c": 0.6})
    frame = comparison_frame(compare_entries(entries))
    assert list(zip(frame["a"], frame["b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert frame["difference"].tolist() == pytest.approx([0.1, 0.2, 0.1], abs=0.01)
    assert (frame["ci_classes"] > 0).all()


def test_a_name_is_one_entry_or_an_error(tmp_path: Path) -> None:
    entries = make_entries(tmp_path, {"protonet": 0.8, "knn": 0.7})
    with pytest.raises(BenchbenchError, match="did you mean protonet"):
        find_entries(["protnet"], entries)


def test_p_values_of_all_pairs_are_scipys_on_common_episodes(tmp_path: Path) -> None:
    """Also where entries differ in length, so that each pair has its own common episodes."""
    entries = make_entries(
        tmp_path, {"a": 0.8, "b": 0.797, "c": 0.796, "d": 0.79}, episodes={"b": 50, "d": 200}
    )
    found = paired_p_values(entries)
    for i in range(4):
        for j in range(i + 1, 4):
            n = min(len(entries[i]), len(entries[j]))
            raw = stats.ttest_rel(entries[i].accuracy[:n], entries[j].accuracy[:n]).pvalue
            assert found[i, j] == pytest.approx(raw)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diag(found), 1)


def test_the_paired_rule_separates_what_the_unpaired_one_does_not(tmp_path: Path) -> None:
    """Six tenths of a point of difference, within the intervals of both but not by chance."""
    entries = make_entries(tmp_path, {"a": 0.8, "b": 0.794, "c": 0.794})
    assert rank_entries(entries, "meta-dataset").tolist() == [2, 2, 2]
    assert rank_entries(entries, "paired").tolist() == [1, 2.5, 2.5]
    plain = rank_entries(entries, "plain")
    assert sorted(plain) == [1, 2, 3]
    assert plain["a"] == 1


def test_junk_rows_do_not_change_who_ties_with_the_leader(tmp_path: Path) -> None:
    """Not those of another group, and not those that are far behind."""
    means = {"a": 0.8, "b": 0.794, "c": 0.7995}
    alone = rank_entries(make_entries(tmp_path / "alone", means), "paired")
    assert alone.tolist() == [1.5, 3, 1.5]
    behind = {f"junk{number}": 0.3 + 0.005 * number for number in range(20)}
    crowded = make_entries(tmp_path / "crowded", {**means, **behind})
    assert rank_entries(crowded, "paired")[["a", "b", "c"]].tolist() == alone.tolist()
    others = [
        read_result(
            write_run(
                tmp_path / "others",
                f"other{number}",
                noisy_correct(0.79 + 0.001 * number, 600, 500 + number),
                classes=CLASSES,
                declared={"transductive": True},
            )
        )
        for number in range(20)
    ]
    mixed = [*make_entries(tmp_path / "mixed", means), *entries_of(others)]
    assert rank_entries(mixed, "paired")[["a", "b", "c"]].tolist() == alone.tolist()


def test_a_single_episode_ties_with_all(tmp_path: Path) -> None:
    entries = make_entries(tmp_path, {"a": 0.9, "b": 0.2}, episodes={"a": 1, "b": 1})
    for rule in ("paired", "meta-dataset"):
        assert rank_entries(entries, rule).tolist() == [1.5, 1.5]
