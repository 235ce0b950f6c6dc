"""A bench for faulty methods, on a small data set of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conformance.faulty_methods import NearestMean

from benchbench.conformance import Bench
from benchbench.datasets.open_dataset import OpenDataset


@pytest.fixture(scope="session")
def small(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    return make_dataset(classes=(6, 8, 4), per_class=12, noise=200)


@pytest.fixture(scope="session")
def bench_of(small: OpenDataset, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Bench]:
    """A trained method on the bench."""

    def make(method: type[NearestMean], seconds: float = 3.0) -> Bench:
        folder = tmp_path_factory.mktemp(method.name)
        return Bench.train(method(), small, folder, chance_episodes=200, seconds=seconds)

    return make
