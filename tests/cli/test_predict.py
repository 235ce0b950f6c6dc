"""`benchbench predict`: the answers of the benchmark, saved learners, and mistakes."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.benchmarked import Benchmarked, answered
from support.command_line import SIZE, invoke, refused, succeeded, task, write_pictures

SMALL = "backbone=conv4[width=8]"
METHODS = (
    f"knn[backbone=pixels],protonet[{SMALL}],simpleshot[{SMALL}],cnp[{SMALL}],"
    f"transductive_finetuning[epochs=2,{SMALL}]"
)
EACH = ["knn", "protonet", "simpleshot", "transductive_finetuning", "cnp"]


class OfSquares(Benchmarked):
    """Runs on a folder of pictures, and the pictures of their episodes."""

    def __init__(self, place: Path) -> None:
        self.pictures = write_pictures(place / "pictures")
        # Without validation classes, a training of one step takes no longer than that.
        super().__init__(place, f"folder:{self.pictures}[size={SIZE},val=0]")
        succeeded(*task(self.spec, 4, METHODS, out=self.out, budget=1), "--no-audit")


@pytest.fixture(scope="module")
def benchmarked(tmp_path_factory: pytest.TempPathFactory) -> Benchmarked:
    return OfSquares(tmp_path_factory.mktemp("benchmarked"))


@pytest.mark.parametrize("method", EACH)
def test_the_answers_are_those_of_the_benchmark(benchmarked: Benchmarked, method: str) -> None:
    for number in range(4):
        episode = benchmarked.episode(method, number)
        options = ("--support", episode.support, "--seed", episode.seed)
        found = answered("--method", benchmarked.run(method), *options, episode.queries)
        assert [row["image"] for row in found] == sorted(map(str, episode.queries.iterdir()))
        assert [row["class"] for row in found] == episode.answers


@pytest.mark.parametrize("method", EACH)
def test_a_saved_learner_gives_the_same_bits_without_its_data(
    benchmarked: Benchmarked, method: str, tmp_path: Path
) -> None:
    episode, saved = benchmarked.episode(method, 0), tmp_path / "saved"
    options = ("--support", episode.support, "--seed", episode.seed, "--save", saved)
    found = answered("--method", benchmarked.run(method), *options, episode.queries, "--top", 3)
    endings = {file.suffix for file in saved.rglob("*") if file.is_file()}
    assert endings == {".json", ".safetensors"}
    hidden = benchmarked.pictures.with_name("hidden")
    benchmarked.pictures.rename(hidden)
    try:
        assert answered("--method", saved, episode.queries, "--top", 3) == found
    finally:
        hidden.rename(benchmarked.pictures)


@pytest.fixture
def pixels(benchmarked: Benchmarked) -> tuple[object, ...]:
    """A run that needs no weights, and a support."""
    episode = benchmarked.episode("knn", 0)
    return ("--method", benchmarked.run("knn"), "--support", episode.support)


@pytest.fixture
def saved(pixels: tuple[object, ...], tmp_path: Path) -> Path:
    succeeded("predict", *pixels, "--save", tmp_path / "saved")
    return tmp_path / "saved"


def picture(benchmarked: Benchmarked) -> Path:
    return benchmarked.pictures / "class 00" / "0.png"


def test_the_forms_of_the_answers(
    benchmarked: Benchmarked, pixels: tuple[object, ...], tmp_path: Path
) -> None:
    asked = ("predict", *pixels, picture(benchmarked), "--top", 2)
    rows = json.loads(succeeded(*asked, "--format", "json").stdout)
    assert [row["rank"] for row in rows] == [1, 2]
    assert rows[0]["probability"] > rows[1]["probability"]
    table = csv.DictReader(io.StringIO(succeeded(*asked, "--format", "csv").stdout))
    assert [{name: str(value) for name, value in row.items()} for row in rows] == list(table)
    out = tmp_path / "answers" / "a.json"
    assert succeeded(*asked, "--format", "json", "--out", out).stdout == ""
    assert json.loads(out.read_text()) == rows
    lines = succeeded(*asked, "--format", "table").stdout.splitlines()
    assert len(lines) == 4
    assert rows[0]["class"] in lines[2]


def test_the_probabilities_of_a_picture_are_the_softmax_of_its_scores(
    benchmarked: Benchmarked, pixels: tuple[object, ...]
) -> None:
    found = answered(*pixels, picture(benchmarked), "--top", 9)
    assert len(found) == 3
    scores = np.array([float(row["score"]) for row in found])
    expected = np.exp(scores) / np.exp(scores).sum()
    assert [float(row["probability"]) for row in found] == pytest.approx(expected)


def test_unreadable_pictures_are_named_and_the_others_answered(
    benchmarked: Benchmarked, pixels: tuple[object, ...], tmp_path: Path
) -> None:
    shutil.copytree(benchmarked.pictures / "class 01", tmp_path / "new")
    for name in ("broken.png", "cut.png"):
        (tmp_path / "new" / name).write_bytes(b"no picture")
    done = succeeded("predict", *pixels, tmp_path / "new", "--format", "csv")
    assert len(done.stdout.splitlines()) == 1 + 8
    (line,) = [line for line in done.stderr.splitlines() if "cannot be read" in line]
    assert line == f"2 pictures cannot be read (no answer): {tmp_path}/new/broken.png, " + str(
        tmp_path / "new" / "cut.png"
    )
    alone = refused("predict", *pixels, tmp_path / "new" / "cut.png")
    assert f"No picture can be read: {tmp_path}/new/cut.png." in alone


def test_a_support_of_other_size_is_said(benchmarked: Benchmarked, tmp_path: Path) -> None:
    for name in ("class 03", "class 04"):
        shutil.copytree(benchmarked.pictures / name, tmp_path / name)
    (tmp_path / "class 04" / "7.png").write_bytes(b"")
    method = ("--method", benchmarked.run("knn"), "--support", tmp_path)
    done = succeeded("predict", *method, tmp_path / "class 03")
    assert "tested on 3way-1shot-4query; the support has 2 classes with 7 to 8 pictures" in (
        done.stderr
    )
    assert (
        f"1 picture cannot be read (not in the support): {tmp_path}/class 04/7.png" in done.stderr
    )


def test_a_transductive_method_says_so(benchmarked: Benchmarked) -> None:
    episode = benchmarked.episode("transductive_finetuning", 0)
    method = ("--method", benchmarked.run("transductive_finetuning"))
    done = succeeded("predict", *method, "--support", episode.support, episode.queries)
    assert "a picture's answer depends on the others" in done.stderr


def test_a_spec_that_needs_no_training(benchmarked: Benchmarked, tmp_path: Path) -> None:
    episode = benchmarked.episode("knn", 1)
    options = ("--support", episode.support, "--size", SIZE)
    saving = ("--save", tmp_path / "saved")
    found = answered("--method", "knn[backbone=pixels]", *options, episode.queries, *saving)
    assert [row["class"] for row in found] == episode.answers
    assert answered("--method", tmp_path / "saved", episode.queries) == found


def test_a_spec_that_needs_training_is_refused_with_the_cure(benchmarked: Benchmarked) -> None:
    support = benchmarked.episode("knn", 0).support
    options = ("--support", support, picture(benchmarked))
    found = refused("predict", "--method", "protonet", *options)
    assert "it learns from training classes" in found
    assert "name the folder of a run in which it was trained" in found


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        ("protonet", "and this task has none; name the folder of a run in which it was trained."),
        ("knn", "use a backbone with weights, or pixels; or name the folder of a run in which it"),
        ("eszsl", "this task has none; and nobody has said any attribute of the classes of"),
        ("eszsl[vectors=words]", "this task has none; name the folder of a run in which it was"),
        (
            "linear_probe[backbone=pixels,c=sweep]",
            "by itself: it chooses on an official validation part and this task has none.",
        ),
        (
            "relation_net[backbone=pixels]",
            "relation_net[backbone=pixels] cannot be asked by itself: relation_net compares maps",
        ),
    ],
)
def test_a_cure_is_one_that_helps(benchmarked: Benchmarked, method: str, sentence: str) -> None:
    support = ("--support", benchmarked.episode("knn", 0).support)
    assert sentence in refused("predict", "--method", method, *support, picture(benchmarked))


def test_weights_are_not_said_to_be_saved_where_there_are_none(
    benchmarked: Benchmarked, tmp_path: Path
) -> None:
    support = ("--support", benchmarked.episode("knn", 0).support)
    said = {
        method: succeeded("predict", "--method", method, *support, "--save", tmp_path / name).stderr
        for name, method in {"a": "knn[backbone=pixels]", "b": benchmarked.run("protonet")}.items()
    }
    plain, trained = said.values()
    assert f"saved in {tmp_path / 'a'}: 3 labelled pictures" in plain
    assert f"saved in {tmp_path / 'b'}: weights, 3 labelled pictures" in trained


def test_a_way_that_was_settled_by_training(benchmarked: Benchmarked, tmp_path: Path) -> None:
    for number in range(4):
        name = f"class {number:02}"
        shutil.copytree(benchmarked.pictures / name, tmp_path / name)
    method = ("--method", benchmarked.run("cnp"), "--support", tmp_path)
    found = refused("predict", *method, picture(benchmarked))
    assert "cnp was trained for 3 classes, and the support has 4" in found


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda run: (run / "manifest.json").unlink(), "holds neither a run nor a saved learner"),
        (lambda run: shutil.rmtree(run / "training"), "its weights are not stored"),
        (lambda run: _append(run / "training" / "training.safetensors"), "is not what was stored"),
        (lambda run: _edit(run, lambda m: m.update(status="running")), "is running, not finished"),
        (lambda run: _edit(run, lambda m: m["identity"].update(core=1)), "core is 1; here it is"),
        (lambda run: _edit(run, lambda m: m["identity"].update(splits="0")), "other images or spl"),
        (
            lambda run: _edit(run, lambda m: m["dataset"].update(name="folder:x")),
            "cannot be opened",
        ),
        (
            lambda run: _edit(run, lambda m: m["identity"].update(weight_files={"w.st": "0"})),
            "its file of weights w.st is not here",
        ),
    ],
)
def test_a_run_that_cannot_be_restored(
    benchmarked: Benchmarked, tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    run = shutil.copytree(benchmarked.run("protonet"), tmp_path / "d" / "p" / "run")
    spoil(run)
    support = benchmarked.episode("knn", 0).support
    found = refused("predict", "--method", run, "--support", support, picture(benchmarked))
    assert words in found


def _append(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b" ")


def _edit(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((run / "manifest.json").read_text())
    change(content)
    (run / "manifest.json").write_text(json.dumps(content))


def test_other_code_of_the_method_is_said(benchmarked: Benchmarked, tmp_path: Path) -> None:
    run = shutil.copytree(benchmarked.run("protonet"), tmp_path / "d" / "p" / "run")
    _edit(run, lambda manifest: manifest["identity"].update(method_source="0"))
    support = benchmarked.episode("protonet", 0).support
    done = succeeded("predict", "--method", run, "--support", support, picture(benchmarked))
    assert "the code of protonet is not what it was in the run" in done.stderr


def test_what_is_missing_is_one_sentence(
    benchmarked: Benchmarked, pixels: tuple[object, ...], tmp_path: Path
) -> None:
    run, one = ("--method", benchmarked.run("knn")), picture(benchmarked)
    assert "Name at least one picture" in refused("predict", *pixels)
    assert "There is no picture or folder" in refused("predict", *pixels, tmp_path / "x.png")
    (tmp_path / "none").mkdir()
    assert "There is no picture in" in refused("predict", *pixels, tmp_path / "none")
    assert "--support FOLDER" in refused("predict", *run, one)
    assert "no folder" in refused("predict", *run, "--support", tmp_path / "x", one)
    assert "has its own size" in refused("predict", *pixels, one, "--size", 20)
    assert "no run or saved learner" in refused("predict", "--method", "a/b", *pixels[2:], one)
    found = refused("predict", "--method", benchmarked.out, *pixels[2:], one)
    assert f"name one of its {len(EACH)} runs, such as" in found
    assert "did you mean knn" in refused("predict", "--method", "kn", one)


def test_a_class_without_a_picture_is_named(benchmarked: Benchmarked, tmp_path: Path) -> None:
    run, one = ("--method", benchmarked.run("knn")), picture(benchmarked)
    shutil.copytree(benchmarked.pictures / "class 00", tmp_path / "a")
    assert "1 class, of which" in refused("predict", *run, "--support", tmp_path, one)
    (tmp_path / "b").mkdir()
    sentence = "b has no picture that can be read; put at least one there"
    assert sentence in refused("predict", *run, "--support", tmp_path, one)
    (tmp_path / "b" / "0.png").write_bytes(b"no picture")
    assert sentence in refused("predict", *run, "--support", tmp_path, one)


@pytest.mark.parametrize("name", ["support.safetensors", "learned.safetensors", "learner.json"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_learner_is_refused(
    benchmarked: Benchmarked, saved: Path, name: str, cut: bool
) -> None:
    content = (saved / name).read_bytes()
    middle = len(content) // 2
    flipped = bytes([content[middle] ^ 1])
    spoilt = content[:middle] if cut else content[:middle] + flipped + content[middle + 1 :]
    (saved / name).write_bytes(spoilt)
    found = refused("predict", "--method", saved, picture(benchmarked))
    assert name in found
    assert "save it again" in found
    (saved / name).write_bytes(content)
    succeeded("predict", "--method", saved, picture(benchmarked))


def test_a_learner_that_lacks_a_file(benchmarked: Benchmarked, saved: Path) -> None:
    (saved / "support.safetensors").unlink()
    found = refused("predict", "--method", saved, picture(benchmarked))
    assert "support.safetensors cannot be read" in found


def test_a_saved_learner_has_its_own_support_and_is_not_overwritten(
    benchmarked: Benchmarked, pixels: tuple[object, ...], saved: Path
) -> None:
    one = picture(benchmarked)
    found = refused("predict", "--method", saved, *pixels[2:], one)
    assert "has its own support; leave out --support" in found
    assert "is there already" in refused("predict", *pixels, "--save", saved)


def test_colours_and_sizes_follow_the_run(
    benchmarked: Benchmarked, pixels: tuple[object, ...], tmp_path: Path
) -> None:
    """A picture in colour and of another size is answered as its grey square is."""
    large = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8))
    large.save(tmp_path / "large.png")
    grey = large.convert("L").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    grey.save(tmp_path / "grey.png")
    done = succeeded("predict", *pixels, tmp_path / "*.png", "--format", "json")
    first, second = json.loads(done.stdout)
    assert {**first, "image": ""} == {**second, "image": ""}
    assert "pictures: 1 image(s) in colour, made grey as those of the benchmark are" in done.stderr


def test_what_a_method_raises_is_its_failure(
    benchmarked: Benchmarked, pixels: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchbench_plugins.knn import KNN

    def fails(self: KNN, support: object) -> object:
        raise ArithmeticError("seven")

    monkeypatch.setattr(KNN, "adapt", fails)
    done = invoke("predict", *pixels, picture(benchmarked))
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == "Error: knn[backbone=pixels]: ArithmeticError: seven"
