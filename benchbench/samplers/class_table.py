"""What episodes are drawn from, without a picture: class ids, splits, parents, groups.

With it anybody draws the episodes of a result again who has none of the data. It takes a few KB.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.base import SPLITS
from benchbench.datasets.open_dataset import splits_sha256
from benchbench.errors import BenchbenchError
from benchbench.samplers.pool import Labelled
from benchbench.system.arrays import BoolArray, IntArray
from benchbench.system.integer_files import load_integers, save_integers

PARTS = sorted(SPLITS)
"""Parts are stored by their places here."""


@dataclass
class ClassTable:
    """A data set as a sampler sees it; `Labelled` and `OpenDataset` explain the attributes.

    Classes are called by their ids and groups by numbers, in the order of their names. No sampler
    uses `seen`: with it metrics that ask which classes were learned from are computed again.
    """

    name: str
    fingerprint: str
    labels: IntArray
    splits: dict[str, IntArray]
    class_names: list[str]
    hierarchy: list[tuple[str, ...]] | None = None
    groups: NDArray[np.str_] | None = None
    nodes: dict[str, list[IntArray]] | None = None
    parts: NDArray[np.str_] | None = None
    seen: BoolArray | None = None

    @classmethod
    def of(cls, dataset: Labelled) -> ClassTable:
        """The table of a data set."""
        return cls(
            dataset.name,
            dataset.drawn_as,
            dataset.labels,
            dataset.splits,
            _ids(len(dataset.class_names)),
            dataset.hierarchy,
            None if dataset.groups is None else _numbered(dataset.groups),
            dataset.nodes,
            dataset.parts,
            getattr(dataset, "seen", None),
        )

    @property
    def drawn_as(self) -> str:
        """The fingerprint by which episodes are drawn."""
        return self.fingerprint

    @property
    def splits_sha256(self) -> str:
        """The hash of which classes belong to which split, and images to which part."""
        return splits_sha256(self.splits, self.parts)

    def save(self, path: Path) -> None:
        """Write an `.npz` file, whole or not at all. Raises BenchbenchError if it cannot."""
        header = {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "classes": len(self.class_names),
            "splits": list(self.splits),
            "hierarchy": self.hierarchy,
            "nodes": self.nodes
            and {s: [n.tolist() for n in many] for s, many in self.nodes.items()},
        }
        first = np.flatnonzero(np.diff(self.labels, prepend=-1))
        arrays = {f"split {number}": ids for number, ids in enumerate(self.splits.values())}
        arrays["labels"] = self.labels[first]
        arrays["counts"] = np.diff(first, append=len(self.labels))
        if self.groups is not None:
            arrays["groups"] = self.groups.astype(np.int64)
        if self.parts is not None:
            arrays["parts"] = np.searchsorted(PARTS, self.parts)
        if self.seen is not None:
            arrays["seen"] = self.seen.astype(np.int64)
        save_integers(path, header, arrays)

    @classmethod
    def load(cls, path: Path) -> ClassTable:
        """Read a saved table. Raises BenchbenchError if the file is not one."""
        try:
            return cls._of_parts(*load_integers(path))
        except Exception as error:
            raise BenchbenchError(
                f"{path} is not a table of classes; `benchbench verify --write-tables` writes one."
            ) from error

    @classmethod
    def _of_parts(cls, header: dict[str, Any], arrays: dict[str, IntArray]) -> ClassTable:
        parents, nodes = header["hierarchy"], header["nodes"]
        return cls(
            header["name"],
            header["fingerprint"],
            np.repeat(arrays["labels"], arrays["counts"]),
            {split: arrays[f"split {number}"] for number, split in enumerate(header["splits"])},
            _ids(header["classes"]),
            parents and [tuple(parent) for parent in parents],
            _texts(arrays["groups"]) if "groups" in arrays else None,
            nodes and {s: [np.array(n, np.int64) for n in many] for s, many in nodes.items()},
            np.array(PARTS)[arrays["parts"]] if "parts" in arrays else None,
            arrays["seen"].astype(np.bool_) if "seen" in arrays else None,
        )


def _ids(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


def _numbered(groups: NDArray[np.str_]) -> NDArray[np.str_]:
    """The groups as numbers that are sorted as their names are."""
    return _texts(np.unique(groups, return_inverse=True)[1].astype(np.int64))


def _texts(numbers: IntArray) -> NDArray[np.str_]:
    width = len(str(int(numbers.max(initial=0))))
    return np.char.zfill(numbers.astype(str), width)
