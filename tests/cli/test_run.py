"""`benchbench run`: its table, what is stored, what another run is and what goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.command_line import assert_one_sentence, invoke, manifests, process, rows, stored, task

from benchbench.registry import loading


class TestRun:
    def test_table_on_stdout_and_progress_on_stderr_and_nothing_twice(
        self, pictures: str, tmp_path: Path
    ) -> None:
        first, second = tmp_path / "a", tmp_path / "b c"
        arguments = task(pictures, methods="knn,protonet")
        one = process(*arguments, "--out", first)
        assert one.returncode == 0, one.stderr
        lines = one.stdout.splitlines()
        assert len(lines) == 4
        assert all(line.startswith("|") and line.endswith("|") for line in lines)
        assert [line.split("|")[1].strip() for line in lines[2:]] == ["knn", "protonet"]
        assert "± episodes" in lines[0]
        assert "± classes" in lines[0]
        assert "|" not in one.stderr
        assert "knn" in one.stderr
        assert "Traceback" not in one.stderr

        before = stored(first, "*")
        stamps = {file: file.stat().st_mtime_ns for file in first.rglob("*.*")}
        again = process(*arguments, "--out", first)
        assert again.returncode == 0
        assert again.stdout == one.stdout
        assert "per episode" not in again.stderr
        assert stored(first, "*") == before
        assert {file: file.stat().st_mtime_ns for file in first.rglob("*.*")} == stamps

        other = process(*arguments, "--out", second, cold=True)
        assert other.stdout == one.stdout
        assert stored(second) == stored(first)
        assert stored(second, "*.safetensors") == stored(first, "*.safetensors")

    def test_order_of_methods_changes_no_number(self, pictures: str, tmp_path: Path) -> None:
        invoke(*task(pictures, methods="knn,protonet", out=tmp_path / "a"))
        invoke(*task(pictures, methods="protonet,knn", out=tmp_path / "b"))
        assert len(stored(tmp_path / "a")) == 2
        assert stored(tmp_path / "a") == stored(tmp_path / "b")

    def test_more_episodes_go_on_from_the_stored_ones(self, pictures: str, tmp_path: Path) -> None:
        arguments = {"methods": "protonet", "out": tmp_path / "grown"}
        assert invoke(*task(pictures, 7, **arguments)).exit_code == 0
        (short,) = stored(tmp_path / "grown").values()
        (weights,) = (tmp_path / "grown").rglob("training.safetensors")
        stamp = weights.stat().st_mtime_ns
        grown = invoke(*task(pictures, 140, **arguments))
        (long,) = stored(tmp_path / "grown").values()
        assert long.startswith(short)
        assert long.count(b"\n") == 141
        assert weights.stat().st_mtime_ns == stamp
        direct = invoke(*task(pictures, 140, methods="protonet", out=tmp_path / "direct"))
        assert stored(tmp_path / "direct") == stored(tmp_path / "grown")
        assert direct.stdout == grown.stdout

    def test_fewer_episodes_are_the_first_ones(self, pictures: str, tmp_path: Path) -> None:
        invoke(*task(pictures, 30, out=tmp_path / "long"))
        before = stored(tmp_path / "long", "*")
        fewer = invoke(*task(pictures, 6, out=tmp_path / "long"))
        direct = invoke(*task(pictures, 6, out=tmp_path / "short"))
        assert fewer.exit_code == 0
        assert fewer.stdout == direct.stdout
        assert stored(tmp_path / "long", "*") == before

    def test_methods_that_adapt_many_continue_alike(
        self, pictures: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(site))
        for count in (5, 45):
            result = invoke(*task(pictures, count, methods="together", out=tmp_path / "grown"))
            assert result.exit_code == 0, result.output
        invoke(*task(pictures, 45, methods="together", out=tmp_path / "direct"))
        assert stored(tmp_path / "grown") == stored(tmp_path / "direct")

    def test_a_name_given_twice_runs_once(self, pictures: str, tmp_path: Path) -> None:
        result = invoke(*task(pictures, methods="knn, knn,knn[k=1]", out=tmp_path))
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) == 3

    def test_parameters_make_another_run(self, pictures: str, tmp_path: Path) -> None:
        spec = "knn[k=3,distance=euclidean]"
        result = invoke(*task(pictures, methods=f"knn,{spec}", shot=3, out=tmp_path))
        assert result.exit_code == 0
        assert set(manifests(tmp_path)) == {"knn", spec}
        assert spec in result.stdout

    @pytest.mark.parametrize(
        "change",
        [{"seed": 1}, {"episode_seed": 1}, {"budget": 3}, {"shot": 2}],
        ids=lambda change: next(iter(change)),
    )
    def test_what_changes_the_numbers_makes_another_run(
        self, pictures: str, knn_out: Path, change: dict[str, object]
    ) -> None:
        invoke(*task(pictures, **change, out=knn_out))
        assert len(stored(knn_out)) == 2

    def test_rows_follow_the_documented_columns(self, pictures: str, tmp_path: Path) -> None:
        invoke(*task(pictures, 5, out=tmp_path))
        (content,) = stored(tmp_path).values()
        assert content.splitlines()[0] == b"episode,n_way,n_query,correct,accuracy,classes"
        for number, row in enumerate(rows(tmp_path)):
            assert int(row["episode"]) == number
            assert (int(row["n_way"]), int(row["n_query"])) == (3, 12)
            assert float(row["accuracy"]) == int(row["correct"]) / 12
            assert len(set(row["classes"].split())) == 3

    def test_metric_of_a_plugin_is_a_further_column(
        self, pictures: str, extras: Path, tmp_path: Path
    ) -> None:
        arguments = task(pictures, 3, metrics="margin", out=tmp_path)
        result = process(*arguments, path=(extras,), BENCHBENCH_ENGINE="worker")
        assert result.returncode == 0, result.stderr
        assert all(float(row["margin"]) > 0 for row in rows(tmp_path))

    def test_further_metrics_are_stored_printed_and_tabulated(
        self, pictures: str, tmp_path: Path
    ) -> None:
        names = ["balanced_accuracy", "negative_log_likelihood", "expected_calibration_error"]
        result = invoke(*task(pictures, 5, metrics=",".join(names), out=tmp_path))
        assert result.exit_code == 0, result.output
        stored_rows = rows(tmp_path)
        assert list(stored_rows[0])[6:] == names
        # Every class has as many queries, so the two accuracies are one.
        for row in stored_rows:
            assert float(row["balanced_accuracy"]) == pytest.approx(float(row["accuracy"]))
        nats = np.mean([float(row["negative_log_likelihood"]) for row in stored_rows])
        board = invoke("leaderboard", "--out", "-", tmp_path).stdout
        for text in (result.stdout, board):
            assert all(f" {name} " in text for name in names)
            assert f" {nats:.4f} " in text
        (found,) = json.loads(
            invoke("leaderboard", "--out", "-", tmp_path, "--format", "json").stdout
        )
        assert found["negative_log_likelihood"] == nats

    def test_metrics_that_say_nothing_of_these_episodes_are_left_out_with_a_line(
        self, pictures: str, knn_out: Path
    ) -> None:
        names = "top5_accuracy,calibrated_brier_score"
        result = invoke(*task(pictures, metrics=names, out=knn_out))
        assert result.exit_code == 0, result.output
        for name, reason in (
            ("top5_accuracy", "it needs 6 classes or more, and these episodes have 3"),
            (
                "calibrated_brier_score",
                "a temperature needs 2 shots or more, and these episodes have 1",
            ),
        ):
            assert f"{name} is left out on " in result.stderr
            assert reason in result.stderr
        assert len(stored(knn_out)) == 1  # it is the run without them

    @pytest.mark.parametrize("name", ["correct", "seeds", "protocol", "ci_episodes_of_accuracy"])
    def test_a_metric_cannot_take_the_name_of_another_column(
        self, monkeypatch: pytest.MonkeyPatch, pictures: str, tmp_path: Path, name: str
    ) -> None:
        metrics = {name: lambda scores, labels: 0.0}
        find = loading.find
        monkeypatch.setattr(
            loading, "find", lambda hook, kind, asked: metrics.get(asked) or find(hook, kind, asked)
        )
        result = invoke(*task(pictures, metrics=name, out=tmp_path))
        assert_one_sentence(result, f"'{name}'", "another column")

    def test_path_with_spaces_and_umlauts(self, pictures: str, tmp_path: Path) -> None:
        out = tmp_path / "Ergebnisse für später 数"
        result = process(*task(pictures, 3, out=out))
        assert result.returncode == 0, result.stderr
        assert len(stored(out)) == 1

    def test_relative_out_and_default_out(self, pictures: str, tmp_path: Path) -> None:
        result = process(*task(pictures, 3), cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert len(stored(tmp_path / "results")) == 1
        table = process("leaderboard", "--out", "-", cwd=tmp_path)
        assert table.returncode == 0, table.stderr
        assert "knn" in table.stdout

    def test_ascii_terminal_still_gets_its_table(self, pictures: str, tmp_path: Path) -> None:
        result = process(*task(pictures, 3, out=tmp_path), PYTHONIOENCODING="ascii")
        assert "Traceback" not in result.stderr
        assert result.returncode == 0
        assert "knn" in result.stdout
