"""Shared fixtures: the real data where it is, a cache, a small data set in memory."""

import gc
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["BENCHBENCH_SALT"] = "tests"  # so that equal commands store equal bits
os.environ["BENCHBENCH_ENGINE"] = "inline"  # what a test patches in this process counts

from support.kept import kept_cache, link_generated

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.system.places import Places

LONGEST = (
    *("test_resume.py", "test_supervisor.py", "test_cheats.py", "test_faulty_methods.py"),
    *("test_honest.py", "test_page.py", "test_omniglot.py", "test_cifar.py"),
)
"""In this order."""

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    """Let Hypothesis not time its examples: that would say how busy the machine is."""
    if config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import HealthCheck, settings

        settings.register_profile(
            "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
        )
        settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process is left with one at the end."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Keep the garbage collector from all that was imported, which it would look through often."""
    gc.freeze()


@pytest.fixture(scope="session")
def shared_cache() -> Path:
    """A cache folder that sessions share and keep; only data that is the same in all goes there."""
    return kept_cache()


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Path:
    """A cache folder of this session with generated data; other processes find it as well."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["BENCHBENCH_CACHE"] = str(folder)
    link_generated(folder, shared_cache)
    return folder


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data; tests that need it are skipped where it is absent."""
    root = Path(os.environ.get("BENCHBENCH_DATA") or SHARED_DATA)
    if (root / "omniglot-py").is_dir():
        return root
    reason = f"needs the real data: {root} has no omniglot-py (set BENCHBENCH_DATA)"
    if os.environ.get("BENCHBENCH_REQUIRE_DATA"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def places(data_root: Path, shared_cache: Path) -> Places:
    return Places(data_root, shared_cache)


@pytest.fixture(scope="session")
def make_dataset() -> Callable[..., OpenDataset]:
    """Makes a data set in memory: a class is a coarse pattern, its images noisy copies."""

    def make(
        classes: tuple[int, int, int] = (12, 6, 8),
        per_class: int = 20,
        shape: tuple[int, int, int] = (16, 16, 1),
        noise: int = 40,
        seed: int = 0,
    ) -> OpenDataset:
        rng = np.random.default_rng(seed)
        total = sum(classes)
        height, width, channels = shape
        coarse = rng.integers(0, 256, (total, 1, 4, 4, channels))
        tiled = coarse.repeat(-(-height // 4), axis=2).repeat(-(-width // 4), axis=3)
        patterns = tiled[:, :, :height, :width]
        images = patterns + rng.integers(-noise, noise + 1, (total, per_class, *shape))
        train, val, test = np.split(np.arange(total), np.cumsum(classes)[:2])
        return OpenDataset(
            name=f"toy-{seed}",
            fingerprint=f"{seed:02}" * 32,
            pixels=np.clip(images, 0, 255).astype(np.uint8).reshape(-1, *shape),
            labels=np.repeat(np.arange(total), per_class),
            class_names=[f"class {index}" for index in range(total)],
            splits={"train": train, "val": val, "test": test},
        )

    return make


@pytest.fixture(scope="session")
def dataset(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    return make_dataset()
