"""The episodes of a stored run, drawn again from a table of classes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.runs.class_tables import ClassTables, drawn_as
from benchbench.samplers import ClassPool, create_sampler
from benchbench.samplers.class_table import ClassTable

PLAIN = re.compile(r"(\d+)way-(\d+)shot-(\d+)query(-disjoint)?")
"""The protocol of a run whose manifest does not name the sampler, as older ones do not."""


@dataclass(frozen=True)
class Drawn:
    """Episodes that were drawn again, and what a run must say of them."""

    episodes: EpisodeSet

    @cached_property
    def facts(self) -> dict[str, Any]:
        """As in a manifest's `episodes`."""
        way, shot, query = self.episodes.shape
        return {
            "sha256": self.episodes.sha256,
            "way": way,
            "shot": shot,
            "query": query,
            "disjoint": self.episodes.disjoint,
            "standard": self.episodes.standard,
            "images_drawn": self.episodes.images_drawn,
            **({"unlabelled": self.episodes.pool} if self.episodes.has_pool else {}),
            **({"unknown": self.episodes.unknown_shape} if self.episodes.has_unknown else {}),
        }

    @cached_property
    def class_ids(self) -> NDArray[np.str_]:
        """As in the column `classes` of `episodes.csv`."""
        return np.array([" ".join(map(str, one.classes.tolist())) for one in self.episodes])


class Redrawing:
    """Draws the episodes of runs again, those that several runs share once."""

    def __init__(self, tables: ClassTables) -> None:
        self.tables = tables
        self._drawn: dict[tuple[Any, ...], Drawn] = {}

    def drawn(self, manifest: dict[str, Any]) -> Drawn | None:
        """The episodes that a manifest speaks of; None if nothing is stored to draw them from.

        Raises BenchbenchError if there are none of this protocol.
        """
        identity, facts = manifest["identity"], manifest["episodes"]
        prescribed = (facts.get("sha256", ""),)
        if (
            prescribed not in self._drawn
            and (kept := self.tables.episodes(*prescribed)) is not None
        ):
            self._drawn[prescribed] = Drawn(kept)
        if prescribed in self._drawn:
            return self._drawn[prescribed]
        key = (
            drawn_as(identity),
            *(identity[name] for name in ("splits", "split", "episode_seed")),
            sampler_of(manifest),
            facts["count"],
        )
        if key not in self._drawn:
            drawn = self._draw(*key)
            if drawn is None:
                return None
            self._drawn[key] = Drawn(drawn)
        return self._drawn[key]

    def table(self, manifest: dict[str, Any]) -> ClassTable | None:
        """The classes that the episodes were drawn from, or None if they are not stored."""
        return self.tables.of_run(manifest["identity"])

    def _draw(
        self, fingerprint: str, splits: str, split: str, seed: int, text: str, count: int
    ) -> EpisodeSet | None:
        table = self.tables.table(fingerprint, splits)
        if table is None:
            return None
        return create_sampler(text).sample(ClassPool(table, split), count, seed)


class Redrawings:
    """A `Redrawing` for each results folder."""

    def __init__(self) -> None:
        self._by_folder: dict[Path, Redrawing] = {}

    def of(self, run: Path) -> Redrawing:
        """That of the folder in which a run lies."""
        tables = ClassTables.above(run)
        return self._by_folder.setdefault(tables.folder, Redrawing(tables))


def sampler_of(manifest: dict[str, Any]) -> str:
    """The spec of the sampler that drew the episodes. Raises BenchbenchError if nobody knows."""
    if text := manifest["episodes"].get("sampler"):
        return str(text)
    found = PLAIN.fullmatch(manifest["identity"]["protocol"])
    if not found:
        raise BenchbenchError("the manifest does not name the sampler of its episodes")
    way, shot, query, disjoint = found.groups()
    replacement = ",replacement=none" if disjoint else ""
    return f"fixed[way={way},shot={shot},query={query}{replacement}]"
