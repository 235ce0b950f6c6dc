"""`benchbench leaderboard`: files that are written, kept, and found out when they are stale."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from support.command_line import assert_one_sentence, invoke, task
from support.runs import TRANSDUCTIVE, draw_classes, noisy_correct, write_run

from benchbench.cli.main import cli
from benchbench.results.reporters.files import BEGIN, END

FORMATS = "markdown,csv,json,latex,html"
CLASSES = draw_classes(60)


def leaderboard(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["leaderboard", *map(str, arguments)])


def refused(*arguments: object) -> str:
    result = leaderboard(*arguments)
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    return result.stderr.strip().splitlines()[-1]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three methods on two data sets."""
    folder = tmp_path / "results"
    for dataset in ("omniglot", "glyphs"):
        for number, method in enumerate(("protonet", "knn[k=3]", "maml")):
            correct = noisy_correct(0.9 - number / 10, 60, number)
            write_run(folder, method, correct, dataset=dataset, classes=CLASSES)
    return folder


@pytest.fixture
def written(results: Path, tmp_path: Path) -> Path:
    out = tmp_path / "boards"
    result = leaderboard(results, "--out", out, "--format", FORMATS, "--across", "all")
    assert result.exit_code == 0, result.output
    return out


def test_each_data_set_has_a_file_of_each_format(written: Path) -> None:
    suffixes = ("md", "csv", "json", "tex", "html")
    expected = {f"{name}.{suffix}" for name in ("omniglot", "glyphs") for suffix in suffixes}
    assert {path.name for path in written.iterdir()} == expected | {"all.md"}
    for path in written.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "protonet" in text
        if path.suffix != ".md":
            assert "omniglot" not in text.replace(path.stem, "")


def test_the_default_is_a_folder_here(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(results.parent)
    assert leaderboard().exit_code == 0
    assert (results.parent / "leaderboards" / "omniglot.md").exists()
    assert leaderboard("--check").exit_code == 0


def test_twice_is_the_same_bytes(written: Path, results: Path) -> None:
    before = {path: path.read_bytes() for path in written.iterdir()}
    again = leaderboard(results, "--out", written, "--format", FORMATS, "--across", "all")
    assert again.exit_code == 0
    assert {path: path.read_bytes() for path in written.iterdir()} == before


def test_text_around_the_tables_stays(written: Path, results: Path) -> None:
    path = written / "omniglot.md"
    tables = path.read_text().partition(BEGIN)[2].partition(END)[0]
    path.write_text(f"# Ours\n\nRead this.\n\n{BEGIN}\nold\n{END}\n\nAnd this.\n")
    assert leaderboard(results, "--out", written).exit_code == 0
    text = path.read_text()
    assert text.startswith(f"# Ours\n\nRead this.\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nAnd this.\n")
    assert tables in text
    assert "\nold\n" not in text


def test_a_file_without_a_place_for_tables_is_left_alone(written: Path, results: Path) -> None:
    path = written / "omniglot.md"
    path.write_text("# By hand\n")
    assert "has no place for the tables" in refused(results, "--out", written)
    assert path.read_text() == "# By hand\n"


def check(results: Path, out: Path) -> Result:
    return leaderboard(results, "--out", out, "--format", FORMATS, "--across", "all", "--check")


def test_what_was_just_written_is_up_to_date(written: Path, results: Path) -> None:
    result = check(results, written)
    assert result.exit_code == 0
    assert "11 files are up to date" in result.stderr


@pytest.mark.parametrize("name", ["omniglot.md", "glyphs.csv", "glyphs.tex", "omniglot.html"])
def test_a_number_edited_by_hand_is_found_out(written: Path, results: Path, name: str) -> None:
    path = written / name
    text = path.read_text()
    digits = list(re.finditer(r"\d\.\d+", text))
    place = digits[len(digits) // 2].end() - 1
    path.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])
    result = check(results, written)
    assert result.exit_code == 1
    assert f"{path} is not what the results give" in result.stderr


def test_runs_of_an_earlier_format_are_left_out_with_their_number(results: Path) -> None:
    manifests = sorted(results.rglob("manifest.json"))
    for number, file in enumerate(manifests, start=1):
        file.write_text(json.dumps({**json.loads(file.read_text()), "format": 1}))
        result = leaderboard(results, "--out", "-")
        assert f"format of another version ({number}, such as" in result.stderr
        assert result.stderr.count("left out") == 1
        assert result.exit_code == 0
        assert ("protonet" in result.stdout) == (number < len(manifests))
    assert "No finished runs below" in refused(results, "--out", results.parent / "boards")


def test_an_edited_run_is_found_out(written: Path, results: Path) -> None:
    """It is no result any more, so that the table lacks a row."""
    file = next(results.rglob("knn*/episodes.csv"))
    file.write_text(file.read_text().replace("\n1,5,75,", "\n1,5,75,1", 1))
    result = check(results, written)
    assert result.exit_code == 1
    assert "is not what was stored when the run finished" in result.stderr


def test_a_missing_file_and_one_without_results_are_told(written: Path, results: Path) -> None:
    (written / "glyphs.md").rename(written / "cifar_fs.md")
    (written / "notes.md").write_text("no table\n")
    result = check(results, written)
    assert result.exit_code == 1
    assert "glyphs.md is missing" in result.stderr
    assert "cifar_fs.md has no results behind it" in result.stderr
    assert "notes.md" not in result.stderr


def test_checking_writes_nothing(results: Path, tmp_path: Path) -> None:
    assert leaderboard(results, "--out", tmp_path / "new", "--check").exit_code == 1
    assert not (tmp_path / "new").exists()


def test_the_csv_holds_every_number_at_full_precision(written: Path, results: Path) -> None:
    frame = pd.read_csv(written / "glyphs.csv")
    assert frame["method"].tolist() == ["protonet", "knn[k=3]", "maml"]
    for method, accuracy in zip(frame["method"], frame["accuracy"], strict=True):
        folder = method.partition("[")[0]
        (file,) = results.glob(f"glyphs/*/{folder}-*/episodes.csv")
        assert accuracy == pytest.approx(pd.read_csv(file)["accuracy"].mean(), abs=1e-15)


def test_the_data_sets_beside_each_other(written: Path) -> None:
    text = (written / "all.md").read_text()
    assert "| method" in text
    assert "| protonet | inductive (claimed) |           1.00 |" in text
    assert "holds among these 3 methods only" in text


def test_a_broken_claim_is_ranked_apart_on_every_page(results: Path, tmp_path: Path) -> None:
    """In the first place of every data set, found out by the audit on one of them."""
    for dataset, audit in (("omniglot", TRANSDUCTIVE), ("glyphs", {"inductive": True})):
        correct = noisy_correct(0.99, 60, 9)
        write_run(results, "joint", correct, dataset=dataset, classes=CLASSES, audit=audit)
    out = tmp_path / "boards"
    assert leaderboard(results, "--out", out, "--across", "all").exit_code == 0

    def ranks(name: str, column: str) -> dict[str, str]:
        lines = [line for line in (out / name).read_text().splitlines() if line.startswith("|")]
        header, _, *rows = [[cell.strip() for cell in line.split("|")] for line in lines[:6]]
        return {row[header.index("method")]: row[header.index(column)] for row in rows}

    assert ranks("omniglot.md", "rank") == {
        "protonet": "1",
        "knn[k=3]": "2",
        "maml": "3",
        "joint": "1",
    }
    assert list(ranks("omniglot.md", "rank"))[-1] == "joint"
    assert ranks("all.md", "average rank") == {
        "protonet": "1.00",
        "knn[k=3]": "2.00",
        "maml": "3.00",
        "joint": "1.00",
    }
    assert list(ranks("all.md", "average rank"))[-1] == "joint"
    assert ranks("all.md", "setting")["joint"] == "transductive"
    for name in ("omniglot.md", "all.md"):
        text = (out / name).read_text()
        assert "Ranked apart: inductive; transductive." in text
        assert "joint claims to be inductive" in text


def test_what_cannot_be_done_is_told(results: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "No finished runs" in refused(tmp_path / "empty", "--out", tmp_path / "out")
    assert "is the name of a data set" in refused(
        results, "--out", tmp_path / "out", "--across", "glyphs"
    )
    assert "two data sets" in refused(
        results / "glyphs", "--out", tmp_path / "out", "--across", "all"
    )
    assert "--check compares files" in refused(results, "--out", "-", "--check")
    (tmp_path / "file").write_text("")
    assert "Cannot write" in refused(results, "--out", tmp_path / "file")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def board(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with two protocols."""
    out = tmp_path_factory.mktemp("board")
    assert invoke(*task(pictures, methods="knn,protonet", out=out)).exit_code == 0
    assert invoke(*task(pictures, way=4, out=out)).exit_code == 0
    return out


class TestLeaderboard:
    def test_markdown_has_a_table_for_each_protocol(self, board: Path) -> None:
        text = invoke("leaderboard", "--out", "-", board).stdout
        headings = [line for line in text.splitlines() if line.startswith("## ")]
        assert len(headings) == 2
        assert all("way-1shot-4query" in heading for heading in headings)
        assert "± episodes" in text
        assert "± classes" in text

    def test_csv_and_json_hold_the_same_rows(self, board: Path) -> None:
        as_csv = invoke("leaderboard", "--out", "-", board, "--format", "csv")
        as_json = invoke("leaderboard", "--out", "-", board, "--format", "json")
        assert as_csv.exit_code == as_json.exit_code == 0
        table = list(csv.DictReader(io.StringIO(as_csv.stdout)))
        objects = json.loads(as_json.stdout)
        assert [row["method"] for row in table] == [row["method"] for row in objects]
        assert len(table) == 3
        for row, other in zip(table, objects, strict=True):
            assert float(row["accuracy"]) == pytest.approx(other["accuracy"], rel=1e-14)
            assert 0 <= float(row["accuracy"]) <= 1

    def test_best_row_first(self, board: Path) -> None:
        objects = json.loads(invoke("leaderboard", "--out", "-", board, "--format", "json").stdout)
        three_way = [row["accuracy"] for row in objects if row["protocol"].startswith("3way")]
        assert three_way == sorted(three_way, reverse=True)

    def test_unknown_format(self, board: Path) -> None:
        assert_one_sentence(
            invoke("leaderboard", "--out", "-", board, "--format", "cvs"),
            "'cvs'",
            "did you mean csv?",
        )

    def test_missing_folder(self, tmp_path: Path) -> None:
        assert_one_sentence(
            invoke("leaderboard", "--out", "-", tmp_path / "no"), "There is no folder"
        )

    def test_no_runs_yet(self, tmp_path: Path) -> None:
        assert invoke("leaderboard", "--out", "-", tmp_path).stdout == "No finished runs.\n"
        assert (
            json.loads(invoke("leaderboard", "--out", "-", tmp_path, "--format", "json").stdout)
            == []
        )
        table = invoke("leaderboard", "--out", "-", tmp_path, "--format", "csv")
        assert list(csv.DictReader(io.StringIO(table.stdout))) == []
        assert '""' not in table.stdout

    def test_a_folder_named_twice_counts_once(self, board: Path) -> None:
        once = invoke("leaderboard", "--out", "-", board).stdout
        assert invoke("leaderboard", "--out", "-", board, board).stdout == once
        inside = next(path for path in board.iterdir() if path.is_dir())
        assert invoke("leaderboard", "--out", "-", board, inside).stdout == once


def test_runs_that_began_and_have_no_result_are_counted(knn_out: Path, tmp_path: Path) -> None:
    """Also where their folders were deleted, as of the seeds that came out worse."""
    quiet = invoke("leaderboard", knn_out, "--out", "-")
    assert "have no stored result" not in quiet.stderr
    begun = (knn_out / "started.jsonl").read_text()
    others = [begun.replace("/knn-", f"/knn-{seed}") for seed in range(3)]
    (knn_out / "started.jsonl").write_text("".join([begun, *others]))
    told = invoke("leaderboard", knn_out, "--out", "-")
    assert told.stdout == quiet.stdout
    assert "3 runs have begun and have no stored result: 3 of knn (2) on " in told.stderr
