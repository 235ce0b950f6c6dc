"""`--unknown` from the command line: drawn, run, printed, verified, shown."""

import json
from pathlib import Path

from support.command_line import refused, succeeded, task


def test_it_is_run_reported_and_verified(pictures: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = succeeded(*task(pictures, methods="knn", unknown=3, out=out))
    assert "unknown_auroc" in done.stdout
    assert "30 further queries are of none of their episode's classes" in done.stderr
    (manifest,) = out.rglob("manifest.json")
    stored = json.loads(manifest.read_text(encoding="utf-8"))
    assert stored["identity"]["protocol"] == "3way-1shot-4query-3unknown"
    assert stored["identity"]["metrics"] == ["unknown_auroc"]
    verified = succeeded("verify", out)
    assert "unknown_auroc" in verified.stdout
    assert "1 verified" in verified.stdout
    again = succeeded("verify", out, "--evaluate")
    assert "unknown_auroc evaluated again, equal" in again.stdout


def test_a_constant_confidence_is_said(pictures: str, tmp_path: Path) -> None:
    """One neighbour has one vote, whatever is asked."""
    methods = "knn[backbone=pixels],knn[backbone=pixels,k=3]"
    several = task(pictures, methods=methods, unknown=2, shot=3, query=2, out=tmp_path)
    one, three = succeeded(*several).stdout.splitlines()[2:]
    note = "its confidence is the same for every query, so its AUROC says nothing"
    assert (note in one, note in three) == (True, False)


def test_the_metric_is_named_once_and_left_out_without_them(pictures: str, tmp_path) -> None:
    named = {"metrics": "unknown_auroc", "out": tmp_path / "out"}
    done = succeeded(*task(pictures, unknown=2, **named))
    assert done.stdout.count("unknown_auroc") == 1
    plain = succeeded(*task(pictures, **named))
    assert "unknown_auroc is left out" in plain.stderr
    assert "--unknown N adds" in plain.stderr


def test_episodes_are_made_and_shown_with_them(pictures: str, tmp_path: Path) -> None:
    options = ("--dataset", pictures, "--way", 3, "--query", 2, "--unknown", 4)
    file = tmp_path / "e.npz"
    made = succeeded("episodes", "make", *options, "--episodes", 3, "--out", file)
    assert "3way-1shot-2query-4unknown" in made.stdout
    shown = succeeded("episodes", "show", *options, "--files")
    rows = [line for line in shown.stdout.splitlines() if "query" in line.split("\t")[0]]
    assert sum("-1" in row.split("\t")[1] for row in rows) == 4, shown.stdout
    picture = tmp_path / "e.png"
    succeeded("episodes", "show", "--dataset", pictures, "--episodes", file, "--out", picture)
    assert picture.exists()


def test_a_file_with_them_has_the_metric_as_well_and_is_the_same_run(
    pictures: str, tmp_path: Path
) -> None:
    file, out = tmp_path / "e.npz", tmp_path / "out"
    drawing = ("--way", 3, "--query", 4, "--episodes", 10, "--unknown", 3, "--out", file)
    succeeded("episodes", "make", "--dataset", pictures, *drawing)
    run = ("run", "--dataset", pictures, "--methods", "knn[backbone=pixels]", "--out", out)
    from_file = succeeded(*run, "--episodes", file)
    assert "unknown_auroc" in from_file.stdout
    drawn = succeeded(*run, *drawing[:-2])
    assert drawn.stdout == from_file.stdout
    assert len(list(out.rglob("manifest.json"))) == 1


def test_too_many_are_refused_with_a_cure(pictures: str) -> None:
    said = refused(*task(pictures, unknown=17))
    assert "use --unknown 16 or fewer" in said
