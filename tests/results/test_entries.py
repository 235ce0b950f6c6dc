"""Runs read back: what agrees is one result, what was altered is none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.runs import draw_classes, noisy_correct, write_run

from benchbench.errors import BenchbenchError
from benchbench.results.entries import (
    Entry,
    check_same_episodes,
    entries_of,
    protocol_hash,
    tables_of,
)
from benchbench.results.stored import read_result, read_results
from benchbench.runs.store import RunDirectory, Store

CORRECT = [60, 45, 75, 30]


def test_a_result_holds_what_was_stored(tmp_path: Path) -> None:
    classes = [[3, 1, 4], [1, 5, 9], [2, 6, 5], [3, 5, 8]]
    run = write_run(
        tmp_path, "toy[rate=0.1]", CORRECT, classes=classes, metrics={"nats": [1.5] * 4}
    )
    result = read_result(run)
    assert result.accuracy.tolist() == [right / 75 for right in CORRECT]
    assert result.metrics["nats"].tolist() == [1.5] * 4
    assert (result.method, result.dataset, result.seed) == ("toy[rate=0.1]", "glyphs", 0)
    entry = Entry("toy", (result,))
    assert [ids.tolist() for ids in entry.classes] == classes


def test_episodes_that_are_being_added_are_not_read(tmp_path: Path) -> None:
    run = write_run(tmp_path, "toy", CORRECT)
    with (run.path / "episodes.csv").open("a") as file:
        file.write("4,5,75,10,0.1,0 1 2 3 4\n5,5,75")
    assert len(read_result(RunDirectory(run.path))) == 4


def edit(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "episodes.csv"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (edit("1,5,75,45", "1,5,75,46"), "accuracy that is not correct / n_query"),
        (edit("2,5,75,75", "3,5,75,75"), "does not hold the episodes 0 to 3"),
        (edit("n_query", "queries"), "has no column 'n_query'"),
        (edit("0,5,75,60", "0,5,75,many"), "cannot be read"),
    ],
)
def test_an_altered_file_is_found_out(tmp_path, change, reason) -> None:
    """By its hash, and without one by what does not add up."""
    run = write_run(tmp_path, "toy", CORRECT)
    change(run.path)
    with pytest.raises(BenchbenchError, match="is not what was stored"):
        read_result(RunDirectory(run.path))
    facts = run.manifest["episodes"]
    run.update(episodes={key: facts[key] for key in facts if key != "records_sha256"})
    with pytest.raises(BenchbenchError, match=reason):
        read_result(RunDirectory(run.path))


def test_a_file_that_was_cut_or_lost_is_found_out(tmp_path: Path) -> None:
    run = write_run(tmp_path, "toy", CORRECT)
    file = run.path / "episodes.csv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:3]))
    with pytest.raises(BenchbenchError, match="holds 2 of 4 episodes"):
        read_result(RunDirectory(run.path))
    file.unlink()
    with pytest.raises(BenchbenchError, match="has lost its"):
        read_result(RunDirectory(run.path))


def test_what_cannot_be_read_is_left_out_and_told(tmp_path, capsys) -> None:
    write_run(tmp_path, "good", CORRECT)
    edit("75", "74")(write_run(tmp_path, "bad", CORRECT).path)
    write_run(tmp_path, "broken", CORRECT, status="failed")
    write_run(tmp_path, "halfway", CORRECT, status="running")
    runs = Store(tmp_path).runs()
    assert [result.method for result in read_results([*runs, *runs])] == ["good"]
    assert "bad" in capsys.readouterr().err


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


def test_a_run_in_another_format_is_refused_with_the_cure(tmp_path: Path) -> None:
    run = write_run(tmp_path, "toy", CORRECT)
    run.update(format=1)
    with pytest.raises(BenchbenchError, match="format of another version; run its command again"):
        read_result(RunDirectory(run.path))


def test_runs_in_another_format_are_left_out_and_reported_together(tmp_path, capsys) -> None:
    write_run(tmp_path, "new", CORRECT)
    for method in ("a", "b"):
        write_run(tmp_path, method, CORRECT).update(format=1)
    assert [result.method for result in read_results(Store(tmp_path).runs())] == ["new"]
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "left out runs stored in the format of another version (2, such as" in line
    assert "run their commands again" in line


def test_the_protocols_hash_does_not_depend_on_the_name_of_the_data_set() -> None:
    one, same, other = (
        protocol_hash((name, "ab", "cd", "test", "5way", seed))
        for name, seed in (("folder:/a", 0), ("folder:/b", 0), ("folder:/a", 1))
    )
    assert one == same != other
    assert len(one) == 12
