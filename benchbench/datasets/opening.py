"""Data sets by their spec, opened."""

from __future__ import annotations

from benchbench.datasets.base import Dataset, OpenDataset
from benchbench.registry import loading, specs
from benchbench.system.places import Places


def create_dataset(text: str) -> Dataset:
    """The configured data set of a spec such as `omniglot[split=lake]`; nothing is read yet."""
    spec = specs.parse(text)
    return specs.configure(loading.load("dataset", spec.name), spec)


def open_dataset(text: str, places: Places | None = None) -> OpenDataset:
    """Open the data set of a spec, decoding it first where that has not been done."""
    return create_dataset(text).open(places or Places.find())
