"""`benchbench report`: files, exit codes and messages."""

from pathlib import Path

from click.testing import Result
from results.report.synthetic import write_run
from support.command_line import assert_one_sentence, invoke

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.results import plot_style


def report(*arguments: object) -> Result:
    return invoke("report", *arguments)


def test_a_page_and_its_pictures_are_written(tmp_path: Path, toy: OpenDataset) -> None:
    write_run(tmp_path / "one", toy, "a", 0.7)
    write_run(tmp_path / "two", toy, "b", 0.6)
    out, pictures = tmp_path / "new" / "r.html", tmp_path / "pictures"
    done = report(tmp_path / "one", tmp_path / "two", "--out", out, "--pictures", pictures)
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"{out}: 2 rows in 1 table, ")
    text = out.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    files = sorted(path.name for path in pictures.iterdir())
    assert len(files) == 4
    assert {Path(name).suffix for name in files} == {".svg", ".pdf"}
    assert report(tmp_path / "one", tmp_path / "two", "--out", out).exit_code == 0
    assert out.read_text(encoding="utf-8") == text


def test_the_default_is_the_folder_results(tmp_path, toy, monkeypatch) -> None:
    write_run(tmp_path / "results", toy, "a", 0.7)
    monkeypatch.chdir(tmp_path)
    assert report("--rule", "plain").exit_code == 0
    assert "rule <code>plain</code>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_mistakes_are_told_in_one_sentence(tmp_path: Path, toy: OpenDataset) -> None:
    write_run(tmp_path / "runs", toy, "a", 0.7)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    cases = [
        ([tmp_path / "missing"], "There is no folder"),
        ([tmp_path / "empty"], "No finished runs below"),
        ([tmp_path / "runs", "--out", tmp_path], "Cannot write"),
        ([tmp_path / "runs", "--out", tmp_path / "file" / "r.html"], "Cannot write"),
        ([tmp_path / "runs", "--rule", "best"], "--rule"),
    ]
    for arguments, message in cases:
        assert_one_sentence(report(*arguments), message)


def test_pictures_need_matplotlib(tmp_path, toy, monkeypatch) -> None:
    write_run(tmp_path / "runs", toy, "a", 0.7)
    monkeypatch.setattr(plot_style, "available", lambda: False)
    out = tmp_path / "r.html"
    done = report(tmp_path / "runs", "--out", out, "--pictures", tmp_path / "pictures")
    assert_one_sentence(done, "pip install 'benchbench[plots]'")
    assert report(tmp_path / "runs", "--out", out).exit_code == 0
