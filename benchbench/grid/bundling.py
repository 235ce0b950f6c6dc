"""Which cells one task computes, and which come first, by what such cells have cost before."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.runs.store import Store


class Costs:
    """Seconds that cells have taken, by what is known of the stored runs of a results folder."""

    def __init__(self, store: Store) -> None:
        self._known: dict[Hashable, tuple[float, float]] = {}
        for run in store.runs():
            try:
                self._learn(run.manifest)
            except (BenchbenchError, KeyError, TypeError):
                continue  # of another version, or damaged: it says nothing of costs

    def _learn(self, manifest: dict[str, Any]) -> None:
        cost, dataset = manifest["cost"], manifest["dataset"]
        taken = float(cost["training_seconds"]), float(cost["seconds_per_episode"])
        method, budget = manifest["method"], manifest["identity"]["budget"]
        name = dataset.get("trained_on", {}).get("name") or dataset["name"]
        for key in _keys(method["spec"], method["name"], name, budget):
            self._known[key] = taken

    def seconds(self, cell: Cell) -> float | None:
        """What the cell may take: as its method on its data, else elsewhere, else as its like."""
        name = cell.method.partition("[")[0].partition(":")[0]
        for key in _keys(cell.method, name, cell.dataset, cell.budget):
            if key in self._known:
                training, episode = self._known[key]
                count = int(cell.episodes) if cell.episodes.isdecimal() else 0
                return training + episode * count
        return None


def _keys(spec: str, name: str, dataset: str, budget: str) -> list[Hashable]:
    """What is asked for, from the closest to the vaguest."""
    return [(spec, dataset, budget), (spec, budget), (name, budget, "any parameters")]


def bundles(cells: Iterable[Cell], costs: Costs, target: float) -> list[list[Cell]]:
    """Cells in their order, several together as long as they take `target` seconds at most.

    A cell of which nothing is known is alone.
    """
    found: list[list[Cell]] = []
    room = 0.0
    for cell in cells:
        seconds = costs.seconds(cell)
        if seconds is not None and seconds <= room:
            found[-1].append(cell)
            room -= seconds
        else:
            found.append([cell])
            room = 0.0 if seconds is None else target - seconds
    return found


def first_and_rest(cells: Sequence[Cell]) -> tuple[list[Cell], list[Cell]]:
    """The cells that may begin at once, and those that wait for a training that one of them makes.

    Of cells that may share a training, the first makes it, and the others find it stored.
    """
    begun: set[str] = set()
    first, rest = [], []
    for cell in cells:
        (rest if cell.shares in begun else first).append(cell)
        if cell.shares:
            begun.add(cell.shares)
    return first, rest
