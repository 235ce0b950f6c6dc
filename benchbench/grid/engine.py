"""What computes the cells of a grid: `GridEngine`, and the one that takes them in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from benchbench.grid.cell import Cell
from benchbench.registry import loading, specs

if TYPE_CHECKING:
    from benchbench.grid.bench import Bench
    from benchbench.runs.outcome import Outcome


class GridEngine:
    """Where the cells of a grid are computed. Subclass it, as a dataclass if it has parameters.

    name: chosen by `--engine NAME[parameter=value,...]`.
    """

    name: ClassVar[str]

    @property
    def shows_cells(self) -> bool:
        """Whether cells show on this terminal how far they are, so that no line shows the grid."""
        return False

    def compute(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        """Compute each cell by `computing.compute_cell`, and yield its outcome as it comes.

        The order is the engine's. Cells that may share a training (`Cell.shares`) had better not
        begin together: all but one would wait for it. A cell whose process dies is a failed
        outcome with the reason, and the others go on. Closing the iterator, as an interruption
        does, ends what is being computed. Raises BenchbenchError for what ends the whole grid, such
        as a results folder that cannot be written to.
        """
        raise NotImplementedError

    def described(self) -> str:
        """What is said once before cells are computed, in a sentence's part, or nothing."""
        return ""

    def running(self) -> int | None:
        """How many cells are computed at this moment; None if that is not known."""
        return None

    def at_once(self) -> int:
        """How many cells are computed at a time, as far as that is known."""
        return 1

    def memory_bytes(self) -> int:
        """The most memory that its processes have held together, at most; 0 if that is unknown."""
        return 0


def create_grid_engine(text: str, bench: Bench) -> GridEngine:
    """The engine of a spec. Raises BenchbenchError if none is registered or it is wrong."""
    spec = specs.parse(text)
    cls: type[GridEngine] = loading.find("register_engines", "engine", spec.name)
    engine = specs.configure(cls, spec)
    if isinstance(engine, Serial):
        engine.bench = bench
    return engine


@dataclass
class Serial(GridEngine):
    """One cell after the other, in this process; each method has its place (`--engine worker`)."""

    name: ClassVar[str] = "serial"
    bench: Bench | None = field(default=None, kw_only=True, repr=False, compare=False)

    @property
    def shows_cells(self) -> bool:
        return True

    def compute(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        from benchbench.grid.computing import compute_cell

        for cell in cells:
            yield cell, self.bench.compute(cell) if self.bench else compute_cell(cell)
