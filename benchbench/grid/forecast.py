"""How far a grid is, and how long it will take by what earlier runs have cost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import fmean
from typing import Any

from benchbench.grid.cell import Cell
from benchbench.runs.outcome import Outcome
from benchbench.system.files import folders_with

Key = tuple[str, ...]


class Forecast:
    """The seconds of cells by the runs of a results folder that are most like them."""

    def __init__(self, root: Path) -> None:
        self._seconds: dict[Key, list[float]] = {}
        for manifest in _manifests(root):
            self.learn(manifest)

    def learn(self, manifest: dict[str, Any]) -> None:
        """Know one more run; one that is not finished says nothing."""
        with suppress(KeyError, TypeError, ValueError):
            cost, identity = manifest["cost"], manifest["identity"]
            episode = float(cost["seconds_per_episode"])
            seconds = float(cost["training_seconds"]) + episode * manifest["episodes"]["count"]
            facts = manifest["method"]["spec"], manifest["dataset"]["name"], identity["budget"]
            for key in _keys(*map(str, facts)):
                self._seconds.setdefault(key, []).append(seconds)

    def seconds(self, cell: Cell) -> float | None:
        """What the cell will take; None if nothing has been computed yet."""
        return self._mean(_keys(cell.method, cell.dataset, cell.budget))

    def seconds_of_its_like(self, cell: Cell) -> float | None:
        """The same by runs of this method with this budget alone; None if there are none."""
        return self._mean(_keys(cell.method, cell.dataset, cell.budget)[:2])

    def _mean(self, keys: list[Key]) -> float | None:
        found = next((self._seconds[key] for key in keys if key in self._seconds), None)
        return None if found is None else fmean(found)

    def left(self, cells: Iterable[Cell], at_once: int) -> float | None:
        """The seconds in which so many at once compute the cells; None if that is not known."""
        each = [self.seconds(cell) for cell in cells]
        known = [seconds for seconds in each if seconds is not None]
        if not known:
            return None if each else 0.0
        return max(max(known), fmean(known) * len(each) / at_once)


def _keys(method: str, dataset: str, budget: str) -> list[Key]:
    """What runs that resemble each other have in common, the closest first."""
    return [(method, dataset, budget), (method, budget), (budget,), ()]


def _manifests(root: Path) -> Iterator[dict[str, Any]]:
    for folder in folders_with("manifest.json", root, lambda _: None):
        with suppress(OSError, ValueError, RecursionError):
            content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            if isinstance(content, dict):
                yield content


class Progress:
    """How far a grid is, after each of its cells. total: the number of its cells."""

    def __init__(self, cells: Iterable[Cell], settled: int, at_once: int, root: Path) -> None:
        self._left = list(cells)
        self.total, self._failed, self._at_once = len(self._left) + settled, 0, at_once
        self._forecast = Forecast(root)

    @property
    def done(self) -> int:
        """How many cells have ended, whatever came of them."""
        return self.total - len(self._left)

    def remark(self, running: int | None) -> str:
        """What a line that shows the count has behind it. running: cells, unless it is unknown."""
        parts = [f"{running} running"] if running else []
        parts += [f"{self._failed} failed"] if self._failed else []
        return (", ".join(parts) + self._time()).removeprefix("; ")

    def begun(self) -> str:
        """The line before the first cell."""
        return f"{len(self._left)} of {self.total} cells are to be computed{self._time()}"

    def ended(self, cell: Cell, outcome: Outcome, memory: int) -> str:
        """The line after a cell. memory: of all processes, in bytes; 0 if that is not known."""
        self._left.remove(cell)
        self._failed += outcome.status == "failed"
        if outcome.run is not None:
            self._forecast.learn(outcome.run.manifest)
        parts = [f"{self.done} of {self.total} cells"]
        parts += [f"{self._failed} failed"] if self._failed else []
        parts += [f"at most {memory / 2**30:.1f} GiB of memory"] if memory else []
        return ", ".join(parts) + self._time()

    def _time(self) -> str:
        seconds = self._forecast.left(self._left, self._at_once)
        if not self._left or seconds is None:
            return ""
        return f"; about {duration(seconds)} left by earlier costs"


def duration(seconds: float) -> str:
    """A time in the unit that suits it, as `40 s`, `12 min` or `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
