"""Decoded data that sessions of tests share and keep."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path

import platformdirs

import benchbench

CODE = ("datasets/**/*.py", "system/randomness.py")
"""Where it is decided how images are generated, decoded and written."""

UNUSED_SECONDS = 14 * 24 * 3600.0


def kept_cache() -> Path:
    """The cache folder that belongs to this code; those that went unused for long are deleted.

    Several processes may use it at once, because one alone decodes a data set.
    """
    package = Path(benchbench.__file__).parent
    files = sorted(file for pattern in CODE for file in package.glob(pattern))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    chosen = os.environ.get("BENCHBENCH_TEST_CACHE")
    root = Path(chosen) if chosen else platformdirs.user_cache_path("benchbench-tests")
    folder = root / digest[:16]
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    for other in root.iterdir():
        if time.time() - other.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
    return folder
