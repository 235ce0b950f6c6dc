"""Data sets: each decodes its images once into a memory-mapped table and says how classes split."""

from __future__ import annotations

from benchbench import plugins, specs
from benchbench.datasets.base import Dataset, OpenDataset
from benchbench.places import Places


def create_dataset(text: str) -> Dataset:
    """The configured data set of a spec such as `omniglot[split=lake]`; nothing is read yet."""
    spec = specs.parse(text)
    return specs.configure(plugins.load("dataset", spec.name), spec)


def open_dataset(text: str, places: Places | None = None) -> OpenDataset:
    """Open the data set of a spec, decoding it first where that has not been done."""
    return create_dataset(text).open(places or Places.find())
