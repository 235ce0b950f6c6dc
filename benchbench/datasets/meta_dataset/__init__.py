"""The ten sources of Meta-Dataset (Triantafillou et al., ICLR 2020, arXiv:1903.03096)."""

from benchbench.datasets.meta_dataset.collection import register_datasets as register_datasets
