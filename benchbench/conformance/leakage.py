"""Checks that labels do not leak: accuracy must be chance, and test data out of reach."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np

from benchbench.conformance.chance import confirmed, must_be_chance, must_reach_chance
from benchbench.conformance.outcomes import FLOORS, CheckFailed, NotApplicable
from benchbench.conformance.semi_supervised import must_have_pool
from benchbench.conformance.trial import Trial, pick
from benchbench.conformance.trials import EPISODES_SEED
from benchbench.conformance.under_test import Bench
from benchbench.datasets.tables.stored import paths_of
from benchbench.evaluation.participant import evaluate
from benchbench.images import Images
from benchbench.system.arrays import IntArray

HIDDEN_EPISODES = 4
REAL_EPISODES = 60
KNOWS_CLASSES = "it knows the classes by their names or attributes, without a support"


def check_shuffled_labels(bench: Bench) -> None:
    """C7: with the support's labels shuffled, the accuracy is chance.

    A method is above chance if it learns the queries' classes from anything but the support. 400
    episodes (fewer for a slow method) show a departure of 1 point with a power above 0.8.
    """
    if bench.method.uses_class_names or bench.method.uses_attributes:
        raise NotApplicable(KNOWS_CLASSES)

    def shuffled(draw: int) -> Iterator[Trial]:
        for number, trial in enumerate(bench.trials(bench.chance_episodes, draw)):
            rng = np.random.default_rng([bench.seed, number, 2, draw])
            yield trial.labelled(rng.permutation(trial.support_labels))

    _must_be_chance(bench, shuffled, "with the support's labels shuffled")


def check_noise_images(bench: Bench) -> None:
    """C8: on images of noise, the queries class after class, the accuracy is chance.

    A method is above chance if it uses the position of a query. 400 episodes (fewer for a slow
    method) show a departure of 1 point with a power above 0.8.
    """
    trials = partial(_noise_trials, bench)
    _must_be_chance(bench, trials, "on images of noise in the order of their classes")


def check_uninformative_support(bench: Bench) -> None:
    """C10: if all support images are one image, the accuracy on real queries is chance.

    It is the accuracy before adaptation: what the trained network and the order of the queries,
    which come class after class here, reveal about the slots. 400 episodes (fewer for a slow
    method) show a departure of 1 point with a power above 0.8.
    """
    if bench.method.uses_class_names or bench.method.uses_attributes:
        raise NotApplicable(KNOWS_CLASSES)

    def uninformed(draw: int) -> Iterator[Trial]:
        nothing = np.zeros(len(bench.trial(0).support), np.int64)
        same = Images(bench.noise_view(draw), nothing)
        for trial in bench.trials(bench.chance_episodes, draw):
            in_order = trial.asking(np.argsort(trial.query_labels, kind="stable"))
            yield replace(in_order, support=same)

    _must_be_chance(bench, uninformed, "when all support images are the same")


def check_not_below_chance(bench: Bench) -> None:
    """C10: trained and adapted, the accuracy is not below chance, as with distances for scores."""
    count = min(REAL_EPISODES, bench.chance_episodes)
    confirmed(
        lambda draw: must_reach_chance(bench.accuracies(bench.trials(count, draw)), 1 / bench.way)
    )


def check_hidden_query_labels(bench: Bench) -> None:
    """C9: predictions stay the same when every stored label of a query is another one.

    The episodes are evaluated as in a benchmark, with labels in the callers' frames, in the data
    set behind the images and among the objects of the garbage collector: twice with the right
    labels, and once with wrong ones in all these places.
    """
    right = _predictions(bench, shift=0)
    floor = int((right != _predictions(bench, shift=0)).sum())
    differing = int((right != _predictions(bench, shift=1)).sum())
    if differing > FLOORS * floor:
        raise CheckFailed(
            f"{differing} of {len(right)} predictions change with the stored labels of the queries"
        )


def check_hidden_pool_labels(bench: Bench) -> None:
    """C20: predictions stay the same when every stored label of an unlabelled image is another.

    It is C9 of the unlabelled images that come with a support.
    """
    must_have_pool(bench)
    right = _predictions(bench, shift=0)
    floor = int((right != _predictions(bench, shift=0)).sum())
    differing = int((right != _predictions(bench, shift=1, part="unlabelled")).sum())
    if differing > FLOORS * floor:
        raise CheckFailed(
            f"{differing} of {len(right)} predictions change with the stored labels of the "
            "unlabelled images"
        )


def check_test_images_unread(bench: Bench) -> None:
    """C15: `train` reads no image of a test class, and opens no file of the data set."""
    training = bench.training
    if training is None:
        raise NotApplicable("the method was trained elsewhere")
    if read := sum(n for split, n in training.read.items() if split not in ("train", "val")):
        total = int(np.isin(bench.dataset.labels, bench.dataset.splits["test"]).sum())
        raise CheckFailed(f"train read {read} of the {total} images of test classes")
    tables = {path.absolute().parent for path in paths_of(bench.dataset.pixels)}
    for path in training.opened:
        if path.absolute().parent in tables:
            raise CheckFailed(f"train opened {path}, which holds images of all splits")


def _must_be_chance(bench: Bench, trials: Callable[[int], Iterator[Trial]], where: str) -> None:
    """The accuracy must be chance; trials: those of a draw."""
    confirmed(lambda draw: must_be_chance(bench.accuracies(trials(draw)), 1 / bench.way, where))


def _noise_trials(bench: Bench, draw: int) -> Iterator[Trial]:
    """Trials of noise images whose labels are drawn again in each episode.

    Whatever a method prefers, its accuracy is then chance, even if episodes share images.
    """
    view = bench.noise_view(draw)
    images = Images(view, np.arange(len(view.rows)))
    labels = [np.arange(bench.way).repeat(count) for count in (bench.shot, bench.query)]
    for number, trial in enumerate(bench.trials(bench.chance_episodes, draw)):
        rng = np.random.default_rng([bench.seed, number, 3, draw])
        chosen = rng.permutation(len(images))[: sum(map(len, labels))]
        support, query = np.split(chosen, [len(labels[0])])
        yield replace(
            trial,
            support=pick(images, support),
            support_labels=labels[0],
            query=pick(images, query),
            query_labels=labels[1],
        )


def _predictions(bench: Bench, shift: int, part: str = "query") -> IntArray:
    """The predicted slots of some episodes; the labels of this part are all wrong by `shift`."""
    episodes = bench.sample(HIDDEN_EPISODES, EPISODES_SEED + 1)
    gc.collect()  # Earlier episodes, with other labels, may be part of a cycle.
    if part == "query":
        wrong = (episodes.query_labels + shift) % bench.way
        episodes = replace(episodes, query_labels=wrong)
    with _labels_moved(bench, np.unique(getattr(episodes, part)), shift):
        scored = [*evaluate(bench.method, bench.dataset, episodes, seed=bench.seed)]
    return np.concatenate([one.predicted for one in scored])


@contextmanager
def _labels_moved(bench: Bench, rows: IntArray, shift: int) -> Iterator[None]:
    """A block in which the data set's labels of these images are `shift` classes further."""
    dataset, classes = bench.dataset, bench.dataset.splits[bench.split]
    before = dataset.labels[rows]
    dataset.labels[rows] = classes[(np.searchsorted(classes, before) + shift) % len(classes)]
    try:
        yield
    finally:
        dataset.labels[rows] = before
