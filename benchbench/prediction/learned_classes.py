"""The classes that a method has learned from, as arrays and texts that files can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.reading.encoded_pictures import Reading
from benchbench.prediction.kept_images import KeptPixels
from benchbench.prediction.own_size import as_arrays, from_arrays, reading_of
from benchbench.system.arrays import IntArray

TEXTS = ("name", "fingerprint", "class_names", "hierarchy", "names_are_words")
"""The fields of a data set that JSON holds as they are."""


def learned_texts(learned: OpenDataset) -> dict[str, Any]:
    """What JSON holds of the classes."""
    named: dict[str, Any] = {name: getattr(learned, name) for name in TEXTS}
    for name in ("groups", "parts"):
        values: NDArray[np.str_] | None = getattr(learned, name)
        named[name] = None if values is None else values.tolist()
    nodes = learned.nodes
    named["nodes"] = nodes and {
        split: [n.tolist() for n in found] for split, found in nodes.items()
    }
    if known := learned.attributes:
        # None for what is withheld, as JSON has no NaN.
        rows = [None if np.isnan(row).any() else row.tolist() for row in known.values]
        named["attributes"] = {"names": known.names, "rows": rows}
    if reading := reading_of(learned.pixels):
        named["reading"] = reading.as_json()
    members = learned.members
    named["members"] = members and {name: found.tolist() for name, found in members.items()}
    return named


def learned_arrays(learned: OpenDataset, kept: IntArray) -> dict[str, NDArray[Any]]:
    """The rest. kept: the ids of the images whose pixels are among it."""
    return {
        "labels": learned.labels,
        "public_ids": learned.public_ids,
        "kept": kept,
        **as_arrays(learned.pixels, kept.tolist()),
        **{f"split.{split}": classes for split, classes in learned.splits.items()},
    }


def learned_classes(texts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> OpenDataset:
    """The classes that `learned_texts` and `learned_arrays` were made of."""
    reading = Reading.from_json(texts["reading"]) if "reading" in texts else None
    hierarchy, nodes, members = texts["hierarchy"], texts["nodes"], texts["members"]
    return OpenDataset(
        name=texts["name"],
        fingerprint=texts["fingerprint"],
        pixels=KeptPixels(len(arrays["labels"]), arrays["kept"], from_arrays(arrays, reading)),
        labels=arrays["labels"],
        class_names=texts["class_names"],
        splits={
            name.removeprefix("split."): classes
            for name, classes in arrays.items()
            if name.startswith("split.")
        },
        hierarchy=hierarchy and [tuple(parents) for parents in hierarchy],
        names_are_words=texts["names_are_words"],
        groups=None if texts["groups"] is None else np.array(texts["groups"], np.str_),
        parts=None if texts["parts"] is None else np.array(texts["parts"], np.str_),
        nodes=nodes
        and {split: [np.array(n, np.int64) for n in found] for split, found in nodes.items()},
        members=members and {name: np.array(found, np.int64) for name, found in members.items()},
        opaque_ids=arrays["public_ids"],
        attributes=_attributes(texts.get("attributes")),
    )


def _attributes(known: Mapping[str, Any] | None) -> ClassAttributes | None:
    if known is None:
        return None
    names = tuple(known["names"])
    rows = [[np.nan] * len(names) if row is None else row for row in known["rows"]]
    return ClassAttributes(names, np.array(rows, np.float32))
