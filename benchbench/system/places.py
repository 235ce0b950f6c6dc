"""The folders on this machine: the data root and the cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Places:
    """data_root: data sets as published, perhaps read-only. cache: files that may be deleted."""

    data_root: Path
    cache: Path

    @classmethod
    def find(cls, data_root: str | os.PathLike[str] | None = None) -> Places:
        """The folders of the argument, BENCHBENCH_DATA and BENCHBENCH_CACHE, or the platform's."""
        cache = Path(
            os.environ.get("BENCHBENCH_CACHE") or platformdirs.user_cache_path("benchbench")
        )
        root = data_root or os.environ.get("BENCHBENCH_DATA") or cache / "data"
        return cls(Path(root).expanduser().absolute(), cache.expanduser().absolute())
