"""Seen and unseen classes as candidates: what is held out of training, and what scores say."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.folders import write_images
from support.sentences import one_sentence

from benchbench.datasets.generalised import held_out
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, open_dataset, open_problems
from benchbench.errors import BenchbenchError
from benchbench.evaluation.participant import evaluate
from benchbench.method import Classifier, Method, Support
from benchbench.metrics import find_metrics, left_out
from benchbench.samplers import ClassPool, ZeroShotSampler
from benchbench.system.places import Places

NAMES = {"train": ["ant", "bee", "cat"], "val": ["dog"], "test": ["emu", "fox"]}


@pytest.fixture
def spec(tmp_path: Path) -> str:
    listed = [f"{split}/{name}" for split, names in NAMES.items() for name in names]
    classes = {name: [40 * n + 8 * shade for shade in range(5)] for n, name in enumerate(listed)}
    return f"generalised:folder:{write_images(tmp_path / 'images', classes)}"


def test_held_out_images_are_not_learned_from(spec: str) -> None:
    (problem,) = open_problems(spec, Places.find())
    whole = open_dataset(spec.removeprefix("generalised:"))
    test, train = problem.test, problem.train
    assert len(test.splits["train"]) == len(train.splits["test"]) == 0
    counts = np.bincount(test.labels, minlength=6)
    assert [counts[whole.splits[split]].tolist() for split in NAMES] == [[1, 1, 1], [0], [5, 5]]
    pool = ClassPool(test, "test")
    assert sorted(test.class_names[c] for c in pool.classes) == sorted(
        name
        for name, split in zip(whole.class_names, _split_of(whole), strict=True)
        if split != "val"
    )
    learned = {image.tobytes() for image in train.images(np.arange(len(train.labels)))}
    asked = {image.tobytes() for image in test.images(pool.rows)}
    assert (len(learned), len(asked)) == (3 * 4 + 5, 3 + 2 * 5)
    assert not learned & asked
    assert test.seen is not None
    assert np.flatnonzero(test.seen).tolist() == whole.splits["train"].tolist()
    assert len({whole.fingerprint, test.fingerprint, train.fingerprint}) == 3


def _split_of(dataset: OpenDataset) -> list[str]:
    homes = {c: split for split, members in dataset.splits.items() for c in members.tolist()}
    return [homes[c] for c in range(len(dataset.class_names))]


def test_it_is_the_same_everywhere_and_its_test_can_be_opened(spec: str) -> None:
    first, second = (open_dataset(spec) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    np.testing.assert_array_equal(first.images(np.arange(4)), second.images(np.arange(4)))


def test_shares_and_official_test_images(make_dataset: Callable[..., OpenDataset]) -> None:
    dataset = make_dataset(classes=(3, 1, 2), per_class=10)
    assert np.bincount(dataset.labels[held_out(dataset, 0.3)]).tolist() == [3, 3, 3]
    assert np.bincount(dataset.labels[held_out(dataset, 0.01)]).tolist() == [1, 1, 1]
    parts = np.where(np.arange(60) % 5 == 0, "test", "train")
    official = held_out(replace(dataset, parts=parts), 0.3)
    assert np.flatnonzero(official).tolist() == [0, 5, 10, 15, 20, 25]
    with pytest.raises(BenchbenchError, match="each training class needs some of both"):
        held_out(replace(dataset, parts=np.full(60, "train")), 0.3)


def test_one_image_is_too_few(make_dataset: Callable[..., OpenDataset]) -> None:
    with pytest.raises(BenchbenchError, match="has 1 images, of which 1 would be held out"):
        held_out(make_dataset(classes=(2, 1, 2), per_class=1), 0.2)


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    with one_sentence("^Seen and .*, and multi:glyphs,shapes is several; run generalised:NAME for"):
        create_dataset("generalised:multi:glyphs,shapes")
    only_test = write_images(tmp_path / "images", {"a": [1, 2], "b": [3, 4]})
    with one_sentence("needs training and test classes"):
        open_problems(f"generalised:folder:{only_test}[val=0,test=1][]", Places.find())


class Seer(Method):
    """Gives every query to one class, whose number it is told."""

    name = "seer"
    uses_class_names = True
    answer: str

    def adapt(self, support: Support) -> Classifier:
        row = np.array([float(name.endswith(self.answer)) for name in support.class_names])
        return lambda images: np.tile(row, (len(images), 1))


@pytest.mark.parametrize(("answer", "seen", "unseen"), [("ant", 1 / 3, 0), ("emu", 0, 1 / 2)])
def test_seen_and_unseen_classes_are_scored_apart(
    spec: str, answer: str, seen: float, unseen: float
) -> None:
    (problem,) = open_problems(spec, Places.find())
    episodes = ZeroShotSampler().sample(ClassPool(problem.test, "test"), 1)
    metrics = find_metrics(["seen_accuracy", "unseen_accuracy", "harmonic_mean"])
    method = Seer()
    method.answer = answer
    (scored,) = evaluate(method, problem.test, episodes, metrics=metrics)
    assert scored.record["seen_accuracy"] == pytest.approx(seen)
    assert scored.record["unseen_accuracy"] == pytest.approx(unseen)
    assert scored.record["harmonic_mean"] == 0


def test_the_harmonic_mean() -> None:
    metric = find_metrics(["harmonic_mean"])["harmonic_mean"]
    labels, seen = np.array([0, 0, 1, 2]), np.array([True, False, False])
    scores = np.eye(3)[[0, 1, 1, 0]]
    assert metric(scores, labels, seen) == pytest.approx(0.5)
    scores = np.eye(3)[[0, 0, 1, 0]]
    assert metric(scores, labels, seen) == pytest.approx(2 / 3)


def test_these_metrics_are_left_out_elsewhere() -> None:
    metric = find_metrics(["seen_accuracy"])["seen_accuracy"]
    assert "generalised:NAME" in str(left_out(metric, 5, 0))
    assert left_out(metric, 5, 0, generalised=True) is None
