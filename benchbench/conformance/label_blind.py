"""The check of a training that takes no labels: dealt anew, they change no bit of its weights."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from benchbench.conformance.outcomes import CheckFailed, NotApplicable
from benchbench.conformance.training import train
from benchbench.conformance.under_test import Bench
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.method import Method


def check_label_blind(bench: Bench) -> None:
    """C22: a training that declares to take no labels ends with the same weights by other labels.

    The labels of the training images are dealt among them anew, and the training is repeated. Those
    of the validation classes stay, by which it may choose if it declares that.
    """
    if bench.method.training_labels not in ("none", "validation only"):
        raise NotApplicable("it learns from labels")
    training = bench.training
    if training is None:
        raise NotApplicable("the method was trained elsewhere")
    learned, again = weights_of(bench.trained), bench.fresh()
    with tempfile.TemporaryDirectory() as folder:
        train(
            again,
            dealt_anew(bench.dataset, bench.seed),
            bench.task,
            Path(folder),
            seed=bench.seed,
            budget=training.budget,
            compute=training.compute,
        )
    found = weights_of(again)
    if differing := [name for name in learned if not _equal(learned[name], found.get(name))]:
        declared = bench.method.training_labels
        raise CheckFailed(
            f"training_labels is '{declared}', and {len(differing)} of {len(learned)} tensors of "
            f"weights change with the labels of the training images, such as {differing[0]}"
        )


def dealt_anew(dataset: OpenDataset, seed: int) -> OpenDataset:
    """The data set with the labels of its training images permuted, and all else as it is."""
    places = np.flatnonzero(np.isin(dataset.labels, dataset.splits["train"]))
    labels = dataset.labels.copy()
    labels[places] = labels[np.random.default_rng([seed, 5]).permutation(places)]
    return replace(dataset, labels=labels)


def weights_of(method: Method) -> dict[str, Tensor]:
    """The parameters and buffers of the networks that a method and its members keep, by name."""
    found = {
        f"{attribute}.{name}": tensor
        for attribute, value in vars(method).items()
        if isinstance(value, nn.Module)
        for name, tensor in value.state_dict().items()
    }
    for number, member in enumerate(method.members):
        found |= {f"member {number}: {name}": one for name, one in weights_of(member).items()}
    return found


def _equal(one: Tensor, other: Tensor | None) -> bool:
    return other is not None and bool(one.equal(other))
