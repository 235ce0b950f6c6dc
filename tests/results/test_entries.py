"""Seeds of one configuration are one entry, and entries of one table have met the same episodes."""

from pathlib import Path

import numpy as np
import pytest
from support.runs import draw_classes, noisy_correct, write_run

from benchbench.errors import BenchbenchError
from benchbench.results.entries import (
    check_same_episodes,
    entries_of,
    protocol_hash,
    tables_of,
)
from benchbench.results.stored import read_result, read_results
from benchbench.runs.store import Store

CORRECT = [60, 45, 75, 30]


def test_seeds_of_one_configuration_are_one_entry(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path, "toy", noisy_correct(0.8, 20, seed), seed=seed) for seed in (2, 0, 1)
    ]
    runs.append(write_run(tmp_path, "toy", noisy_correct(0.7, 30, 9), budget="paper"))
    one, other = entries_of(map(read_result, runs))
    assert {tuple(one.seeds), tuple(other.seeds)} == {(0, 1, 2), (0,)}
    several = max(one, other, key=lambda entry: len(entry.seeds))
    assert several.scores.shape == (3, 20)
    np.testing.assert_allclose(several.accuracy, several.scores.mean(axis=0))


def test_seeds_of_unequal_length_share_their_first_episodes(tmp_path: Path) -> None:
    classes = draw_classes(30)
    runs = [
        write_run(tmp_path, "toy", noisy_correct(0.8, n, n), classes=classes, seed=n)
        for n in (20, 30)
    ]
    (entry,) = entries_of(map(read_result, runs))
    assert len(entry) == 20
    assert entry.scores.shape == (2, 20)
    assert len(entry.classes) == 20


def test_entries_of_two_budgets_have_them_in_their_labels(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, "toy", CORRECT, budget=budget) for budget in ("quick", "paper")]
    labels = [entry.label for entry in entries_of(map(read_result, runs))]
    assert labels == ["toy (paper)", "toy (quick)"]


def test_entries_that_look_alike_have_a_hash_in_their_label(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, "toy", CORRECT, bf16=value) for value in (True, False)]
    runs.append(write_run(tmp_path, "other", CORRECT))
    labels = [entry.label for entry in entries_of(map(read_result, runs))]
    assert labels[0] == "other"
    assert all(label.startswith("toy (quick) #") for label in labels[1:])
    assert labels[1] != labels[2]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"dataset": "omniglot"}, "data set"),
        ({"protocol": "5way-5shot-15query"}, "protocol"),
        ({"episode_seed": 1}, "episode seed"),
        ({"splits": "ef" * 32}, "splits"),
    ],
)
def test_unequal_episodes_are_told(tmp_path: Path, change: dict, word: str) -> None:
    a, b = (
        read_result(write_run(tmp_path, m, CORRECT, **c)) for m, c in (("a", {}), ("b", change))
    )
    with pytest.raises(BenchbenchError, match=f"their {word} is"):
        check_same_episodes(a, b)
    assert len(tables_of([a, b])) == 2


def test_one_protocol_with_different_episodes_is_an_error(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path, method, CORRECT, classes=draw_classes(4, seed=seed))
        for seed, method in enumerate("ab")
    ]
    with pytest.raises(BenchbenchError, match="hold different episodes"):
        entries_of(map(read_result, runs))


def test_the_facts_are_those_of_the_episodes_that_all_seeds_have_met(tmp_path: Path) -> None:
    """Two episodes are disjoint and of one way where four are not."""
    few, many = {"way": 5, "disjoint": True}, {"way": None, "disjoint": False}
    classes = draw_classes(4)
    for count, seed, facts in ((4, 0, many), (2, 1, few)):
        write_run(tmp_path, "toy", CORRECT[:count], classes=classes, seed=seed, episodes=facts)
    (entry,) = entries_of(read_results(Store(tmp_path).runs()))
    assert len(entry) == entry.facts["count"] == 2
    assert {key: entry.facts[key] for key in few} == few


def test_the_protocols_hash_does_not_depend_on_the_name_of_the_data_set() -> None:
    one, same, other = (
        protocol_hash((name, "ab", "cd", "test", "5way", seed))
        for name, seed in (("folder:/a", 0), ("folder:/b", 0), ("folder:/a", 1))
    )
    assert one == same != other
    assert len(one) == 12
