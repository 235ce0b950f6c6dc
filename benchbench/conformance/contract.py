"""The contract: what every method must do with any support and any queries."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchbench.conformance.outcomes import CheckFailed, NotApplicable
from benchbench.conformance.training import Training, train
from benchbench.conformance.trial import Trial
from benchbench.conformance.trials import task_for
from benchbench.conformance.under_test import Bench
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import MethodError
from benchbench.method import Method
from benchbench.system.arrays import IntArray
from benchbench.system.compute import separate_randomness
from benchbench.training.budget import Budget

LARGEST_WAY = 20
CLASSES_OF_OTHER_CHANNELS = 64
FEW_STEPS = 2


def check_scores(bench: Bench) -> None:
    """Scores are finite floats [n_query, n_way]."""
    for trial in bench.trials():
        bench.scores(trial)


def check_equal_seeds(bench: Bench) -> None:
    """Two calls with equal seeds give the same scores."""
    for trial in bench.trials():
        first, second = bench.scores(trial), bench.scores(trial)
        bench.must_equal(first, second, 0.0, "in a second call with the same seed")


def check_support_unchanged(bench: Bench) -> None:
    """The method changes neither its support's images nor the labels."""
    for trial in bench.trials():
        support = trial.support_for(bench.method)
        pixels, labels = support.images.array.copy(), support.labels.clone()
        with separate_randomness(trial.seed):
            bench.method.adapt_many([support])[0](trial.query)
        if not np.array_equal(pixels, support.images.array):
            changed = int((pixels != support.images.array).sum())
            raise CheckFailed(f"{changed} values of the support's pixels are altered")
        if not labels.equal(support.labels):
            changed = int((labels != support.labels).sum())
            raise CheckFailed(f"{changed} of {len(labels)} support labels are altered")


def check_any_way(bench: Bench) -> None:
    """Episodes of 2 to 20 classes get scores, unless the method says that its way is fixed."""
    if reason := bench.method.skip(replace(bench.task, n_way=None)):
        raise NotApplicable(reason)
    for way in range(2, min(LARGEST_WAY, len(bench.pool)) + 1):
        _must_answer(bench, bench.draw(way, 1, 1), f"{way}-way 1-shot")


def check_unbalanced_shots(bench: Bench) -> None:
    """Classes may have different numbers of support images."""
    # No number of shots may be the mean of all: 1, 2, 3, 4 and 4 in five classes.
    trial = bench.draw(bench.way, _several(bench, max(2, bench.way - 1)), 2)
    kept = np.flatnonzero(_place_in_class(trial) <= trial.support_labels)
    _must_answer(bench, trial.learning_from(kept), "with 1, 2, ... support images by class")


def check_class_of_one_image(bench: Bench) -> None:
    """One class may have a single support image while the others have several."""
    trial = bench.draw(bench.way, _several(bench, 5), 2)
    kept = np.flatnonzero((trial.support_labels > 0) | (_place_in_class(trial) == 0))
    _must_answer(bench, trial.learning_from(kept), "when one class has a single support image")


def check_class_without_support(bench: Bench) -> None:
    """There is a column of scores for each class, even for one without any support image."""
    trial = bench.draw(bench.way, _several(bench, 2), 2)
    last = trial.learning_from(np.flatnonzero(trial.support_labels < trial.n_way - 1))
    try:
        answer = bench.adapt(last)(last.query)
        scores = np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)
    except MethodError as error:
        raise NotApplicable(f"it refuses a class without support images: {error}") from error
    if scores.shape != (len(last.query), last.n_way):
        raise CheckFailed(
            f"the scores have shape {list(scores.shape)} in place of "
            f"[{len(last.query)}, {last.n_way}] if class {last.n_way - 1} has no support image"
        )
    if not np.isfinite(scores).all():
        raise NotApplicable("it gives no finite scores if a class has no support image")


def check_single_query(bench: Bench) -> None:
    """An episode may have one query only."""
    if bench.method.transductive:
        raise NotApplicable("declares transductive, and may need several queries")
    for trial in bench.trials():
        _must_answer(bench, trial.asking(np.array([0])), "with a single query")


def check_channels(bench: Bench) -> None:
    """Images of one channel and of three are learned and classified."""
    training = training_of(bench)
    other = _of_other_channels(bench.dataset)
    channels = other.image_shape[-1]
    method, task = bench.fresh(), task_for(other)
    if reason := method.skip(task):
        raise NotApplicable(reason)
    with tempfile.TemporaryDirectory() as folder:
        train(
            method,
            other,
            task,
            Path(folder),
            seed=bench.seed,
            budget=Budget("smoke", FEW_STEPS),
            compute=training.compute,
        )
    there = Bench(method, other, task, seed=bench.seed, trials=1)
    _must_answer(there, there.trial(0), f"on images of {channels} channels")


def check_reload(bench: Bench) -> None:
    """A second method that is trained in the folder of the first gives the same scores."""
    training = training_of(bench)
    second = bench.fresh()
    train(
        second,
        bench.dataset,
        bench.task,
        training.folder,
        seed=bench.seed,
        budget=training.budget,
        compute=training.compute,
    )
    for reference in bench.references():
        found = bench.scores(reference.trial, method=second)
        bench.must_equal(
            reference.scores, found, reference.floor, "trained again in the same folder"
        )


def check_adapt_many(bench: Bench) -> None:
    """A method's own `adapt_many` gives what `adapt` gives for each episode."""
    method = bench.method
    if type(method).adapt_many is Method.adapt_many:
        raise NotApplicable("it has no adapt_many of its own")
    references = list(bench.references())
    trials = [reference.trial for reference in references]
    together = method.adapt_many([trial.support_for(method) for trial in trials])
    for reference, classify in zip(references, together, strict=True):
        found = bench.ask(classify, reference.trial)
        alteration = f"adapted together with {len(trials) - 1} other episodes"
        bench.must_equal(reference.scores, found, reference.floor, alteration, rounded=reference)


def _must_answer(bench: Bench, trial: Trial, where: str) -> None:
    try:
        bench.scores(trial)
    except Exception as error:
        raise CheckFailed(f"{where}, it raises {type(error).__name__}: {error}") from error


def _several(bench: Bench, most: int) -> int:
    """From 2 to `most` shots, so many that each class has two images left for queries."""
    shot = min(most, int(bench.pool.sizes.min()) - 2)
    if shot < 2:
        raise NotApplicable(f"{bench.dataset.name} has too few images of a class")
    return shot


def _place_in_class(trial: Trial) -> IntArray:
    """The number of earlier support images of the same class, for each support image."""
    same = trial.support_labels[:, None] == trial.support_labels[None]
    places: IntArray = np.tril(same, -1).sum(axis=1)
    return places


def training_of(bench: Bench) -> Training:
    """The training of the method under test; NotApplicable if it was trained elsewhere."""
    if bench.training is None:
        raise NotApplicable("the method was trained elsewhere")
    return bench.training


def _of_other_channels(dataset: OpenDataset) -> OpenDataset:
    """Some classes of the data set, in three channels if it has one, and else in one."""
    splits = {
        split: dataset.splits.get(split, np.empty(0, np.int64))[:CLASSES_OF_OTHER_CHANNELS]
        for split in ("train", "val")
    }
    rows = np.flatnonzero(np.isin(dataset.labels, np.concatenate(list(splits.values()))))
    pixels = dataset.images(rows)
    if dataset.image_shape[-1] == 1:
        pixels = pixels.repeat(3, axis=-1)
    else:
        pixels = pixels.mean(axis=-1, keepdims=True).astype(np.uint8)
    return replace(
        dataset,
        fingerprint=hashlib.sha256(f"{dataset.fingerprint}/channels".encode()).hexdigest(),
        pixels=pixels,
        labels=dataset.labels[rows],
        splits=splits,
        groups=None,
        fixed_episodes=None,
    )
