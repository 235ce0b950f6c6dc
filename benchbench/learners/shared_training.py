"""One training for all methods that need the same, in the folder that they share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock

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
