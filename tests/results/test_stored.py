"""Stored runs read back: what agrees is one result, what was altered is none and stops nothing."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.runs import draw_classes, write_run

from benchbench.errors import BenchbenchError
from benchbench.results.entries import Entry, tables_of
from benchbench.results.leaderboard import tabulate_entries
from benchbench.results.reporters import markdown
from benchbench.results.stored import read_result, read_results
from benchbench.runs.directory import RunDirectory
from benchbench.runs.rows import rows_sha256
from benchbench.runs.store import Store

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
        (edit("0,5,75,60", "0,5,75,many"), "has 'many' in the column 'correct'"),
        (edit("0,5,75,60", "0,5,75,76"), "more correct ones than queries"),
        (edit("0,5,75,60", "0,4,75,60"), "classes are not n_way"),
        (edit("\n1,5,75", "\n1,5,75,75"), "more or fewer cells"),
        (edit(" ", " -"), "in the column 'classes'"),
        (edit("0.8,", "nan,"), "not finite"),
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
    with pytest.raises(BenchbenchError, match="holds 0 of 4 episodes; run its command again"):
        read_result(RunDirectory(run.path))


def test_what_cannot_be_read_is_left_out_and_told(tmp_path, capsys) -> None:
    write_run(tmp_path, "good", CORRECT)
    edit("75", "74")(write_run(tmp_path, "bad", CORRECT).path)
    write_run(tmp_path, "broken", CORRECT, status="failed")
    write_run(tmp_path, "halfway", CORRECT, status="running")
    runs = Store(tmp_path).runs()
    assert [result.method for result in read_results([*runs, *runs])] == ["good"]
    assert "bad" in capsys.readouterr().err


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


# What anybody may have put there


def manifest_with(**values: Any) -> Callable[[Path], None]:
    """Values by the entry's path, as in `identity__seed`."""

    def change(folder: Path) -> None:
        file = folder / "manifest.json"
        manifest = json.loads(file.read_text())
        for name, value in values.items():
            *above, key = name.split("__")
            inner = manifest
            for one in above:
                inner = inner[one]
            inner[key] = value
        file.write_text(json.dumps(manifest))

    return change


def instead(name: str, make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


def sparse(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(2**33)


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a text as seed": (manifest_with(identity__seed="0"), "identity.seed must be integer"),
    "half a seed": (manifest_with(identity__seed=0.5), "identity.seed must be integer"),
    "a huge seed": (manifest_with(identity__seed=10**30), "identity.seed must be smaller"),
    "1e30 episodes": (manifest_with(episodes__count=1e30), "episodes.count must be integer"),
    "NaN seconds": (manifest_with(cost__training_seconds=float("nan")), "must be number"),
    "a text as way": (manifest_with(episodes__way="five"), "episodes.way must be integer or null"),
    "no cost": (manifest_with(cost={}), "cost has no 'training_seconds'"),
    "a list as audit": (manifest_with(audit=[1]), "audit must be object or null"),
    "half a character": (manifest_with(method__spec="\ud800"), "a text in it is no Unicode"),
    "no UTF-8": (instead("manifest.json", lambda f: f.write_bytes(b"\xff")), "no text in UTF-8"),
    "deep": (instead("manifest.json", lambda f: f.write_text("[" * 10**5)), "nested too deeply"),
    "a folder": (instead("manifest.json", Path.mkdir), "is a folder and no file"),
    "a pipe": (instead("manifest.json", os.mkfifo), "is a device or pipe and no file"),
    "a device": (instead("episodes.csv", lambda f: f.symlink_to("/dev/zero")), "is a device or"),
    "gigabytes": (instead("episodes.csv", sparse), "are the most that it can have"),
    "a vast manifest": (instead("manifest.json", sparse), "are the most that it can have"),
    "a dead link": (instead("manifest.json", lambda f: f.symlink_to("/none")), "link to nothing"),
}


@pytest.mark.parametrize(("damage", "what"), DAMAGE.values(), ids=DAMAGE)
def test_one_bad_run_is_left_out_in_one_sentence(tmp_path, capsys, damage, what) -> None:
    write_run(tmp_path, "good", CORRECT)
    bad = write_run(tmp_path, "bad", CORRECT).path
    damage(bad)
    assert [result.method for result in read_results(Store(tmp_path).runs())] == ["good"]
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"left out a run: {bad}/")
    assert what in line
    assert "delete" not in line


def test_what_has_the_name_of_a_manifest_is_counted(tmp_path: Path, capsys) -> None:
    write_run(tmp_path, "good", CORRECT)
    for name in ("web", "web/more"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text('{"name": "an application"}')
    assert len(read_results(Store(tmp_path).runs())) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "manifest.json is of no run (2, such as" in line


def test_two_folders_of_one_run_are_an_error_that_names_both(tmp_path: Path) -> None:
    run = write_run(tmp_path, "toy", CORRECT)
    copy = shutil.copytree(run.path, tmp_path / "copy")
    with pytest.raises(BenchbenchError, match="are one run, toy with seed 0") as caught:
        tables_of(read_results(Store(tmp_path).runs()))
    assert {str(run.path), str(copy)} <= set(str(caught.value).split())
    assert "delete" not in str(caught.value)


def with_other_classes(root: Path, methods: str, seed: int) -> None:
    for method in methods:
        write_run(root, method, CORRECT, classes=draw_classes(4, seed=seed))


def test_runs_that_say_what_most_do_not_are_left_out(tmp_path: Path, capsys) -> None:
    with_other_classes(tmp_path, "abc", 0)
    with_other_classes(tmp_path, "xy", 1)
    write_run(tmp_path, "elsewhere", CORRECT, dataset="omniglot")
    found = read_results(Store(tmp_path).runs())
    assert sorted(result.method for result in found) == ["a", "b", "c", "elsewhere"]
    assert "left out runs (2): " in capsys.readouterr().err
    tables_of(found)


def test_where_nobody_knows_which_episodes_are_right_all_are_left_out(tmp_path, capsys) -> None:
    with_other_classes(tmp_path, "a", 0)
    with_other_classes(tmp_path, "b", 1)
    write_run(tmp_path, "elsewhere", CORRECT, dataset="omniglot")
    assert [result.method for result in read_results(Store(tmp_path).runs())] == ["elsewhere"]
    told = capsys.readouterr().err
    assert "left out runs (2): " in told
    assert "nobody knows which are right" in told


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**40, -1, 1e30, float("nan"), float("inf"), "\ud800", "", [], {}, [[1]]]),
    st.floats(),
    st.text(max_size=8),
    st.integers(1, 100).map(lambda depth: json.loads("[" * depth + "]" * depth)),
)


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Each list or object in a document, with each of its indices or keys."""
    keys = content if isinstance(content, dict) else range(len(content))
    for key in keys:
        yield content, key
        if isinstance(content[key], (dict, list)):
            yield from places(content[key])


@st.composite
def altered_manifests(draw: st.DrawFn, text: str) -> str:
    """With one entry or several of another value, without it, or deeper."""
    manifest = json.loads(text)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(manifest))
        inner, key = found[draw(st.integers(0, len(found) - 1))]
        change = draw(st.sampled_from(["set", "remove", "wrap"]))
        if change == "remove":
            del inner[key]
        else:
            inner[key] = draw(ODD) if change == "set" else [inner[key]]
        if not manifest:
            break
    return json.dumps(manifest)


@st.composite
def altered_rows(draw: st.DrawFn, text: str) -> str:
    """With a cell of another text, or a row twice, moved or gone."""
    lines = [line.split(",") for line in text.splitlines()]
    row = draw(st.integers(0, len(lines) - 1))
    cell = draw(st.integers(0, len(lines[row]) - 1))
    odd = ["", "-1", "1e30", "nan", "9" * 30, "1_0", " 1", "1 ", "٣", '"', "0x1", "1 2", "\x00"]
    lines[row][cell] = draw(st.sampled_from(odd) | st.text("0123456789 .-e,\r\n", max_size=6))
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), lines.pop(row))
    return "\n".join(map(",".join, lines)) + "\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str, str]:
    """A folder of four runs, one that is altered, and what its two files held."""
    root = tmp_path_factory.mktemp("store")
    for method in ("a", "b", "c"):
        write_run(root, method, CORRECT)
    bad = write_run(
        root, "bad[k=1]", CORRECT, audit={"inductive": True, "accuracy_together": 0.5}
    ).path
    return root, bad, (bad / "manifest.json").read_text(), (bad / "episodes.csv").read_text()


def alter(draw: st.DrawFn, store: tuple[Path, Path, str, str]) -> None:
    """Alter the manifest, or the rows with their hash mended."""
    _, bad, manifest, rows = store
    if draw(st.booleans()):
        manifest = draw(altered_manifests(manifest))
    else:
        rows = draw(altered_rows(rows))
        content = json.loads(manifest)
        content["episodes"]["records_sha256"] = rows_sha256(rows.encode())
        manifest = json.dumps(content)
    (bad / "manifest.json").write_text(manifest)
    (bad / "episodes.csv").write_text(rows)


CAREFUL = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@settings(CAREFUL, max_examples=60)
@given(st.data())
def test_whatever_is_altered_reading_raises_nothing_else(store, data) -> None:
    alter(data.draw, store)
    with suppress(BenchbenchError):
        read_result(RunDirectory(store[1]))


@settings(CAREFUL, max_examples=5)
@given(st.data())
def test_whatever_is_altered_the_others_stay_as_they_are(store, data) -> None:
    alter(data.draw, store)
    frame = tabulate_entries(tables_of(read_results(Store(store[0]).runs())), "plain")
    markdown(frame)
    others = frame[frame["method"].isin(["a", "b", "c"])]
    assert others["accuracy"].tolist() == [sum(CORRECT) / 300] * 3
