"""What has become of the cells of a grid, by their folders alone; it imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.grid.expansion import Grid
from benchbench.grid.wanted import Wanted, folder_within
from benchbench.registry import specs
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store
from benchbench.samplers import create_sampler

DONE, RUNNING, INTERRUPTED, FAILED, MISSING = KINDS = (
    "done",
    "running",
    "interrupted",
    "failed",
    "missing",
)


@dataclass(frozen=True)
class State:
    """One of `KINDS`, of what, and why or how far."""

    kind: str
    what: str
    reason: str = ""


def state_of(run: RunDirectory, what: str, count: int = 1) -> State:
    """The state of a run of which so many episodes are wanted; `missing` if it has not begun."""
    running = run.is_running()  # before the manifest: what ends meanwhile has then ended
    try:
        status, episodes = run.status, run.manifest.get("episodes", {}).get("count", 0)
    except BenchbenchError as error:
        return State(FAILED, what, str(error))
    if running:
        return State(RUNNING, what)
    if status == "finished":
        more = f"{episodes} of {count} episodes" if episodes < count else ""
        return State(INTERRUPTED if more else DONE, what, more)
    if status == "failed":
        return State(FAILED, what, str(run.manifest.get("reason", "")))
    return State(INTERRUPTED, what) if status else State(MISSING, what)


def states_of_wanted(root: Path, wanted: Iterable[Wanted]) -> list[State]:
    """Of each wanted cell of a results folder."""
    return [state_of(RunDirectory(root / one.run), str(one.cell), one.count) for one in wanted]


def states_of_runs(root: Path, but: Iterable[Wanted] = ()) -> list[State]:
    """Of each run of a results folder, but those of wanted cells."""
    known = {one.run for one in but}
    runs = {folder_within(root, str(run.path)): run for run in Store(root).runs()}
    return [state_of(run, place) for place, run in runs.items() if place not in known]


def states_of_grid(root: Path, grid: Grid, wanted: list[Wanted]) -> list[State]:
    """Of each cell that a grid wants; where one tests on several sources, of each that is known."""
    runs = Store(root).runs()
    states: list[State] = []
    for cell in _cells(grid):
        known = [one for one in wanted if _is(cell, one.cell)]
        if known:
            states += states_of_wanted(root, known)
            continue
        found = [run for run in runs if _made(cell, run)]
        states += [state_of(run, str(cell)) for run in found] or [State(MISSING, str(cell))]
    return states


def _cells(grid: Grid) -> Iterator[Cell]:
    """The cells as typed; where methods are tested on several sources, one stands for all."""
    for seed in grid.seed:
        for drawing in grid.drawings():
            for method in grid.methods:
                yield replace(drawing, method=method.spec, label=method.label, seed=seed)


def _is(typed: Cell, wanted: Cell) -> bool:
    """Whether a typed cell means a wanted one, whatever its method is called."""
    facts: Callable[[Cell], Any] = lambda cell: (  # noqa: E731
        replace(cell, source="").table, cell.seed, cell.budget, cell.metrics
    )  # fmt: skip
    return facts(typed) == facts(wanted) and _same_method(typed.method, wanted.method)


def _made(cell: Cell, run: RunDirectory) -> bool:
    """Whether a stored run is the cell's, by what its manifest says."""
    try:
        manifest = run.manifest
        identity, method = manifest["identity"], manifest["method"]["spec"]
    except (BenchbenchError, KeyError):
        return False
    facts = identity["protocol"], identity["seed"], identity["budget"], identity["episode_seed"]
    wanted = _protocol(cell), cell.seed, cell.budget, cell.episode_seed
    names = {manifest["dataset"]["name"], _trained_on(manifest)}
    return facts == wanted and cell.dataset in names and _same_method(cell.method, method)


def _trained_on(manifest: Mapping[str, Any]) -> str:
    return str(manifest["dataset"].get("trained_on", {}).get("name", ""))


def _protocol(cell: Cell) -> str:
    return create_sampler(cell.sampler, **cell.options).protocol


def _same_method(typed: str, canonical: str) -> bool:
    """Whether a spec means the method of a canonical one; only a doubt costs an import."""
    if typed == canonical:
        return True
    one, other = specs.parse(typed), specs.parse(canonical)
    if one.name != other.name or not {*one.parameters} >= {*other.parameters}:
        return False
    from benchbench.learners.creation import create_method

    return specs.text_of(create_method(typed)) == canonical
