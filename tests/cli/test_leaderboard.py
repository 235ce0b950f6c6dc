"""`benchbench leaderboard`: files that are written, kept, and found out when they are stale."""

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result
from support.command_line import assert_one_sentence, invoke, succeeded, task
from support.command_line import refused as refused_command
from support.runs import TRANSDUCTIVE, draw_classes, noisy_correct, write_run, write_runs

from benchbench.results.reporters.files import BEGIN, END

CLASSES = draw_classes(60)


def leaderboard(*arguments: object) -> Result:
    return invoke("leaderboard", *arguments)


def refused(*arguments: object) -> str:
    return refused_command("leaderboard", *arguments)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three methods on two data sets."""
    folder = tmp_path / "results"
    means = {"protonet": 0.9, "knn[k=3]": 0.8, "maml": 0.7}
    write_runs(folder, means, 60, datasets=["omniglot", "glyphs"])
    return folder


ALL_FORMATS = ("--format", "markdown,csv,json,latex,html", "--across", "all")


@pytest.fixture
def written(results: Path, tmp_path: Path) -> Path:
    succeeded("leaderboard", results, "--out", tmp_path / "boards", *ALL_FORMATS)
    return tmp_path / "boards"


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
    succeeded("leaderboard", results, "--out", written, *ALL_FORMATS)
    assert {path: path.read_bytes() for path in written.iterdir()} == before


def test_only_a_line_of_its_own_is_a_mark(tmp_path: Path) -> None:
    """Not what a name of a run brings along, now or in a file of before."""
    write_run(tmp_path / "runs", f"evil[a={END}]", [60, 50, 70])
    arguments = ("leaderboard", tmp_path / "runs", "--out", tmp_path)
    succeeded(*arguments)
    (path,) = tmp_path.glob("*.md")
    text = path.read_text(encoding="utf-8")
    assert text.count(END) == 1
    before = f"Read `{BEGIN}`.\n\n{BEGIN}\n| {END} |\n{END}\n\nAnd `{END}`.\n"
    path.write_text(before, encoding="utf-8")
    succeeded(*arguments)
    tables = text.partition(BEGIN)[2].partition(END)[0]
    expected = f"Read `{BEGIN}`.\n\n{BEGIN}{tables}{END}\n\nAnd `{END}`.\n"
    assert path.read_text(encoding="utf-8") == expected


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
    return leaderboard(results, "--out", out, *ALL_FORMATS, "--check")


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
    last = leaderboard(results, "--out", results.parent / "boards")
    assert last.exit_code == 2
    assert "No finished runs below" in last.stderr


def test_an_edited_run_is_found_out(written: Path, results: Path) -> None:
    """It is no result any more, so that the table lacks a row."""
    file = next(results.rglob("knn*/episodes.csv"))
    file.write_text(file.read_text().replace("\n1,5,75,", "\n1,5,75,1", 1))
    result = check(results, written)
    assert result.exit_code == 1
    assert "is not what was stored when the run finished" in result.stderr


def test_how_lines_end_makes_nothing_stale_and_foreign_files_stop_nothing(
    written: Path, results: Path
) -> None:
    """As a checkout leaves text files on Windows, and as other programs leave theirs."""
    for path in [*written.iterdir(), *results.rglob("*.csv"), *results.rglob("*.json")]:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    (written / "notes.md").write_bytes(b"caf\xe9")
    (written / "more.md").mkdir()
    os.mkfifo(written / "pipe.md")
    result = check(results, written)
    assert result.exit_code == 0, result.output
    assert "11 files are up to date" in result.stderr
    for what in ("notes.md is no text", "more.md is a folder", "pipe.md is a device or pipe"):
        assert what in result.stderr


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


@pytest.mark.parametrize(
    ("change", "group", "note"),
    [
        ({"audit": TRANSDUCTIVE}, "transductive", "joint claims to be inductive"),
        ({"audit": {"inductive": None, "undecided": True}}, "undecided", "Undecided: the audit"),
        (
            {"protection": {"engine": "inline", "protected": False}},
            "inductive, unprotected",
            "Unprotected: computed",
        ),
    ],
    ids=["transductive", "undecided", "unprotected"],
)
def test_who_is_no_equal_is_ranked_apart_on_every_page(
    results: Path, tmp_path: Path, change: dict[str, Any], group: str, note: str
) -> None:
    """In the first place of every data set, found out on one of them."""
    for dataset in ("omniglot", "glyphs"):
        correct, audit = noisy_correct(0.99, 60, 9), {"inductive": True}
        run = write_run(results, "joint", correct, dataset=dataset, classes=CLASSES, audit=audit)
        run.update(**(change if dataset == "omniglot" else {}))
    out = tmp_path / "boards"
    assert leaderboard(results, "--out", out, "--across", "all").exit_code == 0

    def ranks(name: str, column: str) -> dict[str, str]:
        lines = [line for line in (out / name).read_text().splitlines() if line.startswith("|")]
        header, _, *rows = [[cell.strip() for cell in line.split("|")] for line in lines[:6]]
        return {row[header.index("method")]: row[header.index(column)] for row in rows}

    for name, column, decimals in (("omniglot.md", "rank", ""), ("all.md", "average rank", ".00")):
        wanted = {"protonet": "1", "knn[k=3]": "2", "maml": "3", "joint": "1"}
        found = ranks(name, column)
        assert found == {method: rank + decimals for method, rank in wanted.items()}
        assert list(found)[-1] == "joint"
    assert ranks("all.md", "setting")["joint"] == group
    for name in ("omniglot.md", "all.md"):
        text = (out / name).read_text()
        assert f"Ranked apart: inductive; {group}." in text
        assert note in text


def test_what_cannot_be_done_is_told(results: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    out = ("--out", tmp_path / "out")
    assert "No finished runs" in refused(tmp_path / "empty", *out)
    assert "is the name of a data set" in refused(results, *out, "--across", "glyphs")
    assert "two data sets" in refused(results / "glyphs", *out, "--across", "all")
    assert "--check compares files" in refused(results, "--out", "-", "--check")
    assert "Cannot write" in refused(results, "--out", tmp_path / "file")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def board(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with two protocols."""
    out = tmp_path_factory.mktemp("board")
    succeeded(*task(pictures, methods="knn,protonet", out=out))
    succeeded(*task(pictures, way=4, out=out))
    return out


def shown(*folders: Path, form: str = "markdown") -> str:
    return succeeded("leaderboard", "--out", "-", "--format", form, *folders).stdout


class TestLeaderboard:
    def test_markdown_has_a_table_for_each_protocol(self, board: Path) -> None:
        text = shown(board)
        headings = [line for line in text.splitlines() if line.startswith("## ")]
        assert len(headings) == 2
        assert all("way-1shot-4query" in heading for heading in headings)
        assert "± episodes" in text
        assert "± classes" in text

    def test_csv_and_json_hold_the_same_rows(self, board: Path) -> None:
        table = list(csv.DictReader(io.StringIO(shown(board, form="csv"))))
        objects = json.loads(shown(board, form="json"))
        assert [row["method"] for row in table] == [row["method"] for row in objects]
        assert len(table) == 3
        for row, other in zip(table, objects, strict=True):
            assert float(row["accuracy"]) == pytest.approx(other["accuracy"], rel=1e-14)
            assert 0 <= float(row["accuracy"]) <= 1

    def test_best_row_first(self, board: Path) -> None:
        objects = json.loads(shown(board, form="json"))
        three_way = [row["accuracy"] for row in objects if row["protocol"].startswith("3way")]
        assert three_way == sorted(three_way, reverse=True)

    def test_unknown_format(self, board: Path) -> None:
        result = leaderboard("--out", "-", board, "--format", "cvs")
        assert_one_sentence(result, "'cvs'", "did you mean csv?")

    def test_missing_folder(self, tmp_path: Path) -> None:
        assert "There is no folder" in refused("--out", "-", tmp_path / "no")

    def test_no_runs_yet(self, tmp_path: Path) -> None:
        assert shown(tmp_path) == "No finished runs.\n"
        assert json.loads(shown(tmp_path, form="json")) == []
        assert list(csv.DictReader(io.StringIO(shown(tmp_path, form="csv")))) == []
        assert '""' not in shown(tmp_path, form="csv")

    def test_a_folder_named_twice_counts_once(self, board: Path) -> None:
        inside = next(path for path in board.iterdir() if path.is_dir())
        assert shown(board, board) == shown(board, inside) == shown(board)


def test_runs_that_began_and_have_no_result_are_counted(knn_out: Path) -> None:
    """Also where their folders were deleted, as of the seeds that came out worse."""
    quiet = leaderboard(knn_out, "--out", "-")
    assert "have no stored result" not in quiet.stderr
    begun = (knn_out / "started.jsonl").read_text()
    others = [begun.replace("/knn-", f"/knn-{seed}") for seed in range(3)]
    (knn_out / "started.jsonl").write_text("".join([begun, *others]))
    told = leaderboard(knn_out, "--out", "-")
    assert told.stdout == quiet.stdout
    assert "3 runs have begun and have no stored result: 3 of knn (2) on " in told.stderr


def test_published_runs_are_tabulated_where_they_are_published(
    knn_out: Path, tmp_path: Path
) -> None:
    boards = tmp_path / "boards"
    told = succeeded("leaderboard", knn_out, "--publish", "--out", boards).stderr
    assert f"published 1 run in {boards / 'runs'}" in told
    assert not [*boards.rglob(".salt"), *boards.rglob("started.jsonl")]
    succeeded("leaderboard", boards / "runs", "--out", boards, "--check")
    succeeded("verify", boards / "runs")
    (rows,) = knn_out.rglob("episodes.csv")
    rows.write_text(rows.read_text().replace("\n1,", "\n0,"))
    again = leaderboard(knn_out, "--publish", "--out", boards)
    assert again.exit_code == 1
    assert "not published: " in again.stderr
    assert "published 0 runs" in again.stderr
    for options in (("--check",), ("--out", "-")):
        assert "--publish writes to a folder" in refused(knn_out, "--publish", *options)
