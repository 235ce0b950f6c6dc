"""A small data set, and packages that are installed beside benchbench."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from support.command_line import SIZE, invoke, task, write_pictures
from support.installations import install, methods_of
from support.plugin_sources import EXTRAS, PLUGIN, THIRD_PARTY


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = write_pictures(tmp_path_factory.mktemp("images") / "tiny pictures ü")
    return f"folder:{folder}[size={SIZE}]"


@pytest.fixture(scope="session")
def finished(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`finished(methods)`: a results folder of their runs, made once."""

    @cache
    def make(methods: str) -> Path:
        out = tmp_path_factory.mktemp("finished")
        assert invoke(*task(pictures, methods=methods, out=out)).exit_code == 0
        return out

    return make


@pytest.fixture
def knn_out(finished: Callable[[str], Path], tmp_path: Path) -> Path:
    """A results folder of one's own with a finished run of `knn`."""
    return Path(shutil.copytree(finished("knn"), tmp_path / "knn_out"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a third-party package of methods."""
    return install(
        tmp_path_factory.mktemp("site"),
        "third_party",
        {"third_party_methods": PLUGIN},
        methods_of("third_party_methods", THIRD_PARTY),
    )


@pytest.fixture(scope="session")
def extras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of commands, metrics, reporters and an observer."""
    return install(
        tmp_path_factory.mktemp("extras"),
        "third_party_extras",
        {"third_party_extras": EXTRAS},
        "[benchbench.plugins]\nextras = third_party_extras\n",
    )
