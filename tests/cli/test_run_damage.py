"""`benchbench run` and `leaderboard` on a results folder that something else has spoilt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import invoke, manifests, stored, task


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

    @staticmethod
    def _interrupt(out: Path) -> None:
        """Leave the manifest as a killed process does."""
        (file,) = out.rglob("manifest.json")
        manifest = json.loads(file.read_text())
        file.write_text(json.dumps({**manifest, "status": "running"}))
