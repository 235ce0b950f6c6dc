"""The folder `class_tables/` of a results folder: what its runs' episodes were drawn from.

There is a file for each data fingerprint with its splits; and one for each set of episodes that no
sampler draws, because the data set prescribes them or they were read from a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchbench.episodes import EpisodeSet
from benchbench.samplers.class_table import ClassTable

FOLDER = "class_tables"
DIGITS = 12
"""Of a hash, in a file's name."""


def drawn_as(identity: Mapping[str, Any]) -> str:
    """The fingerprint by which the episodes of a run were drawn."""
    of_data = identity.get("drawn_as", identity["fingerprint"])
    return str(identity.get("episodes_of", of_data))


class ClassTables:
    """The tables and prescribed episodes of one results folder, each read once."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER
        self._tables: dict[Path, ClassTable | None] = {}

    @classmethod
    def above(cls, run: Path, depth: int = 3) -> ClassTables:
        """Those of the results folder that a run lies in, which is `depth` folders above if new."""
        parents = run.absolute().parents
        found = next((parent for parent in parents if (parent / FOLDER).is_dir()), None)
        return cls(found or parents[min(depth, len(parents)) - 1])

    def table(self, fingerprint: str, splits: str) -> ClassTable | None:
        """The table of this data with these splits, or None. Raises BenchbenchError if damaged."""
        path = self._path(fingerprint, splits)
        if path not in self._tables:
            self._tables[path] = ClassTable.load(path) if path.is_file() else None
        found = self._tables[path]
        if found is None or (found.fingerprint, found.splits_sha256) != (fingerprint, splits):
            return None
        return found

    def of_run(self, identity: Mapping[str, Any]) -> ClassTable | None:
        """The table that the episodes of a run were drawn from, by the run's identity."""
        return self.table(drawn_as(identity), identity["splits"])

    def keep(self, table: ClassTable) -> None:
        """Write a table, unless it is there."""
        path = self._path(table.fingerprint, table.splits_sha256)
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            table.save(path)
            self._tables.pop(path, None)

    def episodes(self, sha256: str) -> EpisodeSet | None:
        """The prescribed episodes of this hash, or None; BenchbenchError if they are damaged."""
        path = self._path("episodes", sha256)
        return EpisodeSet.load(path) if path.is_file() else None

    def keep_episodes(self, episodes: EpisodeSet) -> None:
        """Write episodes, unless they are there."""
        path = self._path("episodes", episodes.sha256)
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            episodes.save(path)

    def _path(self, *digests: str) -> Path:
        return self.folder / f"{'-'.join(digest[:DIGITS] for digest in digests)}.npz"
