"""Runs whose episodes have unlabelled images: options, tables, verification."""

from __future__ import annotations

import csv
import io
import itertools
import json
from pathlib import Path

import pytest
from PIL import Image
from support.command_line import (
    assert_one_sentence,
    invoke,
    manifests,
    stored,
    succeeded,
    task,
)

SOFT = "soft_kmeans_protonet[backbone=pixels]"
POOL = {"query": 3, "unlabelled": 2, "distractors": 1}


@pytest.fixture(scope="module")
def out(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool")
    methods = f"protonet[backbone=pixels],{SOFT}"
    succeeded(*task(pictures, 12, methods=methods, out=folder, **POOL))
    return folder


def test_the_protocol_and_the_manifest_say_that_there_is_a_pool(out: Path) -> None:
    found = manifests(out)
    for manifest in found.values():
        facts = manifest["episodes"]
        assert manifest["identity"]["protocol"] == "3way-1shot-3query-2unlabelled-1distractors"
        assert facts["sampler"] == "fixed[way=3,query=3,unlabelled=2,distractors=1]"
        assert (facts["unlabelled"], facts["standard"]) == (8, False)
    uses = {spec: one["method"].get("uses_unlabelled", False) for spec, one in found.items()}
    assert uses == {"protonet[backbone=pixels]": False, SOFT: True}
    assert all(one["audit"]["inductive"] for one in found.values())


def test_a_method_that_ignores_the_pool_scores_what_it_does_without(
    out: Path, pictures: str, tmp_path: Path
) -> None:
    both = f"protonet[backbone=pixels],{SOFT}"
    succeeded(*task(pictures, 12, methods=both, out=tmp_path, query=3))
    plain, with_pool = by_method(tmp_path), by_method(out)
    assert plain["protonet"] == plain["soft_kmeans_protonet"] == with_pool["protonet"]
    assert with_pool["soft_kmeans_protonet"] != plain["protonet"]


def test_a_pool_that_no_method_uses_is_said(pictures: str, tmp_path: Path) -> None:
    said = "no method of this command uses the unlabelled images"
    plain = {"methods": "knn[backbone=pixels]", "out": tmp_path}
    assert succeeded(*task(pictures, **plain, **POOL)).stderr.count(said) == 1
    both = {**plain, "methods": f"knn[backbone=pixels],{SOFT}"}
    assert said not in succeeded(*task(pictures, **both, **POOL)).stderr
    assert said not in succeeded(*task(pictures, **plain)).stderr


def by_method(out: Path) -> dict[str, bytes]:
    """The scores of each method's episodes."""
    return {Path(name).parent.name[:-9]: scores for name, scores in stored(out).items()}


def test_the_leaderboard_ranks_them_apart_and_says_why(out: Path) -> None:
    table = succeeded("leaderboard", out, "--out", "-").stdout
    assert "inductive, unlabelled-pool" in table
    assert "Unlabelled pool: given" in table


def test_it_is_verified_and_forgery_is_named(out: Path, tmp_path: Path) -> None:
    assert invoke("verify", out).exit_code == 0
    file = next(out.rglob("soft*/manifest.json"))
    before = file.read_text(encoding="utf-8")
    manifest = json.loads(before)
    try:
        for value in (4, None):
            manifest["episodes"]["unlabelled"] = value
            file.write_text(json.dumps(manifest), encoding="utf-8")
            found = invoke("verify", out)
            assert found.exit_code == 1
            assert "episodes: unlabelled" in found.output
    finally:
        file.write_text(before, encoding="utf-8")


def test_a_file_of_episodes_has_the_pool_in_it(out: Path, pictures: str, tmp_path: Path) -> None:
    file = tmp_path / "pool.npz"
    shape = ("--way", 3, "--query", 3, "--unlabelled", 2, "--distractors", 1, "--episodes", 12)
    succeeded("episodes", "make", "--dataset", pictures, *shape, "--out", file)
    given = ("--dataset", pictures, "--methods", SOFT, "--episodes", file, "--budget", 2)
    succeeded("run", *given, "--out", tmp_path / "loaded")
    (scores,) = stored(tmp_path / "loaded").values()
    assert scores in stored(out).values()
    assert_one_sentence(invoke("run", *given, "--unlabelled", 2), "--unlabelled")


def test_an_episode_is_shown_with_its_pool(pictures: str, tmp_path: Path) -> None:
    shape = ("--dataset", pictures, "--way", 3, "--query", 3, "--unlabelled", 2)
    sizes = []
    for options in ((), ("--distractors", 2)):
        file = tmp_path / f"{len(options)}.png"
        succeeded("episodes", "show", *shape, *options, "--out", file)
        sizes.append(Image.open(file).size)
    assert sizes[0] != sizes[1]
    found = succeeded("episodes", "show", *shape, "--files", "--format", "json").stdout
    parts = [row["part"] for row in json.loads(found)]
    assert (parts.count("support"), parts.count("query"), parts.count("unlabelled")) == (3, 9, 6)


@pytest.mark.parametrize(
    ("options", "cure"),
    [
        ({"unlabelled": 6}, "--unlabelled 4 or fewer"),
        ({"unlabelled": 1, "distractors": 9}, "--distractors 2 or fewer"),
        ({"distractors": 1}, "--unlabelled"),
        ({"unlabelled": 1, "replacement": "none"}, "replacement=images"),
        ({"unlabelled": 1, "sampler": "meta_dataset"}, "no --"),
    ],
)
def test_what_cannot_be_drawn_is_refused(pictures: str, tmp_path: Path, options, cure) -> None:
    shape = {"query": 3} | options
    assert_one_sentence(invoke(*task(pictures, out=tmp_path, **shape)), cure)


def test_a_stored_run_answers_for_pictures_and_says_that_they_come_without_a_pool(
    pictures: str, out: Path, tmp_path: Path
) -> None:
    root = Path(pictures.removeprefix("folder:").partition("[")[0])
    support = sorted(folder for folder in root.iterdir() if folder.is_dir())[:2]
    known = tmp_path / "known"
    for folder in support:
        (known / folder.name).mkdir(parents=True)
        for file in sorted(folder.iterdir())[:2]:
            (known / folder.name / file.name).write_bytes(file.read_bytes())
    (run,) = out.rglob("soft*/manifest.json")
    asked = sorted(support[0].iterdir())[2]
    result = succeeded("predict", asked, "--method", run.parent, "--support", known)
    assert "was tested with unlabelled images, and gets none here" in result.stderr


def test_the_table_of_a_run_says_who_was_given_the_pool(out: Path, pictures: str) -> None:
    methods = f"protonet[backbone=pixels],{SOFT}"
    lines = succeeded(*task(pictures, 12, methods=methods, out=out, **POOL)).stdout.splitlines()
    told = {"was given unlabelled images" in line for line in lines if "soft_kmeans" in line}
    assert told == {True}
    assert not any("unlabelled images" in line for line in lines if "| protonet" in line)


def test_a_run_that_learned_from_a_fraction_of_labels_is_read_back(
    pictures: str, tmp_path: Path
) -> None:
    method = "knn[pretrain=uda[labelled=0.5],backbone=conv4[width=4]]"
    succeeded(*task(pictures, methods=method, out=tmp_path, query=3))
    (manifest,) = manifests(tmp_path).values()
    assert manifest["method"]["training_labels"] == "fraction"
    assert invoke("verify", tmp_path).exit_code == 0
    table = succeeded("leaderboard", tmp_path, "--out", "-").stdout
    assert "50%-of-labels" in table


def test_tables_tell_with_which_labels_methods_were_trained(pictures: str, tmp_path: Path) -> None:
    small = "backbone=conv4[width=4]"
    methods = [f"knn[{small}]", f"knn[pretrain=random,{small}]"]
    methods += [f"knn[pretrain=uda[labelled={share}],{small}]" for share in (0.1, 0.5)]
    options = {"methods": ",".join(methods), "budget": 1, "query": 3, "out": tmp_path}
    printed = succeeded(*task(pictures, 3, **options), "--no-audit").stdout
    told = {row["method"]: row["labels"] for row in rows_of(printed)}
    assert list(told.values()) == ["all", "none", "10 %", "50 %"]
    board = succeeded("leaderboard", tmp_path, "--out", "-").stdout
    assert {row["method"]: row["labels"] for row in rows_of(board)} == told
    assert [row["rank"] for row in rows_of(board)] == ["1"] * 4
    assert "10%-of-labels, unprotected; inductive, 50%-of-labels, unprotected" in board
    text = succeeded("leaderboard", tmp_path, "--format", "csv", "--out", "-").stdout
    assert {row["spec"]: row["labels"] for row in csv.DictReader(io.StringIO(text))} == told
    shares = {spec: one["method"].get("labelled") for spec, one in manifests(tmp_path).items()}
    assert sorted(filter(None, shares.values())) == [0.1, 0.5]
    assert invoke("verify", tmp_path).exit_code == 0


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of the table with accuracies in a text, by heading."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if "accuracy %" in line)
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[first:]]
    heading, _, *rows = itertools.takewhile(bool, table)
    return [dict(zip(heading, row, strict=True)) for row in rows]


def test_with_unknown_queries_as_well_all_other_answers_stay(
    out: Path, pictures: str, tmp_path: Path
) -> None:
    both = {"methods": f"protonet[backbone=pixels],{SOFT}", **POOL, "unknown": 4}
    done = succeeded(*task(pictures, 12, out=tmp_path, **both))
    assert "unknown_auroc" in done.stdout
    protocols = {one["identity"]["protocol"] for one in manifests(tmp_path).values()}
    assert protocols == {"3way-1shot-3query-2unlabelled-1distractors-4unknown"}
    (facts, _) = (one["episodes"] for one in manifests(tmp_path).values())
    assert (facts["unlabelled"], facts["unknown"], facts["standard"]) == (8, 4, False)
    assert "2 verified" in succeeded("verify", tmp_path, "--evaluate").stdout
    alone = {name: corrects(scores) for name, scores in by_method(out).items()}
    assert {name: corrects(scores) for name, scores in by_method(tmp_path).items()} == alone


def corrects(scores: bytes) -> list[str]:
    return [row["correct"] for row in csv.DictReader(io.StringIO(scores.decode()))]
