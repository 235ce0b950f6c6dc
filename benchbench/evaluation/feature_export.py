"""Features on disk as one file, which is a data set of its own: `features:FILE`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbench.backbones.feature_store import NUMBERS, StoredFeatures
from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.feature_file import FeatureFile, layout_sha256
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.system.arrays import IntArray
from benchbench.system.files import file_hash
from benchbench.system.progress import say

DROPPED = ("nodes", "members", "fixed_episodes")
"""What a file of features does not hold, and episodes may depend on."""


def feature_file(dataset: OpenDataset, stored: Sequence[StoredFeatures], half: bool) -> FeatureFile:
    """The features of all splits of a data set, by image id, with all that episodes depend on.

    half: whether they are rounded to float16. Images of classes in no split are left out, which is
    said; episodes are then others than those of the images.
    Raises BenchbenchError if features are not what was made.
    """
    kept = np.sort(np.concatenate([dataset.view(one.key.split).rows for one in stored]))
    features = np.empty((len(kept), stored[0].size), np.float16 if half else np.float32)
    for one in stored:
        if file_hash(one.file) != one.sha256:
            raise BenchbenchError(f"{one.folder / NUMBERS} was altered; delete the features.")
        _copy(dataset, one, kept, features)
    classes, labels = np.unique(dataset.labels[kept], return_inverse=True)
    split_of = {c: split for split, members in dataset.splits.items() for c in members.tolist()}
    known = dataset.attributes
    return FeatureFile(
        features=features,
        labels=labels.astype(np.int64),
        class_names=[dataset.class_names[c] for c in classes],
        splits=[split_of[c] for c in classes.tolist()],
        parts=None if dataset.parts is None else dataset.parts[kept].tolist(),
        groups=None if dataset.groups is None else dataset.groups[kept].tolist(),
        header=_header(dataset, stored[0], classes, _is_whole(dataset, len(kept))),
        attributes=known and ClassAttributes(known.names, known.values[classes]),
    )


def _copy(
    dataset: OpenDataset, stored: StoredFeatures, kept: IntArray, features: NDArray[Any]
) -> None:
    """Copy the features of a split, which lie in the order of storage, to their image ids."""
    rows = dataset.view(stored.key.split).rows
    order = np.argsort(dataset.storage.places[rows])
    features[np.searchsorted(kept, rows[order])] = stored.numbers()


def _is_whole(dataset: OpenDataset, count: int) -> bool:
    """Whether a file says all that the data set's episodes depend on; else it is said."""
    left = len(dataset.labels) - count
    reasons = [f"{left} images are in no split"] if left else []
    reasons += [
        f"its {name} are left out" for name in DROPPED if getattr(dataset, name) is not None
    ]
    if reasons:
        say(f"{dataset.name}: {' and '.join(reasons)}, so that other episodes are drawn")
    return not reasons


def _header(
    dataset: OpenDataset, stored: StoredFeatures, classes: IntArray, whole: bool
) -> dict[str, Any]:
    origin = {
        "fingerprint": dataset.fingerprint,
        "layout_sha256": layout_sha256(dataset.labels, dataset.splits, dataset.parts),
    }
    parents = dataset.hierarchy
    key = asdict(stored.key)
    return {
        "dataset": dataset.name,
        **(origin if whole else {}),
        "backbone": stored.backbone,
        "pretrained_on": list(stored.pretrained_on),
        **{name: key[name] for name in ("network", "weights", "preparation", "circumstances")},
        "names_are_words": dataset.names_are_words,
        "hierarchy": parents and [list(parents[c]) for c in classes.tolist()],
    }
