"""The ten sources of Meta-Dataset (Triantafillou et al., ICLR 2020, arXiv:1903.03096)."""

from __future__ import annotations

from benchbench.datasets.meta_dataset.collection import MetaDataset, register_datasets
from benchbench.datasets.meta_dataset.dataset import MetaDatasetSource
from benchbench.datasets.meta_dataset.spec import SOURCES, known_duplicates, source_spec

__all__ = [
    "SOURCES",
    "MetaDataset",
    "MetaDatasetSource",
    "known_duplicates",
    "register_datasets",
    "source_spec",
]
