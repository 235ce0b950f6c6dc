"""A data set of three sources."""

from collections.abc import Callable

import pytest

from benchbench.datasets.joint import joined
from benchbench.datasets.open_dataset import OpenDataset


@pytest.fixture
def two_sources(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    """Six, and three, training classes; three validation classes of the first, none of the other.

    A third source has a single class of each.
    """
    members = {
        name: make_dataset(classes=classes, per_class=8, shape=(8, 8, 3), seed=seed)
        for seed, (name, classes) in enumerate(
            {"large": (6, 3, 1), "small": (3, 0, 1), "lonely": (1, 1, 1)}.items()
        )
    }
    return joined(members, list(members))
