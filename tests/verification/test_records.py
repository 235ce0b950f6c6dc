"""What does not follow from the episodes and the answers is found without the data, and named."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.jobs import run_job

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.evaluation.settings import Settings
from benchbench.images import Images
from benchbench.method import Classifier, Method, Support
from benchbench.runs.class_tables import ClassTables
from benchbench.runs.directory import RunDirectory
from benchbench.runs.manifest import CORE
from benchbench.runs.names import run_hash
from benchbench.runs.rows import rows_sha256
from benchbench.runs.store import Store
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.training.source import TrainingSource
from benchbench.verification.differences import Findings, differing
from benchbench.verification.records import verify_records
from benchbench.verification.redrawing import Redrawing

SAMPLER = FixedSampler(way=4, query=5)
COUNT = 30


class Noisy(Method):
    """Nearest mean of pixels that its seed disturbs, so that seeds differ and many are wrong."""

    name = "noisy"

    def train(self, source: TrainingSource) -> None:
        self._seed = source.seed

    def adapt(self, support: Support) -> Classifier:
        pixels = support.images.array.reshape(len(support.images), -1).astype(float)
        means = np.stack([pixels[support.labels == k].mean(0) for k in range(support.n_way)])
        means += np.random.default_rng(self._seed).normal(0, 200, means.shape)

        def classify(images: Images) -> Any:
            asked = images.array.reshape(len(images), 1, -1).astype(float)
            return -((asked - means) ** 2).sum(2)

        return classify


@pytest.fixture(scope="module")
def stored(
    make_dataset: Callable[..., OpenDataset], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A results folder with a run of each of two seeds."""
    root, dataset = tmp_path_factory.mktemp("stored"), make_dataset()
    episodes = SAMPLER.sample(ClassPool(dataset, "test"), COUNT)
    for seed in (0, 1):
        settings = Settings(seed=seed, sampler=SAMPLER)
        done = run_job(Noisy(), dataset, episodes, Store(root), settings)
        assert done.status == "finished", done.reason
    return root


@pytest.fixture
def root(stored: Path, tmp_path: Path) -> Path:
    shutil.copytree(stored, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def run(root: Path) -> RunDirectory:
    return min(Store(root).runs(), key=lambda run: run.manifest["identity"]["seed"])


def verified(run: RunDirectory) -> Findings:
    return verify_records(RunDirectory(run.path), Redrawing(ClassTables.above(run.path)))


def test_what_was_stored_is_verified(run: RunDirectory) -> None:
    found = verified(run)
    assert found.verdict == "verified", found.lines()
    assert found.checked == [
        f"{COUNT} episodes",
        f"answers of {COUNT}",
        "images and predictions of 20",
    ]


def edit(run: RunDirectory, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest as somebody does who knows the format."""
    content = json.loads((run.path / "manifest.json").read_text())
    change(content)
    (run.path / "manifest.json").write_text(json.dumps(content))


def rewrite_rows(run: RunDirectory, change: Callable[[list[str]], list[str]]) -> None:
    """Change the rows, and mend their hash."""
    lines = (run.path / "episodes.csv").read_text().splitlines()
    text = "\n".join([lines[0], *change(lines[1:])]) + "\n"
    (run.path / "episodes.csv").write_text(text)
    edit(run, lambda m: m["episodes"].update(records_sha256=rows_sha256(text.encode())))


def rewrite_answers(run: RunDirectory, change: Callable[[list[str]], list[str]]) -> None:
    """Change the answers, and mend their hash."""
    file = run.path / "answers.csv.gz"
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    text = ("\n".join([lines[0], *change(lines[1:])]) + "\n").encode()
    file.write_bytes(gzip.compress(text))
    edit(run, lambda m: m["episodes"].update(answers_sha256=rows_sha256(text)))


def renamed(run: RunDirectory) -> None:
    """Give the folder the name of its edited identity."""
    identity = json.loads((run.path / "manifest.json").read_text())["identity"]
    place = run.path.parent / f"{identity['method']}-{run_hash(identity)}"
    run.path.rename(place)
    run.path = place


def better(rows: list[str]) -> list[str]:
    """The same rows, with one more correct answer in the fourth."""
    number, way, queries, correct, _, classes = rows[3].split(",")
    more = int(correct) + 1
    row = ",".join([number, way, queries, str(more), str(more / int(queries)), classes])
    return [*rows[:3], row, *rows[4:]]


def other_classes(rows: list[str]) -> list[str]:
    return [*rows[:3], rows[3].rpartition(",")[0] + ",18 19 20 21", *rows[4:]]


def fewer_queries(rows: list[str]) -> list[str]:
    number, way, _, correct, _, classes = rows[3].split(",")
    row = ",".join([number, way, correct, correct, "1.0", classes])
    return [*rows[:3], row, *rows[4:]]


def flipped(answers: list[str]) -> list[str]:
    """All answers of the fourth episode are the first class."""
    slots = ["0"] * len(answers[3].split(",")[1].split())
    return [*answers[:3], f"3,{' '.join(slots)}", *answers[4:]]


FORGED_FILES: dict[str, tuple[str, Callable[[RunDirectory], None]]] = {
    "more correct in the rows": ("predictions: episode 3", lambda r: rewrite_rows(r, better)),
    "other classes": ("the column classes of", lambda r: rewrite_rows(r, other_classes)),
    "fewer queries": ("the column n_query of", lambda r: rewrite_rows(r, fewer_queries)),
    "another answer": ("predictions: episode 3", lambda r: rewrite_answers(r, flipped)),
    "an answer less": ("1 episodes have none", lambda r: rewrite_answers(r, lambda a: a[:-1])),
    "swapped answers": (
        "predictions: episode",
        lambda r: rewrite_answers(r, lambda a: [f"0,{a[1][2:]}", f"1,{a[0][2:]}", *a[2:]]),
    ),
    "a slot that is none": (
        "no answer with a class",
        lambda r: rewrite_answers(r, lambda a: [a[0][:-1] + "7", *a[1:]]),
    ),
}


@pytest.mark.parametrize("name", FORGED_FILES)
def test_forged_rows_and_answers_are_named(run: RunDirectory, name: str) -> None:
    sentence, forge = FORGED_FILES[name]
    forge(run)
    found = verified(run)
    assert found.verdict == "differs"
    assert sentence in "\n".join(found.lines())


def test_edited_files_differ_from_their_hashes(run: RunDirectory) -> None:
    rows = run.path / "episodes.csv"
    rows.write_text(rows.read_text().replace("\n0,4,", "\n0,5,"))
    assert "records:" in str(verified(run).differences[0])


def test_swapped_answers_of_two_runs_differ_from_their_hashes(root: Path) -> None:
    one, other = Store(root).runs()
    files = [run.path / "answers.csv.gz" for run in (one, other)]
    contents = [file.read_bytes() for file in files]
    assert contents[0] != contents[1]
    for file, content in zip(files, reversed(contents), strict=True):
        file.write_bytes(content)
    for run in (one, other):
        assert "not what was stored" in "\n".join(verified(run).lines())


EDITS: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "episodes' sha256": ("episodes: sha256", lambda m: m["episodes"].update(sha256="ab" * 32)),
    "way": ("episodes: way", lambda m: m["episodes"].update(way=5)),
    "shot": ("episodes: shot", lambda m: m["episodes"].update(shot=5)),
    "disjoint": ("episodes: disjoint", lambda m: m["episodes"].update(disjoint=True)),
    "standard": ("episodes: standard", lambda m: m["episodes"].update(standard=False)),
    "reuse": ("images_drawn", lambda m: m["episodes"].update(images_drawn=1)),
    "available": ("images_available", lambda m: m["episodes"].update(images_available=10**6)),
    "images": ("data: dataset.images", lambda m: m["dataset"].update(images=3)),
    "classes": ("data: dataset.classes", lambda m: m["dataset"].update(classes={"test": 5})),
    "sampler": ("episodes:", lambda m: m["episodes"].update(sampler="fixed[way=4,query=4]")),
    "spec": ("claims: method.spec", lambda m: m["method"].update(spec="protonet")),
    "data set": (
        "of a results folder; dataset.name is omniglot; its folder: ",
        lambda m: m["dataset"].update(name="omniglot"),
    ),
    "fingerprint": (
        "claims: dataset.fingerprint",
        lambda m: m["dataset"].update(fingerprint="ab" * 32),
    ),
    "training data": (
        "claims: dataset.trained_on.fingerprint is a; its identity: b",
        lambda m: [
            m["dataset"].update(trained_on={"fingerprint": "a"}),
            m["identity"].update(trained_on={"fingerprint": "b"}),
        ],
    ),
    "bf16": ("claims: compute.bf16", lambda m: m["compute"].update(bf16=True)),
    "two entries": (
        "and no single entry is known to be edited",
        lambda m: m["identity"].update(seed=7, method_source="ab" * 32),
    ),
    "protection": (
        "claims: protection.engine",
        lambda m: m.update(protection={"engine": "inline", "protected": True}),
    ),
    "lowered count": ("records:", lambda m: m["episodes"].update(count=20)),
}


@pytest.mark.parametrize("name", EDITS)
def test_edited_entries_are_named(run: RunDirectory, name: str) -> None:
    sentence, change = EDITS[name]
    edit(run, change)
    found = verified(run)
    assert found.verdict == "differs"
    assert sentence in "\n".join(found.lines())


FOLLOWED: dict[str, tuple[Any, str]] = {
    "seed": (7, "0"),
    "episode_seed": (3, "0"),
    "budget": ("paper", "quick"),
    "split": ("val", "test"),
    "protocol": ("4way-5shot-5query", "4way-1shot-5query"),
    "method": ("protonet", "noisy"),
    "parameters": ({"width": 3}, "{}"),
    "fingerprint": ("ab" * 32, ""),
    "core": (1, str(CORE)),
    "device": ("cuda", "cpu"),
    "bf16": (True, "False"),
}


@pytest.mark.parametrize("key", FOLLOWED)
def test_the_entry_that_was_edited_is_named(run: RunDirectory, key: str) -> None:
    value, before = FOLLOWED[key]
    edit(run, lambda m: m["identity"].update({key: value}))
    (line,) = (line for line in verified(run).lines() if "a run of this identity" in line)
    assert f"; identity.{key} is {str(value)[:37]}" in line
    assert f"; its folder's name follows from {before}" in line


def test_a_number_that_was_typed_may_be_the_edited_one(run: RunDirectory) -> None:
    edit(run, lambda m: m["identity"].update(seed=123456, budget="700"))
    renamed(run)
    edit(run, lambda m: m["identity"].update(seed=1))
    assert "no single entry is known" in "\n".join(verified(run).lines())
    edit(run, lambda m: m.update(command=["benchbench", "run", "--seed", "5,123456"]))
    assert "; its folder's name follows from 123456" in "\n".join(verified(run).lines())
    edit(run, lambda m: m["identity"].update(seed=123456, budget="quick"))
    edit(run, lambda m: m.update(command=["benchbench", "run", "--budget=700"]))
    assert "identity.budget is quick; its folder's name follows from 700" in "\n".join(
        verified(run).lines()
    )


def test_only_what_differs_of_parameters_is_shown() -> None:
    assert differing({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": None}) == (
        {"b": 2},
        {"b": 3, "c": None},
    )
    assert differing({"a": 1}, None) == ({"a": 1}, None)


IDENTITIES = {
    "protocol": {"protocol": "4way-5shot-5query"},
    "episode seed": {"episode_seed": 5},
    "split": {"split": "val"},
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_an_identity_with_the_right_name_must_have_these_episodes(
    run: RunDirectory, name: str
) -> None:
    edit(run, lambda m: m["identity"].update(IDENTITIES[name]))
    renamed(run)
    lines = "\n".join(verified(run).lines())
    assert "episodes:" in lines
    assert "differs" in lines


def test_without_answers_nothing_is_verified(run: RunDirectory) -> None:
    """Rows could then say anything, with their hash mended."""
    (run.path / "answers.csv.gz").unlink()
    (run.path / "predictions.csv").unlink()
    edit(run, lambda m: m["episodes"].pop("answers_sha256"))
    found = verified(run)
    assert found.verdict == "unknown"
    assert found.unknown == [f"{COUNT} episodes have rows and no stored answers"]


def test_an_older_run_is_verified_in_part(run: RunDirectory) -> None:
    (run.path / "answers.csv.gz").unlink()
    edit(run, lambda m: m["episodes"].pop("answers_sha256"))
    edit(run, lambda m: m["identity"].update(core=1))
    renamed(run)
    assert verified(run).verdict == "partly verified"


def test_a_run_that_is_not_finished_is_unknown(run: RunDirectory, root: Path) -> None:
    edit(run, lambda m: m.update(status="failed"))
    assert verified(run).verdict == "unknown"
    (root / "mine").mkdir()
    for content in ("{}", "[]", "", '{"name": "an app"}', '{"format": 1}', '{"a": 1, "a": 2}'):
        (root / "mine" / "manifest.json").write_text(content)
        assert verified(RunDirectory(root / "mine")).verdict in ("unknown", "differs")


def test_a_copied_folder_is_named(run: RunDirectory) -> None:
    copy = run.path.with_name("noisy-0badc0de")
    shutil.copytree(run.path, copy)
    assert "a run of this identity lies in" in "\n".join(verified(RunDirectory(copy)).lines())


def test_without_a_table_nothing_is_claimed(run: RunDirectory, root: Path) -> None:
    shutil.rmtree(root / "class_tables")
    found = verified(run)
    assert found.verdict == "unknown"
    assert "--write-tables" in "\n".join(found.lines())


def test_prescribed_episodes_are_kept(
    make_dataset: Callable[..., OpenDataset], tmp_path: Path
) -> None:
    """Those of which no sampler is known, such as those of a file."""
    dataset = make_dataset()
    episodes = SAMPLER.sample(ClassPool(dataset, "test"), COUNT)
    run = run_job(Noisy(), dataset, episodes, Store(tmp_path)).run
    assert run.manifest["episodes"]["sampler"] is None
    assert verified(run).verdict == "verified"
    edit(run, lambda m: m["episodes"].update(sha256="ab" * 32))
    assert verified(run).verdict == "differs"


def test_the_command_needs_no_torch(root: Path, run: RunDirectory) -> None:
    """Nor pandas, and names what differs."""
    rewrite_rows(run, better)
    code = (
        "import sys\nfrom benchbench.cli.main import main\n"
        f"sys.argv = ['benchbench', 'verify', {str(root)!r}]\n"
        "try:\n    main()\nfinally:\n    print({'torch', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    *lines, modules = done.stdout.splitlines()
    assert modules == "set()"
    assert "1 differs, 1 verified" in lines
    assert any(line.startswith("  predictions: episode 3 has") for line in lines)


def measured(
    root: Path,
    make_dataset: Callable[..., OpenDataset],
    *metrics: str,
    sampler: FixedSampler = SAMPLER,
) -> RunDirectory:
    """A run with further metrics."""
    dataset = make_dataset()
    episodes = sampler.sample(ClassPool(dataset, "test"), COUNT)
    settings = Settings(seed=0, sampler=sampler, metrics=metrics)
    done = run_job(Noisy(), dataset, episodes, Store(root), settings)
    assert done.run is not None, done.reason
    return done.run


def forge(run: RunDirectory, column: str, value: str) -> None:
    """Write another value into the fifth row of a column."""
    place = (run.path / "episodes.csv").read_text().splitlines()[0].split(",").index(column)

    def change(lines: list[str]) -> list[str]:
        cells = lines[4].split(",")
        cells[place] = value
        return [*lines[:4], ",".join(cells), *lines[5:]]

    rewrite_rows(run, change)


def test_a_forged_metric_of_predictions_is_found_without_scores(make_dataset, tmp_path) -> None:
    run = measured(tmp_path, make_dataset, "balanced_accuracy")
    found = verified(run)
    assert found.verdict == "verified", found.lines()
    assert "balanced_accuracy" in found.checked
    forge(run, "balanced_accuracy", "0.99")
    found = verified(run)
    assert [str(one) for one in found.differences] == [
        "records: balanced_accuracy is not that of the answers in 1 rows, the first is of episode 4"
    ]


def test_a_metric_of_scores_is_named_as_not_looked_at(make_dataset, tmp_path) -> None:
    run = measured(tmp_path, make_dataset, "negative_log_likelihood", "brier_score")
    forge(run, "brier_score", "0.01")
    found = verified(run)
    assert found.verdict == "partly verified"
    assert found.partly == [
        f"{name} is of scores, which are not stored; --evaluate computes it again"
        for name in ("negative_log_likelihood", "brier_score")
    ]


UNKNOWN = replace(SAMPLER, unknown=6)


def test_a_metric_of_confidences_is_that_of_those_that_are_stored(make_dataset, tmp_path) -> None:
    run = measured(tmp_path, make_dataset, "unknown_auroc", sampler=UNKNOWN)
    assert run.manifest["episodes"]["unknown"] == 6
    found = verified(run)
    assert found.verdict == "verified", found.lines()
    assert "unknown_auroc" in found.checked
    forge(run, "unknown_auroc", "0.99")
    sentence = "records: unknown_auroc is not that of the answers in 1 rows, the first is"
    assert [str(one) for one in verified(run).differences] == [f"{sentence} of episode 4"]


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: [*cells[:2], " ".join([*cells[2].split()[:-6], *"111111"])],
        lambda cells: [*cells[:2], " ".join(cells[2].split()[1:])],
        lambda cells: cells[:2],
        lambda cells: [*cells[:2], cells[2].replace(cells[2].split()[0], "nan", 1)],
    ],
)
def test_forged_confidences_are_found(change, make_dataset, tmp_path) -> None:
    run = measured(tmp_path, make_dataset, "unknown_auroc", sampler=UNKNOWN)
    rewrite_answers(run, lambda rows: [*rows[:4], ",".join(change(rows[4].split(","))), *rows[5:]])
    assert any("unknown_auroc is not that" in str(one) for one in verified(run).differences)


def test_the_number_of_unknown_queries_is_checked(make_dataset, tmp_path) -> None:
    run = measured(tmp_path, make_dataset, "unknown_auroc", sampler=UNKNOWN)
    edit(run, lambda m: m["episodes"].update(unknown=7))
    assert any("unknown is 7" in str(one) for one in verified(run).differences)
