"""The folders on this machine: the data root and the cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from benchbench.errors import BenchbenchError

NO_HOME = "There is no home folder for the cache; set {} to a folder that you may write to."


@dataclass(frozen=True)
class Places:
    """data_root: data sets as published, perhaps read-only. cache: files that may be deleted."""

    data_root: Path
    cache: Path

    @classmethod
    def find(cls, data_root: str | os.PathLike[str] | None = None) -> Places:
        """The folders of the argument, BENCHBENCH_DATA and BENCHBENCH_CACHE, or the platform's.

        Raises BenchbenchError if the platform's are wanted and this user has no home folder.
        """
        cache = expanded(os.environ.get("BENCHBENCH_CACHE") or _platform_cache()).absolute()
        root = data_root or os.environ.get("BENCHBENCH_DATA") or cache / "data"
        return cls(expanded(root).absolute(), cache)

    def located(self, given: Path) -> Path | None:
        """Where a file or folder that was named is: the path as given, else below the data root."""
        candidates = given.absolute(), self.data_root / given
        return next((path for path in candidates if path.exists()), None)


def _platform_cache() -> Path:
    try:
        return platformdirs.user_cache_path("benchbench").expanduser()
    except RuntimeError as error:
        raise BenchbenchError(NO_HOME.format("BENCHBENCH_CACHE")) from error


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with the home folder that a first `~` names. Raises BenchbenchError without one."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise BenchbenchError(
            f"Nobody knows the home folder that {path} begins with; write the whole path."
        ) from error
