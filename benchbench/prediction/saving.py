"""Learners written to folders, from which `saved` loads them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import save_file

import benchbench
from benchbench.errors import BenchbenchError
from benchbench.prediction.kept_images import read_while_restored
from benchbench.prediction.learned_classes import learned_arrays, learned_texts
from benchbench.prediction.learner import Learner
from benchbench.prediction.own_size import as_arrays, bytes_of
from benchbench.prediction.saved import FORMAT, LEARNED, LEARNER, SUPPORT, content_sha256, load
from benchbench.registry import specs
from benchbench.runs.manifest import CORE
from benchbench.system.arrays import FloatArray, IntArray
from benchbench.system.files import file_hash
from benchbench.system.progress import say
from benchbench.system.texts import counted

WEIGHTS = (".safetensors", ".json")
"""The files of a training; others beside them are locks."""

MOST_BYTES = 2**30
"""Of the training images that are kept with a learner."""


def save(learner: Learner, folder: Path) -> None:
    """Write a learner to a new folder, and make sure that it comes back the same.

    Raises BenchbenchError if the folder holds anything or cannot be written, or the learner that is
    read from it has other scores.
    """
    with _whole_folder(folder) as partial:
        kept = _kept_images(learner)
        _write(learner, kept, partial)
        with TemporaryDirectory(prefix="benchbench-") as place:
            again = load(partial, Path(place))
            if not np.array_equal(_own_scores(again), _own_scores(learner)):
                raise BenchbenchError(
                    f"{learner.trained.method} cannot be saved: it answers otherwise each time."
                )
    shared = learner.trained.given.shared
    weights = ["weights"] if shared is not None and _weights(shared.parent) else []
    support = counted(len(learner.support.images), "labelled picture")
    others = [counted(len(kept), "training image")] if len(kept) else []
    say(f"saved in {folder}: {', '.join([*weights, support, *others])}")


def _own_scores(learner: Learner) -> FloatArray:
    return learner.scores(learner.support.images)


def _kept_images(learner: Learner) -> IntArray:
    """The ids of the training images without which the method cannot be restored."""
    learned = learner.trained.given.learned
    kept = read_while_restored(learner.trained, learner.support.images)
    size = bytes_of(learned.pixels, kept.tolist())
    if size > MOST_BYTES:
        raise BenchbenchError(
            f"{learner.trained.method} reads {len(kept)} training images when it is restored, "
            f"{size / 2**30:.1f} GiB, which are too many to be saved; use its run."
        )
    return kept


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write to, which gets the name if the block succeeds."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BenchbenchError(f"{folder} is there already; name a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as around:
            partial = Path(around) / folder.name
            partial.mkdir()
            yield partial
            partial.replace(folder)
    except OSError as error:
        raise BenchbenchError(f"Cannot write {folder}: {error.strerror or error}.") from error


def _write(learner: Learner, kept: IntArray, folder: Path) -> None:
    given, support = learner.trained.given, learner.support
    labelled = as_arrays(support.images, range(len(support.images)))
    save_file({**labelled, "labels": support.labels}, folder / SUPPORT)
    arrays = learned_arrays(given.learned, kept)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(contiguous, folder / LEARNED)
    if given.shared is not None:
        for file in _weights(given.shared.parent):
            target = folder / file.relative_to(given.shared.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    content = {
        **_described(learner),
        "files": {file.relative_to(folder).as_posix(): file_hash(file) for file in files},
    }
    content["sha256"] = content_sha256(content)
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / LEARNER).write_text(text + "\n", encoding="utf-8", newline="\n")


def _weights(root: Path) -> list[Path]:
    return sorted(file for file in root.rglob("*") if file.suffix in WEIGHTS and file.is_file())


def _described(learner: Learner) -> dict[str, Any]:
    """What JSON holds of a learner, but for its files."""
    trained, given = learner.trained, learner.trained.given
    own = given.folder and given.shared and given.folder.relative_to(given.shared.parent)
    return {
        "format": FORMAT,
        "benchbench": benchbench.__version__,
        "core": CORE,
        "method": trained.method,
        "method_source": trained.source,
        "weight_files": trained.weight_files,
        "training_seconds": list(trained.seconds),
        "origin": trained.origin,
        "class_names": list(learner.support.class_names),
        "pictures": learner.reader.as_json(),
        "adaptation_seed": learner.seed,
        "dataset": given.dataset,
        "task": asdict(given.task),
        "budget": str(given.budget),
        "seed": given.seed,
        "compute": asdict(given.compute),
        "sampler": given.sampler and specs.text_of(given.sampler),
        "weights": own and own.as_posix(),
        "restores": given.restores,
        "learned": learned_texts(given.learned),
    }
