"""`benchbench run` and the verbs of results on a folder that something else has spoilt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import invoke, manifests, stored, succeeded, task
from support.runs import write_run, write_runs


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods on two data sets, and beside them what is no run or no longer one."""
    folder = tmp_path_factory.mktemp("spoilt")
    write_runs(folder, {"protonet": 0.9, "knn": 0.8}, 12, datasets=["omniglot", "glyphs"])
    (folder / "web" / "manifest.json").mkdir(parents=True)
    bad = write_run(folder, "maml", [40, 50]).path / "manifest.json"
    bad.write_text(json.dumps({**json.loads(bad.read_text()), "cost": "high"}))
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("leaderboard", "FOLDER", "--out", "-", "--across", "all"),
        ("compare", "knn", "protonet", "--results", "FOLDER"),
        ("rank", "FOLDER"),
        ("report", "FOLDER", "--out", "OUT"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_verb_of_results_tells_what_it_leaves_out(
    spoilt: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    places = {"FOLDER": spoilt, "OUT": tmp_path / "report.html"}
    result = succeeded(*(places.get(argument, argument) for argument in arguments))
    told = [line for line in result.stderr.splitlines() if line.startswith("left out")]
    assert len(told) == 2
    assert any("manifest.json is a folder" in line for line in told)
    assert any("cost must be object" in line for line in told)
    assert "knn" in (result.stdout if arguments[0] != "report" else places["OUT"].read_text())


def spec_of(file: Path) -> str:
    return str(json.loads(file.with_name("manifest.json").read_text())["method"]["spec"])


class TestDamage:
    """A results folder that something else has spoilt."""

    @pytest.fixture
    def out(self, finished: Callable[[str], Path], tmp_path: Path) -> Path:
        return Path(shutil.copytree(finished("knn,knn[k=2]"), tmp_path / "results"))

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"status": "finished"}', "\x00\x00"])
    def test_a_damaged_manifest(self, pictures: str, out: Path, content: str) -> None:
        damaged = next(f for f in out.rglob("manifest.json") if "knn" in f.parent.name)
        damaged.write_text(content)
        for result in (
            invoke("leaderboard", "--out", "-", out),
            invoke(*task(pictures, methods="knn,knn[k=2]", out=out)),
        ):
            assert result.exception is None or isinstance(result.exception, SystemExit), repr(
                result.exception
            )
            assert "Traceback" not in result.output
            assert str(damaged.parent.name) in result.stderr or result.exit_code == 0

    def test_foreign_files_below_the_folder_are_no_runs(self, out: Path) -> None:
        (out / "web").mkdir()
        (out / "web" / "manifest.json").write_text('{"name": "a web application"}')
        result = invoke("leaderboard", "--out", "-", out)
        assert result.exit_code == 0, result.output
        assert result.stdout.count("| knn") == 2

    def test_one_damaged_run_does_not_hide_the_others(self, out: Path) -> None:
        damaged, *_ = sorted(out.rglob("manifest.json"))
        damaged.write_text("{")
        result = invoke("leaderboard", "--out", "-", out)
        assert result.stdout.count("| knn") == 1
        assert damaged.parent.name in result.stderr

    def test_an_empty_episode_file_is_begun_anew(self, pictures: str, knn_out: Path) -> None:
        """A kill between the creation of episodes.csv and its first row leaves it empty."""
        before = stored(knn_out)
        (file,) = knn_out.rglob("episodes.csv")
        file.write_bytes(b"")
        self._interrupt(knn_out)
        result = invoke(*task(pictures, out=knn_out))
        assert result.exit_code == 0, result.exception
        assert stored(knn_out) == before

    @pytest.mark.parametrize("cut", [10, 60, 90, 200])
    def test_a_row_that_was_cut_short_is_written_again(
        self, pictures: str, knn_out: Path, cut: int
    ) -> None:
        before = stored(knn_out)
        (file,) = knn_out.rglob("episodes.csv")
        file.write_bytes(file.read_bytes()[:cut])
        self._interrupt(knn_out)
        result = invoke(*task(pictures, out=knn_out))
        assert result.exit_code == 0, result.exception
        assert stored(knn_out) == before

    def test_fewer_episodes_than_an_interrupted_run_has(
        self, pictures: str, tmp_path: Path
    ) -> None:
        assert invoke(*task(pictures, 30, out=tmp_path)).exit_code == 0
        self._interrupt(tmp_path)
        result = invoke(*task(pictures, 10, out=tmp_path))
        assert result.exit_code == 0, result.output
        (manifest,) = manifests(tmp_path).values()
        assert manifest["cost"]["seconds_per_episode"] >= 0
        board = json.loads(invoke("leaderboard", "--out", "-", tmp_path, "--format", "json").stdout)
        assert board[0]["episodes"] == manifest["episodes"]["count"]

    def test_more_episodes_that_fail_do_not_lose_the_finished_ones(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        assert invoke(*task(pictures, 2, methods="flaky", out=tmp_path)).exit_code == 0
        finished = invoke("leaderboard", "--out", "-", tmp_path).stdout
        assert "flaky" in finished
        assert invoke(*task(pictures, 9, methods="flaky", out=tmp_path)).exit_code == 1
        assert "flaky" in invoke("leaderboard", "--out", "-", tmp_path).stdout

    @pytest.mark.parametrize("name", ["episodes.csv", "manifest.json"])
    def test_a_deleted_file_is_made_again(self, pictures: str, knn_out: Path, name: str) -> None:
        before = stored(knn_out)
        (file,) = knn_out.rglob(name)
        file.unlink()
        board = invoke("leaderboard", "--out", "-", knn_out)
        assert board.exception is None or isinstance(board.exception, SystemExit)
        result = invoke(*task(pictures, out=knn_out))
        assert result.exit_code == 0, result.exception
        assert stored(knn_out) == before

    def test_an_edited_run_fails_and_the_others_are_in_the_table(
        self, pictures: str, out: Path
    ) -> None:
        (file,) = (f for f in out.rglob("episodes.csv") if "k=2" in spec_of(f))
        file.write_text(file.read_text().replace("\n1,", "\n1,1", 1))
        result = invoke(*task(pictures, methods="knn,knn[k=2]", out=out))
        assert result.exit_code == 1
        first, second = result.stdout.splitlines()[2:4]
        assert "failed" not in first
        assert "is not what was stored" in second
        assert "delete" not in result.output

    def test_a_folder_that_may_only_be_read(
        self, pictures: str, knn_out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is stored makes the table, and what is not is refused before anything is written."""
        monkeypatch.setattr("benchbench.runs.store.can_write", lambda folder: False)
        before = {path: path.stat().st_mtime_ns for path in (knn_out, *knn_out.rglob("*"))}
        assert "| knn" in succeeded(*task(pictures, out=knn_out)).stdout
        longer = invoke(*task(pictures, 11, out=knn_out))
        assert longer.exit_code == 2
        last = longer.stderr.splitlines()[-1]
        assert last == f"Error: Cannot write results to {knn_out}; choose another --out."
        after = {path: path.stat().st_mtime_ns for path in (knn_out, *knn_out.rglob("*"))}
        assert after == before

    @staticmethod
    def _interrupt(out: Path) -> None:
        """Leave the manifest as a killed process does."""
        (file,) = out.rglob("manifest.json")
        manifest = json.loads(file.read_text())
        file.write_text(json.dumps({**manifest, "status": "running"}))
