"""Run directories: readable after a kill at any moment, and one process at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.file_systems import fill, small_disk
from support.runs import write_run

from benchbench.errors import BenchbenchError, MethodError, reason_of
from benchbench.runs import directory
from benchbench.runs.directory import FLUSH_EVERY, RunDirectory
from benchbench.runs.episodes_file import PREDICTION_COLUMNS, EpisodesFile
from benchbench.runs.names import slug
from benchbench.runs.reading import FORMAT
from benchbench.runs.rows import COLUMNS

IDENTITY = {"method": "toy", "protocol": "5way-1shot-15query", "seed": 0}

BEGUN: dict[str, Any] = {
    "format": FORMAT,
    "status": "running",
    "reason": "",
    "identity": {
        **IDENTITY,
        **dict.fromkeys(("fingerprint", "splits", "split", "budget"), "ab"),
        "episode_seed": 0,
        "metrics": [],
    },
    "method": {"spec": "toy"},
    "dataset": {"name": "glyphs"},
}
COST = {"training_seconds": 1.5, "seconds_per_episode": 0.1}


def record(number: int, **further: float) -> dict[str, Any]:
    return {
        "episode": number,
        "n_way": 5,
        "n_query": 75,
        "correct": 25,
        "accuracy": 25 / 75,
        "classes": "3 1 4 0 5",
        **further,
    }


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


def reopened(run: RunDirectory) -> RunDirectory:
    """The directory as another process would see it."""
    return RunDirectory(run.path)


def append(run: RunDirectory, numbers: range) -> None:
    for number in numbers:
        run.append(record(number))


def predict(run: RunDirectory, numbers: range, predicted: str = "0 1") -> None:
    for number in numbers:
        texts = dict.fromkeys(PREDICTION_COLUMNS, "1 0")
        run.append_prediction({**texts, "episode": number, "predicted": predicted})
        run.append(record(number))


def predictions_of(run: RunDirectory) -> list[tuple[int, str]]:
    header, *lines = (run.path / "predictions.csv").read_text().splitlines()
    assert tuple(header.split(",")) == PREDICTION_COLUMNS
    return [(int(line.split(",")[0]), line.split(",")[-1]) for line in lines]


def numbers_of(run: RunDirectory) -> list[int]:
    return [int(row["episode"]) for row in run.records()]


# Rows


def test_rows_come_back_at_full_precision(run: RunDirectory) -> None:
    run.append(record(0, entropy=0.1 + 0.2))
    run.flush()
    (row,) = reopened(run).records()
    assert tuple(row) == (*COLUMNS, "entropy")
    assert float(row["accuracy"]) == 25 / 75
    assert float(row["entropy"]) == 0.1 + 0.2
    assert row["classes"].split() == ["3", "1", "4", "0", "5"]


def test_equal_runs_write_equal_bytes(tmp_path: Path) -> None:
    for name, flushes in (("a", 1), ("b", 7)):
        run = RunDirectory(tmp_path / name)
        run.path.mkdir()
        for start in range(0, 350, 350 // flushes):
            append(run, range(start, start + 350 // flushes))
            run.flush()
    contents = [(tmp_path / name / "episodes.csv").read_bytes() for name in "ab"]
    assert contents[0] == contents[1]
    assert contents[0].count(b"\n") == 351


def test_a_part_of_the_rows(run: RunDirectory) -> None:
    append(run, range(5))
    run.flush()
    assert [row["episode"] for row in run.records(3)] == ["0", "1", "2"]
    assert len(run.records(9)) == 5


def test_nothing_is_stored_at_first(run: RunDirectory) -> None:
    assert (run.scored(), run.status, run.manifest, run.has(1)) == (0, "", {}, False)


def test_flushing_nothing_writes_nothing(run: RunDirectory) -> None:
    run.flush()
    assert list(run.path.iterdir()) == []


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_row_that_a_kill_cut_short_is_removed(run: RunDirectory, cut: int) -> None:
    append(run, range(4))
    run.flush()
    file = run.path / "episodes.csv"
    file.write_bytes(file.read_bytes()[:-cut])
    again = reopened(run)
    assert again.scored() == 3
    assert numbers_of(again) == [0, 1, 2]
    append(again, range(3, 5))
    again.flush()
    assert numbers_of(again) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("length", [0, 10, len(",".join(COLUMNS)), len(",".join(COLUMNS)) + 1])
def test_a_header_that_a_kill_cut_short_is_written_again(run: RunDirectory, length: int) -> None:
    (run.path / "episodes.csv").write_text((",".join(COLUMNS) + "\n")[:length])
    assert run.scored() == 0
    append(run, range(2))
    run.flush()
    assert tuple(run.records()[0]) == COLUMNS
    assert numbers_of(run) == [0, 1]


def test_a_kill_loses_the_waiting_rows_only(run: RunDirectory) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from benchbench.runs.directory import RunDirectory\n"
        "run = RunDirectory(Path(sys.argv[1]))\n"
        "run.start({'status': 'running'})\n"
        "for number in range(250):\n"
        "    run.append({'episode': number, 'accuracy': 0.5})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(run.path)])
    assert killed.returncode == -signal.SIGKILL
    stored = run.scored()
    assert 250 - FLUSH_EVERY <= stored < 250
    assert numbers_of(run) == list(range(stored))
    assert run.status == "running"


def test_missing_rows_are_told(run: RunDirectory) -> None:
    with pytest.raises(BenchbenchError, match=r"episodes\.csv"):
        run.records()


# Predictions


def test_predictions_are_added(run: RunDirectory) -> None:
    predict(run, range(2))
    run.flush()
    predict(reopened(run), range(2, 3))
    assert predictions_of(run) == [(0, "0 1"), (1, "0 1")]
    again = reopened(run)
    predict(again, range(2, 4), "1 1")
    again.flush()
    assert predictions_of(run) == [(0, "0 1"), (1, "0 1"), (2, "1 1"), (3, "1 1")]


def test_predictions_of_episodes_that_are_scored_again_take_the_place_of_the_old_ones(
    run: RunDirectory,
) -> None:
    predict(run, range(5))
    run.flush()
    again = reopened(run)
    predict(again, range(2, 4), "1 1")
    again.flush()
    assert predictions_of(run) == [(0, "0 1"), (1, "0 1"), (2, "1 1"), (3, "1 1")]


def test_predictions_are_written_before_the_rows(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: EpisodesFile, rows: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(EpisodesFile, "append", killed)
    predict(run, range(3))
    with pytest.raises(KeyboardInterrupt):
        run.flush()
    assert len(predictions_of(run)) == 3
    assert run.scored() == 0


def test_a_run_without_its_first_predictions_gets_no_later_ones(run: RunDirectory) -> None:
    append(run, range(3))
    run.flush()
    predict(run, range(3, 5))
    run.flush()
    assert not (run.path / "predictions.csv").exists()
    assert numbers_of(run) == list(range(5))


# Manifest and status


def test_entries_are_changed_and_the_others_kept(run: RunDirectory) -> None:
    run.update(a=1, b=[1, 2])
    run.update(b=None)
    assert reopened(run).manifest == run.manifest == {"a": 1, "b": None}
    assert [path.name for path in run.path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("content", ["", '{"status": "finis', "[]", "null", "\x00"])
def test_a_damaged_manifest_is_told(run: RunDirectory, content: str) -> None:
    (run.path / "manifest.json").write_text(content)
    with pytest.raises(BenchbenchError, match=r"manifest\.json is no manifest .*put back what was"):
        _ = run.status


def finished(folder: Path, rows: int = 3) -> RunDirectory:
    run = RunDirectory(folder)
    run.path.mkdir(exist_ok=True)
    run.start(BEGUN)
    append(run, range(rows))
    run.flush()
    run.finish(episodes={"count": rows, "records_sha256": run.records_sha256(rows)}, cost=COST)
    return reopened(run)


def bytes_changed(old: bytes, new: bytes, first: bytes = b"") -> Callable[[Path], None]:
    def change(file: Path) -> None:
        file.write_bytes(first + file.read_bytes().replace(old, new))

    return change


@pytest.mark.parametrize(
    "change",
    [
        bytes_changed(b"\n", b"\r\n"),
        bytes_changed(b"", b"", first=b"\xef\xbb\xbf"),
        bytes_changed(b"\n", b"\r\n", first=b"\xef\xbb\xbf"),
    ],
    ids=["line ends of Windows", "byte order mark", "both"],
)
def test_what_a_copy_makes_of_text_changes_no_run(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    run = finished(tmp_path)
    expected = run.manifest, run.stored_rows(), run.records()
    for name in ("episodes.csv", "manifest.json"):
        change(tmp_path / name)
    again = reopened(run)
    assert again.has(3)
    assert (again.manifest, again.stored_rows(), again.records()) == expected
    append(again, range(3, 5))
    again.flush()
    assert again.scored() == 5
    clean = finished(tmp_path / "clean", 5)
    assert again.records_sha256(5) == clean.records_sha256(5)


def test_rows_that_were_edited_are_told_before_they_are_used(tmp_path: Path) -> None:
    """A longer run would hash them anew, with its own."""
    run = finished(tmp_path)
    bytes_changed(b"1,5,75,25", b"1,5,75,26")(tmp_path / "episodes.csv")
    for episodes in (2, 3, 4):
        with pytest.raises(BenchbenchError, match=r"is not what was stored .*; put back what was"):
            reopened(run).has(episodes)


def test_a_run_of_another_version_is_not_written_over(tmp_path: Path) -> None:
    run = finished(tmp_path)
    run.update(format=FORMAT + 1, episodes="in another way")
    with pytest.raises(BenchbenchError, match="format of another version; move it elsewhere"):
        reopened(run).has(1)


def test_a_name_that_is_no_unicode_can_be_read_back(run: RunDirectory) -> None:
    """As the bytes of a file's name are that are no UTF-8."""
    run.start({**BEGUN, "command": ["run", os.fsdecode(b"caf\xe9"), "café"]})
    assert reopened(run).manifest["command"] == ["run", "caf?", "café"]
    assert slug(os.fsdecode(b"caf\xe9")) != slug("caf")


def test_from_running_to_finished(run: RunDirectory) -> None:
    run.start(BEGUN)
    assert run.status == "running"
    append(run, range(3))
    run.finish(episodes={"count": 3, "sha256": "ab"}, cost=COST)
    again = reopened(run)
    assert (again.status, again.scored()) == ("finished", 3)
    assert again.manifest["started"] <= again.manifest["finished"]
    assert [again.has(count) for count in (2, 3, 4)] == [True, True, False]


def test_a_clock_that_was_set_back_ends_no_run_before_it_began(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the times say, which nothing is computed from: costs are of another clock."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    clock = SimpleNamespace(now=lambda zone: now)
    monkeypatch.setattr(directory, "datetime", clock)
    run.start(BEGUN)
    append(run, range(3))
    run.flush()
    now -= timedelta(days=400)
    assert reopened(run).scored() == 3
    again = reopened(run)
    again.start(BEGUN)
    again.finish(episodes={"count": 3, "sha256": "ab"}, cost=COST)
    found = reopened(run)
    assert (found.status, found.scored(), found.has(3)) == ("finished", 3, True)
    assert found.manifest["started"] > found.manifest["finished"]
    assert found.manifest["cost"] == COST


def test_a_longer_run_goes_on_and_keeps_what_it_knows(run: RunDirectory) -> None:
    run.start(BEGUN)
    run.finish(episodes={"count": 3}, cost=COST)
    started = run.manifest["started"]
    run.start(BEGUN)
    again = reopened(run).manifest
    assert again["status"] == "finished"
    assert again["cost"] == COST
    assert again["episodes"] == {"count": 3}
    assert again["started"] == started
    run.fail(failure("of the longer run"))
    assert reopened(run).status == "finished"


def failure(message: str) -> Exception:
    try:
        raise RuntimeError(message)
    except RuntimeError as error:
        return error


def test_a_failure_keeps_the_rows_and_the_traceback(run: RunDirectory) -> None:
    run.start(BEGUN)
    append(run, range(3))
    run.fail(failure("out of\n  luck"))
    again = reopened(run)
    assert (again.status, again.scored()) == ("failed", 3)
    assert again.manifest["reason"] == "RuntimeError: out of luck"
    assert not again.has(1)
    traceback = (run.path / "error.txt").read_text()
    assert "in failure" in traceback
    assert "RuntimeError: out of" in traceback


def test_a_new_start_forgets_the_failure(run: RunDirectory) -> None:
    run.start(BEGUN)
    run.fail(failure("once"))
    run.start(BEGUN)
    assert not (run.path / "error.txt").exists()
    run.finish(episodes={"count": 0})
    assert (run.status, run.manifest["reason"]) == ("finished", "")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MethodError("scores hold NaN"), "scores hold NaN"),
        (BenchbenchError("no\n such  thing"), "no such thing"),
        (ValueError("bad\nvalue"), "ValueError: bad value"),
        (KeyError(), "KeyError"),
    ],
)
def test_reasons_are_one_sentence(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


# Lock


def test_another_process_is_kept_out(run: RunDirectory) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from benchbench.runs.directory import RunDirectory\n"
        "with RunDirectory(Path(sys.argv[1])).locked():\n"
        "    print('locked', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(MethodError, match="another process is running it in"), run.locked():
            pytest.fail("two processes are in")
        other.communicate()
    with run.locked():
        assert other.returncode == 0


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "new" / "folder")
    with pytest.raises(ZeroDivisionError), run.locked():
        _ = 1 / 0
    with reopened(run).locked():
        assert run.path.is_dir()


def test_the_lock_reads_what_another_process_has_written_since(run: RunDirectory) -> None:
    assert run.status == ""
    reopened(run).update(status="finished")
    with run.locked():
        assert run.status == "finished"


def test_a_manifest_is_plain_json(run: RunDirectory) -> None:
    run.update(path=Path("/a"), share=1 / 3)
    stored = json.loads((run.path / "manifest.json").read_text())
    assert stored == {"path": "/a", "share": 1 / 3}


def test_rows_that_a_full_disk_cuts_short_are_none(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(run, range(3))
    run.flush()
    before = (run.path / "episodes.csv").read_bytes()
    opened = Path.open

    def full(self: Path, mode: str = "r", **options: Any) -> Any:
        stream = opened(self, mode, **options)
        if "a" in mode:
            stream.write(b"3,5,7")
            stream.close()
            raise OSError(28, "No space left on device")
        return stream

    monkeypatch.setattr(Path, "open", full)
    append(run, range(3, 6))
    with pytest.raises(OSError, match="No space"):
        run.flush()
    monkeypatch.undo()
    run.flush()
    assert (run.path / "episodes.csv").read_bytes() == before


def test_a_disk_that_is_full_loses_nothing_that_is_stored(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1):
        run = RunDirectory(tmp_path / "disk" / "run")
        run.path.mkdir()
        run.start(BEGUN)
        append(run, range(FLUSH_EVERY))
        run.flush()
        before = run.manifest
        ballast = fill(tmp_path / "disk")
        with pytest.raises(OSError, match="No space left"):
            append(run, range(FLUSH_EVERY, 10 * FLUSH_EVERY))
        with pytest.raises(OSError, match="No space left"):
            run.update(status="failed")
        assert reopened(run).manifest == before
        assert {file.name for file in run.path.iterdir()} == {"manifest.json", "episodes.csv"}
        ballast.unlink()
        again = reopened(run)
        count = again.scored()
        assert count >= FLUSH_EVERY
        append(again, range(count, 10 * FLUSH_EVERY))
        again.finish(episodes={"count": 10 * FLUSH_EVERY}, cost=COST)
        assert numbers_of(reopened(run)) == list(range(10 * FLUSH_EVERY))


def test_whether_a_run_is_being_computed(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    assert not run.is_running()
    assert not run.path.exists()
    with run.locked():
        assert RunDirectory(run.path).is_running()
    assert not run.is_running()


def test_a_look_at_a_lock_does_not_end_who_wants_it(tmp_path: Path) -> None:
    """For as long as a look takes, the lock is somebody else's."""
    run = RunDirectory(tmp_path)
    looking = run.locked()
    looking.__enter__()
    timer = threading.Timer(0.1, looking.__exit__, (None, None, None))
    timer.start()
    with RunDirectory(tmp_path).locked():
        assert run.is_running()
    timer.join()


def test_a_name_is_stored_outside_the_identity(tmp_path: Path) -> None:
    run = write_run(tmp_path, "toy", [40, 50])
    before = run.manifest
    run.call("")
    assert "label" not in reopened(run).manifest
    run.call("mine")
    assert reopened(run).manifest == {**before, "label": "mine"}
    run.start({**before, "status": "x"})
    assert reopened(run).manifest["label"] == "mine"
    run.start({**before, "label": "yours"})
    assert reopened(run).manifest["label"] == "yours"
    with run.locked():
        RunDirectory(run.path).call("busy")
    assert reopened(run).manifest["label"] == "yours"
