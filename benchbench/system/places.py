"""Where things live on this machine: the data root, the cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Places:
    """data_root: where data sets lie as they were published, maybe read-only.
    cache: where benchbench keeps what it decoded or downloaded; may be deleted at any time.
    """

    data_root: Path
    cache: Path

    @classmethod
    def find(cls, data_root: str | os.PathLike[str] | None = None) -> Places:
        """From the argument, else BENCHBENCH_DATA and BENCHBENCH_CACHE, else the platform's."""
        cache = Path(
            os.environ.get("BENCHBENCH_CACHE") or platformdirs.user_cache_path("benchbench")
        )
        root = data_root or os.environ.get("BENCHBENCH_DATA") or cache / "data"
        return cls(Path(root).expanduser().absolute(), cache.expanduser().absolute())
