"""Decoded data that sessions of tests share and keep."""

import hashlib
import os
import shutil
import time
from pathlib import Path

import numpy as np
import PIL
import platformdirs

import benchbench
from benchbench.datasets.opening import open_dataset
from benchbench.system.places import Places

CODE = ("datasets/**/*.py", "system/randomness.py")
"""Where it is decided how images are generated, decoded and written."""

GENERATED = ("glyphs", "shapes")

UNUSED_SECONDS = 14 * 24 * 3600.0


def kept_cache() -> Path:
    """The cache folder that belongs to this code; those that went unused for long are deleted.

    Several processes may use it at once, because one alone decodes a data set.
    """
    package = Path(benchbench.__file__).parent
    files = sorted(file for pattern in CODE for file in package.glob(pattern))
    digest = hashlib.sha256(f"{np.__version__} {PIL.__version__}".encode())
    for file in files:
        digest.update(file.read_bytes())
    chosen = os.environ.get("BENCHBENCH_TEST_CACHE")
    root = Path(chosen) if chosen else platformdirs.user_cache_path("benchbench-tests")
    folder = root / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    for other in root.iterdir():
        if time.time() - other.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def link_generated(cache: Path, kept: Path) -> None:
    """Give a cache the tables of generated data sets, which are made now if they are not kept."""
    (cache / "datasets").mkdir(exist_ok=True)
    for name in GENERATED:
        open_dataset(name, Places(cache, kept))
        for table in (kept / "datasets").glob(f"{name}-*"):
            (cache / "datasets" / table.name).symlink_to(table)
