"""Entries without a spread: bounds in place of an interval of no width, and no ranks by it."""

import re
from pathlib import Path

import pytest
from support.runs import QUERIES, draw_classes, write_run

from benchbench.results import reporters
from benchbench.results.across import rank_methods, sources_of
from benchbench.results.comparison import compare_entries, find_entries
from benchbench.results.entries import Entry, entries_of, tables_of
from benchbench.results.leaderboard import tabulate_entries
from benchbench.results.reporters.across import sources_markdown
from benchbench.results.reporters.comparisons import compared_markdown
from benchbench.results.reporters.ranks import ranked_markdown
from benchbench.results.spread import half_width, query_bounds
from benchbench.results.stored import read_result
from benchbench.stats import mean_interval, wilson_interval


def make_entries(root: Path, correct: dict[str, list[int]]) -> list[Entry]:
    """Entries in the order of the names, on shared episodes of 75 queries."""
    count = max(map(len, correct.values()))
    classes = draw_classes(count)
    runs = [write_run(root, name, right, classes=classes) for name, right in correct.items()]
    return find_entries(list(correct), entries_of(map(read_result, runs)))


def ranks(entries: list[Entry], rule: str) -> list[float]:
    table = rank_methods({(entry.label, "glyphs"): entry for entry in entries}, rule)
    return table.average[[entry.label for entry in entries]].tolist()


def test_equal_episodes_have_the_bounds_of_their_queries(tmp_path: Path) -> None:
    (perfect, usual) = make_entries(tmp_path, {"perfect": [75] * 8, "usual": [75, 70] * 4})
    low, high = wilson_interval(8 * QUERIES, 8 * QUERIES)
    assert query_bounds(perfect) == (low, high)
    assert half_width(perfect) == 1 - low > 0
    assert query_bounds(usual) is None
    assert half_width(usual) == mean_interval(usual.accuracy)


def test_a_leaderboard_prints_the_bounds_and_says_what_they_are(tmp_path: Path) -> None:
    entries = make_entries(tmp_path, {"perfect": [75] * 8})
    text = reporters.markdown(tabulate_entries([entries]))
    assert "[99.36, 100.00]" in text
    assert " 0.00 " not in text
    assert "* [low, high]: Wilson's interval over the queries, where" in text


@pytest.mark.parametrize(("episodes", "expected"), [(3, [1.5, 1.5]), (5, [1.5, 1.5]), (6, [1, 2])])
def test_few_constant_differences_decide_no_rank(
    tmp_path: Path, episodes: int, expected: list[float]
) -> None:
    """Five equal signs are chance with a probability of 1/16, six with one of 1/32."""
    entries = make_entries(tmp_path, {"a": [75] * episodes, "b": [45] * episodes})
    assert ranks(entries, "paired") == expected
    assert ranks(entries, "meta-dataset") == [1, 2]  # by the bounds over the queries


def test_equal_episodes_do_not_beat_what_is_within_their_bounds(tmp_path: Path) -> None:
    entries = make_entries(tmp_path, {"a": [75] * 4, "b": [74] * 4})
    for rule in ("paired", "meta-dataset"):
        assert ranks(entries, rule) == [1.5, 1.5]


def test_a_constant_difference_is_compared_without_a_certainty(tmp_path: Path) -> None:
    entries = make_entries(tmp_path, {"a": [70, 60, 65, 50], "b": [69, 59, 64, 49]})
    compared = compare_entries(entries)
    assert compared[0].p_holm == 0.125
    text = compared_markdown(compared, None)
    header, _, row = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    )
    shown = dict(zip(header, row, strict=True))
    dashes = ("± episodes", "± classes", "p (t)", "detectable", "d")
    assert [shown[name] for name in dashes] == ["–"] * len(dashes)
    assert (shown["p (sign flip)"], shown["p (Holm)"]) == ("0.125", "0.125")
    assert "* No ± episodes, p (t), detectable and d: the difference is the same" in text


def test_a_single_episode_is_ranked_without_an_interval(tmp_path: Path) -> None:
    entries = make_entries(tmp_path, {"a": [75], "b": [45]})
    table = rank_methods({(entry.label, "glyphs"): entry for entry in entries}, "meta-dataset")
    text = ranked_markdown(table)
    assert "| **100.00 (1.5)** |" in text
    assert "200" not in text


def test_equal_seeds_have_an_interquartile_mean_and_no_interval_of_it(tmp_path: Path) -> None:
    classes = draw_classes(4)
    results = [
        read_result(write_run(tmp_path, name, correct, dataset=dataset, seed=seed, classes=classes))
        for dataset in ("glyphs", "omniglot")
        for seed in (0, 1)
        for name, correct in {"knn": [60, 70, 50, 60], "net": [60 + seed, 70, 50, 75]}.items()
    ]
    text = sources_markdown(sources_of(tables_of(results)), "paired")
    assert re.search(r"\| knn +\| +0\.7500 \| +0\.7500 \|", text)
    assert "* No interval of IQM of knn: All values are equal" in text
