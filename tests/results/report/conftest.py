"""Data sets of noisy patterns that the report's viewer can open."""

from collections.abc import Callable, Iterator

import pytest

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.results.report import viewer
from benchbench.system.places import Places


@pytest.fixture(scope="session")
def toy(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    """Grey noisy patterns of 28 pixels a side; noise makes files larger than those of glyphs."""
    return make_dataset(classes=(4, 4, 20), per_class=25, shape=(28, 28, 1))


@pytest.fixture(scope="session", autouse=True)
def toys_can_be_opened(make_dataset: Callable[..., OpenDataset]) -> Iterator[None]:
    """Lets the viewer open `toy-SEED` data sets by their names."""
    open_registered = viewer.open_dataset

    def open_dataset(name: str, places: Places) -> OpenDataset:
        if name == "toy-9":
            raise BenchbenchError("There is no toy-9 in <nowhere>;\nput it there.")
        if name.startswith("toy-"):
            seed = int(name.removeprefix("toy-"))
            return make_dataset(classes=(4, 4, 20), per_class=25, shape=(28, 28, 1), seed=seed)
        return open_registered(name, places)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(viewer, "open_dataset", open_dataset)
        yield
