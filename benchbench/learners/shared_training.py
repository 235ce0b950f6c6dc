"""Trainings that several methods start from, each made once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from filelock import FileLock

from benchbench.backbones.base import Backbone
from benchbench.method import Classifier, Support
from benchbench.registry import specs
from benchbench.runs.manifest import CORE
from benchbench.training.source import TrainingSource


@contextmanager
def shared_training(
    source: TrainingSource, backbone: Backbone, further: dict[str, Any]
) -> Iterator[Path | None]:
    """The folder of a training that other methods may share, which is theirs as well afterwards.

    It is locked, so that a second method waits for the first. None without a `shared` folder.
    further: what the training depends on in addition to data, backbone, budget, seed and precision.
    """
    if source.shared is None:
        yield None
        return
    folder = source.shared / f"{backbone.name}-{_key(source, backbone, further)}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield folder


def _key(source: TrainingSource, backbone: Backbone, further: dict[str, Any]) -> str:
    facts: dict[str, Any] = {
        "core": CORE,
        "fingerprint": source._dataset.fingerprint,
        "splits": source._dataset.splits_sha256,
        "backbone": specs.text_of(backbone),
        "initial": backbone.weights_sha256(),
        "budget": str(source.budget),
        "seed": source.seed,
        "compute": {key: v for key, v in asdict(source.compute).items() if key != "threads"},
        **further,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def nearest_mean(backbone: Backbone) -> Callable[[Support], Classifier]:
    """`adapt` of the nearest class mean in cosine distance."""

    def adapt(support: Support) -> Classifier:
        features = F.normalize(backbone(support.images), dim=1)
        members = F.one_hot(support.labels, support.n_way).to(features)
        # Sums, as their directions are those of the means.
        centres = F.normalize(members.T @ features, dim=1)
        return lambda images: F.normalize(backbone(images), dim=1) @ centres.T

    return adapt
