"""Runs that are repeated give what is stored; what was altered since is named."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from support.command_line import invoke, refused, succeeded, task, write_pictures

from benchbench.runs.manifest import CORE
from benchbench.runs.names import run_hash
from benchbench.runs.rows import rows_sha256
from benchbench.runs.store import Store
from benchbench.system.files import file_hash

METHODS = "protonet,knn[backbone=pixels]"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("images") / "pictures")


@pytest.fixture(scope="module")
def finished(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    succeeded(*task(f"folder:{pictures}[size=16]", methods=METHODS, out=out, budget=4))
    return out


@pytest.fixture
def results(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "results"))


def lines(results: Path, *options: object, code: int) -> str:
    done = invoke("verify", results, *options)
    assert done.exit_code == code, done.output
    return done.stdout


def edit(results: Path, method: str, change: Callable[[dict[str, Any]], None]) -> None:
    (file,) = results.glob(f"*/*/{method}-*/manifest.json")
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_stored_weights_give_the_stored_counts(results: Path) -> None:
    found = lines(results, "--evaluate", code=0)
    assert found.count("10 episodes evaluated again, equal count by count") == 2
    assert "2 verified" in found


def test_a_training_is_repeated_bit_for_bit(results: Path) -> None:
    found = lines(results, "--retrain", "--episodes", 4, code=0)
    assert found.count("4 episodes trained again, equal count by count") == 2


def test_fresh_episodes_agree_within_the_interval(results: Path) -> None:
    found = lines(results, "--fresh", 5, code=0)
    assert found.count("on 10 episodes of seed 5") == 2


def mend_hash(results: Path, weights: Path) -> None:
    """Have the manifest and the training's record say that these weights are the trained ones."""
    digest = file_hash(weights)
    edit(results, "protonet", lambda m: m["training"][0].update(weights_sha256=digest))
    record = json.loads(weights.with_suffix(".json").read_text())
    record["record"]["weights_sha256"] = digest
    weights.with_suffix(".json").write_text(json.dumps(record))


def test_an_altered_weight_is_named(results: Path) -> None:
    (file,) = results.rglob("training.safetensors")
    weights = load_file(file)
    for name, tensor in weights.items():
        if tensor.ndim == 4:
            weights[name] = tensor.flip(0)
    save_file(weights, file)
    found = lines(results, code=1)
    assert "weights: training/training.safetensors is not what was stored" in found
    mend_hash(results, file)
    assert "2 verified" in lines(results, code=0)
    found = lines(results, "--evaluate", code=1)
    assert "weights: evaluated again, " in found
    assert "1 differs, 1 verified" in found


def test_weights_that_are_not_stored_are_not_replaced_by_a_training(results: Path) -> None:
    (file,) = results.rglob("training.safetensors")
    file.unlink()
    found = lines(results, "--evaluate", code=1)
    assert "weights: its weights are not stored; --retrain trains it again" in found
    assert "1 not repeatable here, 1 verified" in found


def test_weights_of_another_training_are_not_those_of_the_run(results: Path) -> None:
    """Of a manifest that does not say which weights are its own, as older ones do not."""
    (file,) = results.rglob("training.safetensors")
    shutil.move(file.parent, results / "pretrained" / "conv4-of-others")

    def forget(manifest: dict[str, Any]) -> None:
        for key in ("weights", "weights_sha256"):
            del manifest["training"][0][key]

    edit(results, "protonet", forget)
    assert "weights: those here are of another training" in lines(results, "--evaluate", code=1)


def test_what_is_not_here_can_be_let_pass(pictures: Path, results: Path, tmp_path: Path) -> None:
    (file,) = results.rglob("training.safetensors")
    file.unlink()
    found = lines(results, "--evaluate", "--where-possible", code=0)
    assert "not repeatable here for lack of: 1 weights" in found
    assert "1 not repeatable here, 1 verified" in found
    edit(results, "protonet", lambda m: m["method"].update(spec="maml"))
    assert "1 differs, 1 verified" in lines(results, "--evaluate", "--where-possible", code=1)
    (run,) = results.glob("*/*/knn-*")
    rename_data(run, pictures.with_name("pictures-elsewhere"))
    found = lines(results, "--evaluate", "--where-possible", code=1)
    assert "data: folder:" in found
    assert "for lack of: 1 data" in found


def rename_data(run: Path, folder: Path) -> None:
    """Have a run be of images in a folder that is not here."""
    manifest = json.loads((run / "manifest.json").read_text())
    name = f"folder:{folder}[size=16]"
    manifest["dataset"]["name"] = name
    (run / "manifest.json").write_text(json.dumps(manifest))
    place = Store(run.parents[2]).run(name, manifest["identity"]).path
    place.parent.mkdir(parents=True)
    run.rename(place)


def test_an_altered_table_of_the_cache_is_other_data(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHBENCH_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "results"
    succeeded(*task(f"folder:{pictures}[size=16]", methods="knn[backbone=pixels]", out=out))
    (pixels,) = (tmp_path / "cache").rglob("pixels.bin")
    content = bytearray(pixels.read_bytes())
    content[500] ^= 1
    pixels.chmod(0o644)
    pixels.write_bytes(content)
    found = lines(out, "--evaluate", "--where-possible", code=1)
    assert "data: folder:" in found
    assert "the decoded images in the cache were altered" in found


def checked_by_tox(runs: Path) -> str:
    """What the first command of `tox -e repro` finds out about these runs, which must fail."""
    tox = ConfigParser(interpolation=None)
    tox.read(Path(__file__).parents[2] / "tox.ini")
    first = tox["testenv:repro"]["commands"].strip().splitlines()[0]
    _, verb, _, *options = first.split()
    assert (verb, options[0]) == ("verify", "--evaluate")
    done = invoke(verb, runs, *options)
    assert done.exit_code == 1, done.output
    return done.stdout


def one_weight(run: Path) -> None:
    (file,) = run.rglob("training.safetensors")
    weights = load_file(file)
    next(tensor for tensor in weights.values() if tensor.ndim == 4).view(-1)[0] += 1e-3
    save_file(weights, file)


def one_prediction(run: Path) -> None:
    """Another wrong answer in place of a wrong one, so that no count changes."""
    with (run / "predictions.csv").open() as open_file:
        episodes = list(csv.DictReader(open_file))
    episode, place = next(
        (number, place)
        for number, row in enumerate(episodes)
        for place, pair in enumerate(zip(row["query_labels"], row["predicted"], strict=True))
        if len(set(pair)) == 2
    )
    right, wrong = (episodes[episode][key][place] for key in ("query_labels", "predicted"))
    answers = list(episodes[episode]["predicted"])
    answers[place] = str(3 - int(right) - int(wrong))  # the third of three classes
    file = run / "answers.csv.gz"
    lines = gzip.decompress(file.read_bytes()).decode().splitlines(keepends=True)
    old = f"{episode},{episodes[episode]['predicted']}"
    assert lines[episode + 1].startswith(old)
    lines[episode + 1] = lines[episode + 1].replace(old, f"{episode},{''.join(answers)}")
    file.write_bytes(gzip.compress("".join(lines).encode()))


def one_count(run: Path) -> None:
    lines = (run / "episodes.csv").read_text().splitlines()
    number, way, queries, correct, _, classes = lines[3].split(",")
    other = int(correct) - 1
    lines[3] = ",".join([number, way, queries, str(other), str(other / int(queries)), classes])
    (run / "episodes.csv").write_text("\n".join(lines) + "\n")


def one_entry(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["identity"]["budget"] = "5"
    (run / "manifest.json").write_text(json.dumps(manifest))


PLANTED = {
    one_weight: "weights: training/training.safetensors is not what was stored",
    one_prediction: "predictions: the answers are not what was stored",
    one_count: "records: ",
    one_entry: "claims: a run of this identity lies in",
}


@pytest.mark.parametrize("plant", PLANTED)
def test_each_planted_change_is_named_by_what_tox_runs(
    results: Path, plant: Callable[[Path], None]
) -> None:
    (run,) = results.glob("*/*/protonet-*")
    plant(run)
    found = checked_by_tox(results)
    assert PLANTED[plant] in found
    assert "1 differs, 1 verified" in found


def test_another_pixel_is_other_data(pictures: Path, tmp_path: Path) -> None:
    own = shutil.copytree(pictures, tmp_path / "own")
    out, spec = tmp_path / "results", f"folder:{own}[size=16]"
    succeeded(*task(spec, methods="knn[backbone=pixels]", out=out))
    picture = own / "class 00" / "0.png"
    with Image.open(picture) as image:
        image.putpixel((0, 0), image.getpixel((0, 0)) ^ 1)
        image.save(picture)
    assert "here is other data than the run's" in checked_by_tox(out)


DECLARATIONS: dict[str, Callable[[dict[str, Any]], None]] = {
    "method.pretrained_on": lambda m: m["method"].update(pretrained_on=["imagenet"]),
    "parameters": lambda m: m.update(parameters=7),
}


def test_what_a_method_does_not_declare_is_named(results: Path) -> None:
    for change in DECLARATIONS.values():
        edit(results, "protonet", change)
    found = lines(results, "--evaluate", code=1)
    for name in DECLARATIONS:
        assert f"claims: {name} " in found
    edit(results, "protonet", lambda m: m["method"].update(transductive=True))
    found = lines(results, code=1)  # its audit has what it said
    assert "claims: method.transductive is True" in found
    edit(results, "protonet", lambda m: m.pop("audit"))
    found = lines(results, "--evaluate", code=1)
    assert "claims: method.transductive is True; the method says False" in found


def test_edited_code_is_another_version(results: Path) -> None:
    (run,) = results.glob("*/*/protonet-*")
    edit(results, "protonet", lambda m: m["identity"].update(method_source="ab" * 32))
    run = renamed(run)
    found = lines(results, "--evaluate", code=0)
    equal = "10 episodes evaluated again, equal count by count, by other code of the method"
    assert equal in found
    assert "2 verified" in found
    edit(results, "protonet", lambda m: m.update(parameters=7))
    found = lines(results, "--evaluate", code=1)
    assert "code: method_source is abab" in found
    assert "1 not repeatable here, 1 verified" in found
    edit(results, "protonet", lambda m: m["identity"].update(core=1))
    renamed(run)
    found = lines(results, "--evaluate", "--where-possible", code=0)
    assert f"versions: core is 1; here it is {CORE}" in found
    assert "for lack of: 1 versions" in found


def test_a_parameter_that_the_method_got_later_is_at_its_default(results: Path) -> None:
    """And nothing else: one that the spec names cannot be left out of what is known of a run."""

    def forget(manifest: dict[str, Any], name: str) -> None:
        for place in (manifest["identity"], manifest["method"]):
            del place["parameters"][name]

    (run,) = results.glob("*/*/protonet-*")
    edit(results, "protonet", lambda m: forget(m, "bn"))
    run = renamed(run)
    assert "2 verified" in lines(results, "--evaluate", code=0)
    edit(results, "protonet", lambda m: m["method"].update(spec="protonet[scale=9]"))
    edit(results, "protonet", lambda m: forget(m, "scale"))
    renamed(run)
    assert "claims: parameters is {" in lines(results, "--evaluate", code=1)


def renamed(run: Path) -> Path:
    """Give a run's folder the name of its edited identity."""
    identity = json.loads((run / "manifest.json").read_text())["identity"]
    return run.rename(run.with_name(f"protonet-{run_hash(identity)}"))


def test_one_way_at_a_time(results: Path) -> None:
    assert "one at a time" in refused("verify", results, "--evaluate", "--retrain")
    assert "--where-possible is of" in refused("verify", results, "--where-possible")


def test_a_folder_without_runs_is_told(tmp_path: Path) -> None:
    assert "There are no runs below" in refused("verify", tmp_path)


METRICS = ("calibrated_negative_log_likelihood", "brier_score")


@pytest.fixture(scope="module")
def with_metrics(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("metrics")
    options = {
        "metrics": ",".join(METRICS),
        "shot": 3,
        "query": 2,
        "methods": "knn[backbone=pixels,k=3]",
    }
    succeeded(*task(f"folder:{pictures}[size=16]", out=out, **options))
    return out


def test_metrics_of_scores_are_computed_again_and_a_forged_one_is_found(
    with_metrics: Path, tmp_path: Path
) -> None:
    results = Path(shutil.copytree(with_metrics, tmp_path / "results"))
    unseen = "is of scores, which are not stored"
    assert lines(results, code=0).count(unseen) == 2
    found = lines(results, "--evaluate", code=0)
    assert unseen not in found
    assert all(f"{name} evaluated again, equal" in found for name in METRICS)
    assert "1 verified" in found
    assert lines(results, "--evaluate", "--episodes", 4, code=0).count(unseen) == 2
    (file,) = results.glob("*/*/knn-*/episodes.csv")
    head, *rows = file.read_text().splitlines()
    cells = rows[2].split(",")
    cells[head.split(",").index("brier_score")] = "0.0001"
    rows[2] = ",".join(cells)
    text = "\n".join([head, *rows]) + "\n"
    file.write_text(text)
    digest = rows_sha256(text.encode())
    edit(results, "knn", lambda m: m["episodes"].update(records_sha256=digest))
    found = lines(results, "--evaluate", code=1)
    assert "records: evaluated again, brier_score is another in 1 of 10 episodes" in found
    assert "the first is episode 2 (0.0001 stored," in found
