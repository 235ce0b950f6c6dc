"""A small data set, and packages that are installed beside benchbench."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import SIZE, write_pictures
from installations import install, methods_of
from plugin_sources import EXTRAS, PLUGIN, THIRD_PARTY


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = write_pictures(tmp_path_factory.mktemp("images") / "tiny pictures ü")
    return f"folder:{folder}[size={SIZE}]"


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
