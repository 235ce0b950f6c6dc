"""What made a number: everything that a result depends on, as plain JSON."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import benchbench
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.method import Task
from benchbench.runs.method_card import MethodCard, method_source
from benchbench.runs.reading import FORMAT
from benchbench.system.compute import Compute, machine

CORE = 3
"""A part of every run's identity: raise it when a change of the package `benchbench` itself changes
the numbers of methods, so that no result of before is mistaken for one of after. Numbers change
with the training loop, a backbone, preprocessing or the order of episodes; they do not with a
docstring, a name or a file that moves."""
SAID_BY_DATA = (
    *("has_training_classes", "has_unlabelled_part", "has_validation_part", "n_attributes"),
)
"""Fields of a task that follow from what a training is known by in any case."""

LIBRARIES = ("torch", "numpy", "scipy", "pillow", "safetensors")
NETWORK_LIBRARIES = ("torchvision", "timm", "open_clip_torch")
"""A result may depend on these as well, and they need not be installed."""

SAME_BITS = "equal versions, processor kind, device and threads give the same bits on a CPU"
TOLERANCE, SHORT_TOLERANCE = 0.01, 0.02
"""How far a mean accuracy may lie from the stored one on another kind of machine, after a training
and after one of a few steps, which stops where it was best and so at another step. Measured by
`tests/engine/test_rounding.py`."""
WHOLE_BUDGETS = ("quick", "paper")


def identity(
    card: MethodCard,
    problem: Problem,
    episodes: EpisodeSet,
    *,
    seed: int,
    budget: str,
    compute: Compute,
    metrics: list[str],
) -> dict[str, Any]:
    """What distinguishes one run from another; the number of episodes is not part of it.

    A method is known by its parameters and by `method_source`, so that an edited method is a new
    run; so is another file of weights under the same name. What it is built on in `benchbench` is
    known by `CORE`. The classes' names, or attributes, count for a method that reads them.
    `trained_on` is there if methods learn from another data set, and `drawn_as` if episodes are
    drawn by another fingerprint than that of the data: `episodes_of` is the fingerprint of a file's
    episodes that were drawn of the same pictures, read in another way.
    """
    return {
        "method": card.name,
        "parameters": card.described["parameters"],
        **card.weight_files,
        "method_source": method_source(card),
        "core": CORE,
        "fingerprint": problem.test.fingerprint,
        **_drawn_as(problem.test),
        **_episodes_of(problem.test, episodes),
        "splits": problem.test.splits_sha256,
        "split": episodes.split,
        "protocol": episodes.protocol,
        "episode_seed": episodes.seed,
        "seed": seed,
        "budget": budget,
        "device": compute.device,
        "bf16": compute.bf16,
        "channels_last": compute.channels_last,
        "metrics": metrics,
        **_descriptions_read(card, problem.test),
        **_trained_on(card, problem),
    }


def _drawn_as(dataset: OpenDataset) -> dict[str, str]:
    """The fingerprint by which episodes are drawn, if it is not that of the data."""
    return {} if dataset.drawn_as == dataset.fingerprint else {"drawn_as": dataset.drawn_as}


def _episodes_of(dataset: OpenDataset, episodes: EpisodeSet) -> dict[str, str]:
    same = episodes.fingerprint == dataset.drawn_as
    return {} if same else {"episodes_of": episodes.fingerprint}


def _trained_on(card: MethodCard, problem: Problem) -> dict[str, Any]:
    """Identifies the training data if they are not the test data."""
    if not problem.collection:
        return {}
    train = problem.train
    facts = {"fingerprint": train.fingerprint, "splits": train.splits_sha256}
    return {"trained_on": facts | _descriptions_read(card, train)}


def _descriptions_read(card: MethodCard, dataset: OpenDataset) -> dict[str, str]:
    names = {"class_names": dataset.names_sha256} if card.uses_class_names else {}
    if card.uses_attributes and dataset.attributes:
        return {**names, "attributes": dataset.attributes.sha256}
    return names


def training_identity(identity: dict[str, Any], task: Task) -> dict[str, Any]:
    """What the trained weights depend on: the run's identity without what it is tested on."""
    of_sources = ("fingerprint", "drawn_as", "splits", "split", "class_names", "attributes")
    tested = (*of_sources, "episodes_of", "protocol", "episode_seed", "metrics")
    kept = {key: value for key, value in identity.items() if key not in tested}
    seen = dataclasses.asdict(task)
    for said_by_data in SAID_BY_DATA:
        del seen[said_by_data]
    if not seen["n_unlabelled"]:
        del seen["n_unlabelled"], seen["n_distractors"]
    return {**kept, "task": seen}


def describe_run(
    identity: dict[str, Any], card: MethodCard, problem: Problem, compute: Compute
) -> dict[str, Any]:
    """The manifest of a run that is about to start."""
    test = problem.test
    return {
        "format": FORMAT,
        "identity": identity,
        "method": card.described,
        "dataset": {
            "name": problem.spec,
            "fingerprint": test.fingerprint,
            "images": len(test.labels),
            "image_shape": list(test.image_shape),
            "classes": _class_counts(test),
            "unreadable": test.unreadable,
            **({"remarks": test.remarks} if test.remarks else {}),
            **_attributes(test),
            **_one_of_several(problem),
        },
        "compute": dataclasses.asdict(compute),
        "machine": machine(),
        "software": software(),
        "reproduces": {"bits": SAME_BITS, "tolerance": tolerance_of(identity["budget"])},
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def compute_of(manifest: dict[str, Any]) -> Compute:
    """How the run of a manifest was computed. Raises BenchbenchError if it does not say so."""
    said = manifest.get("compute", {})
    try:
        return Compute(**{field.name: said[field.name] for field in dataclasses.fields(Compute)})
    except KeyError as error:
        raise BenchbenchError(f"its manifest does not say how it was computed ({error})") from error


def tolerance_of(budget: str) -> float:
    """How far other rounding may move the mean accuracy of a run of this budget."""
    return TOLERANCE if budget in WHOLE_BUDGETS else SHORT_TOLERANCE


def software() -> dict[str, str]:
    """The versions of Python, benchbench and what numbers depend on."""
    return {
        "benchbench": benchbench.__version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
        **_installed(NETWORK_LIBRARIES),
    }


def _one_of_several(problem: Problem) -> dict[str, Any]:
    """Which of a collection's problems it is, and the training that they share."""
    if not problem.collection:
        return {}
    return {
        "source": problem.name,
        "subject": problem.test.name,
        "trained_on": {
            "name": problem.collection,
            "sources": list(problem.train.members or {}),
            "fingerprint": problem.train.fingerprint,
            "classes": _class_counts(problem.train),
        },
    }


def _attributes(dataset: OpenDataset) -> dict[str, Any]:
    known = dataset.attributes
    return {"attributes": {"number": len(known.names), "sha256": known.sha256}} if known else {}


def _class_counts(dataset: OpenDataset) -> dict[str, int]:
    return {split: len(classes) for split, classes in dataset.splits.items()}


def _installed(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
