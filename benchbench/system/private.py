"""A private folder for a process: its home, its temporary files and its settings."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchbench.system.library_paths import model_caches
from benchbench.system.places import Places


def private_environment(folder: Path) -> dict[str, str]:
    """The environment variables of a process whose home and temporary files lie in the folder.

    The folders that the variables name are made. Downloaded weights and benchbench's own cache stay
    where they are; the credentials of Hugging Face are left behind. In a process that runs already,
    use `move_to`.
    """
    home, temporary = folder.absolute() / "home", folder.absolute() / "tmp"
    cache, config = home / ".cache", home / ".config"
    for path in (temporary, cache, config):
        path.mkdir(parents=True, exist_ok=True)
    return {
        **model_caches(),
        "BENCHBENCH_CACHE": str(Places.find().cache),
        "HF_TOKEN_PATH": str(home / "no-token"),
        "HOME": str(home),
        "MPLCONFIGDIR": str(config / "matplotlib"),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)),
        "XDG_CACHE_HOME": str(cache),
        "XDG_CONFIG_HOME": str(config),
    }


def move_to(folder: Path) -> None:
    """Give this process the environment of `private_environment`."""
    os.environ.update(private_environment(folder))
    tempfile.tempdir = None  # Python remembers the folder of its first temporary file


_serves_a_method = False


def serve_a_method() -> None:
    """Say that this process runs a method from now on, which may open no data set."""
    global _serves_a_method
    _serves_a_method = True


def serves_a_method() -> bool:
    """Whether this process runs a method that its supervisor does not trust."""
    return _serves_a_method
