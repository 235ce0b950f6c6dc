"""One training for all methods that need the same, in the folder that they share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
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
def shared_folder(source: TrainingSource, name: str, key: str) -> Iterator[Path | None]:
    """The locked folder of a training by what is trained and its key; None if none is shared."""
    if source.shared is None:
        yield None
        return
    folder = source.shared / f"{name}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield folder


def training_key(source: TrainingSource, facts: Mapping[str, Any]) -> str:
    """What a training is known by: 16 digits of the hash of its data, budget, seed and precision.

    facts: what else its weights depend on, as plain values that make JSON.
    """
    common = {
        "core": CORE,
        "fingerprint": source._dataset.fingerprint,
        "splits": source._dataset.splits_sha256,
        "budget": str(source.budget),
        "seed": source.seed,
        "compute": {key: v for key, v in asdict(source.compute).items() if key != "threads"},
    }
    text = json.dumps({**common, **facts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def backbone_key(source: TrainingSource, backbone: Backbone, further: Mapping[str, Any]) -> str:
    """What the training of a backbone is known by; further: what it depends on in addition."""
    facts: dict[str, Any] = {
        "backbone": specs.text_of(backbone),
        "initial": backbone.weights_sha256(),
        **further,
    }
    if backbone.training_needs is not None:
        facts["needs"] = asdict(backbone.training_needs)
    return training_key(source, facts)


def nearest_mean(backbone: Backbone) -> Callable[[Support], Classifier]:
    """`adapt` of the nearest class mean in cosine distance."""

    def adapt(support: Support) -> Classifier:
        features = F.normalize(backbone(support.images), dim=1)
        members = F.one_hot(support.labels, support.n_way).to(features)
        # Sums, as their directions are those of the means.
        centres = F.normalize(members.T @ features, dim=1)
        return lambda images: F.normalize(backbone(images), dim=1) @ centres.T

    return adapt
