"""`benchbench run` with methods that fail or decline: they harm no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import invoke, manifests, process, stored, task


class TestFailures:
    def test_a_failed_method_harms_no_other_and_is_tried_again(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arguments = task(pictures, methods="flaky,knn,chance", out=tmp_path)
        result = process(*arguments, path=(site,))
        assert result.returncode == 1
        assert "Traceback" not in result.stdout + result.stderr
        told = [line for line in result.stderr.splitlines() if "failed" in line]
        assert len(told) == 1
        assert "flaky" in told[0]
        assert "the third episode broke" in told[0]
        assert "error.txt" in told[0]
        assert "failed: RuntimeError: the third episode broke" in result.stdout
        (error,) = tmp_path.rglob("error.txt")
        assert str(error) in told[0]
        assert "Traceback" in error.read_text()
        assert "third_party_methods.py" in error.read_text()
        status = {name: manifest["status"] for name, manifest in manifests(tmp_path).items()}
        assert status == {"flaky": "failed", "knn": "finished", "chance": "finished"}
        board = invoke("leaderboard", "--out", "-", tmp_path).stdout
        assert "knn" in board
        assert "flaky" not in board

        monkeypatch.syspath_prepend(str(site))
        assert invoke(*arguments).exit_code == 1
        monkeypatch.setenv("FLAKY_IS_MENDED", "yes")
        left = invoke(*arguments)
        assert left.exit_code == 1
        assert "1 cell has failed before; --retry computes it again" in left.stderr
        mended = invoke(*arguments, "--retry")
        assert mended.exit_code == 0, mended.output
        assert not list(tmp_path.rglob("error.txt"))
        never_failed = tmp_path / "never"
        assert invoke(*task(pictures, methods="flaky", out=never_failed)).exit_code == 0
        (clean,) = stored(never_failed).values()
        assert clean in [v for k, v in stored(tmp_path).items() if not k.startswith("never")]

    @pytest.mark.parametrize(
        ("method", "reason"),
        [
            ("untrainable", "ZeroDivisionError: no gradient"),
            ("not_a_number", "NaN"),
            ("misshaped", "[12] in place of [12, 3]"),
            ("integers", "int64 in place of floats"),
        ],
    )
    def test_reasons(
        self,
        pictures: str,
        site: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        method: str,
        reason: str,
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        result = invoke(*task(pictures, methods=f"{method},knn", out=tmp_path))
        assert result.exit_code == 1, result.output
        assert f"failed: {reason}" in result.stdout or reason in result.stdout
        assert reason in result.stderr
        assert "Traceback" not in result.output
        assert manifests(tmp_path)["knn"]["status"] == "finished"
        assert reason in manifests(tmp_path)[method]["reason"]

    def test_a_count_stays_an_integer_beside_a_failure(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        result = invoke(*task(pictures, methods="untrainable,knn", out=tmp_path))
        (line,) = [line for line in result.stdout.splitlines() if line.startswith("| knn")]
        assert line.split("|")[5].strip() == "10"

    @pytest.mark.parametrize("method", ["bad_skip", "bad_start"])
    def test_other_errors_of_a_plugin_end_it_alone(
        self,
        pictures: str,
        site: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        method: str,
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        result = invoke(*task(pictures, methods=f"{method},knn", out=tmp_path))
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        assert "Traceback" not in result.output
        assert method in result.stderr
        if result.exit_code != 2:  # refused before anything ran is as good
            assert result.exit_code == 1
            assert manifests(tmp_path)["knn"]["status"] == "finished"

    def test_skipped_by_shot_zero(self, pictures: str, tmp_path: Path) -> None:
        result = invoke(*task(pictures, methods="knn,protonet", shot=0, out=tmp_path))
        said = result.stderr.splitlines()[-1]
        assert (result.exit_code, result.stdout) == (2, "")
        assert said.startswith("Error: None of the 2 methods can run: it learns from support")
        assert said.endswith("(0-shot) (knn, protonet).")
        one = invoke(*task(pictures, methods="knn", shot=0, seed="0,1", out=tmp_path))
        assert one.exit_code == 2
        assert "Error: The one method cannot run: it learns from support images" in one.stderr
        assert stored(tmp_path, "manifest.json") == {}

    def test_a_task_on_which_all_are_skipped_is_no_error_beside_another(
        self, pictures: str, tmp_path: Path
    ) -> None:
        method = "knn[backbone=pixels]"
        result = invoke(*task(pictures, methods=method, shot="0,1", out=tmp_path))
        assert result.exit_code == 0, result.output
        assert result.stdout.count("skipped: it learns from support images") == 1

    def test_skipped_by_its_own_reason(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        result = invoke(*task(pictures, methods="choosy,knn", out=tmp_path))
        assert result.exit_code == 0
        assert "skipped: it wants 4-way and this is 3-way" in result.stdout

    def test_observers_meet_the_status_that_the_hook_promises(
        self, pictures: str, site: Path, extras: Path, tmp_path: Path
    ) -> None:
        log = tmp_path / "observed"
        result = process(
            *task(pictures, methods="knn,untrainable", out=tmp_path / "r"),
            path=(site, extras),
            OBSERVED=str(log),
            BENCHBENCH_ENGINE="worker",
        )
        assert result.returncode == 1, result.stderr
        assert log.read_text().splitlines() == ["knn finished", "untrainable failed"]

    def test_a_second_process_leaves_the_running_one_alone(
        self, pictures: str, knn_out: Path
    ) -> None:
        """Two equal commands: the later one says so and touches nothing of the other's run."""
        from filelock import FileLock

        (file,) = knn_out.rglob("manifest.json")
        running = {**json.loads(file.read_text()), "status": "running"}
        file.write_text(json.dumps(running))
        with FileLock(file.parent / ".lock"):
            result = process(*task(pictures, out=knn_out))
        assert result.returncode == 1
        assert "another process" in result.stderr
        assert "Traceback" not in result.stderr
        assert json.loads(file.read_text()) == running
        assert not (file.parent / "error.txt").exists()
