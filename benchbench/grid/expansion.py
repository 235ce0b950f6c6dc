"""From what a user wants to cells: every combination of what is given several times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, TypeVar

from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.registry import entry_points, specs
from benchbench.system.progress import say
from benchbench.system.texts import counted

if TYPE_CHECKING:
    from benchbench.engine.base import Engine
    from benchbench.grid.bench import Bench
    from benchbench.runs.method_card import MethodCard

T = TypeVar("T")
SAMPLED = ("way", "shot", "query")
"""The sampler's options of which a grid may have several."""


@dataclass(frozen=True)
class NamedMethod:
    """A method as typed: its spec, and what tables are to call it, or nothing."""

    spec: str
    label: str = ""


@dataclass(frozen=True)
class Grid:
    """What a user wants: methods, numbers of `SAMPLED` and seeds, and what all cells share.

    No number is there twice; numbers that are not given are an empty tuple. common: a cell whose
    method, seed and source do not count, and whose `sampling` has the other options of the sampler.
    """

    methods: tuple[NamedMethod, ...]
    common: Cell
    way: tuple[int, ...] = ()
    shot: tuple[int, ...] = ()
    query: tuple[int, ...] = ()
    seed: tuple[int, ...] = (0,)

    def drawings(self) -> list[Cell]:
        """`common` with each combination of the numbers, in the order of the tables."""
        given = [(name, getattr(self, name)) for name in SAMPLED if getattr(self, name)]
        names, numbers = [name for name, _ in given], [values for _, values in given]
        return [
            replace(self.common, sampling=(*zip(names, values, strict=True), *self.common.sampling))
            for values in product(*numbers)
        ]

    @property
    def is_plain(self) -> bool:
        """Whether there is one table and one seed, as before there were grids."""
        return len(self.seed) == 1 and len(self.drawings()) == 1


def distinct(option: str, values: Sequence[T]) -> tuple[T, ...]:
    """The values of an option without repetitions, which are said."""
    kept = tuple(dict.fromkeys(values))
    say_repeated(option, len(values) - len(kept))
    return kept


def say_repeated(option: str, count: int) -> None:
    """Say how many values of an option had been given before, if any."""
    if count:
        say(f"{option} gives {counted(count, 'value')} again; each value is computed once")


def named_methods(text: str) -> tuple[NamedMethod, ...]:
    """The methods of `--methods`: specs, and `NAME=SPEC` for a method that tables call by a name.

    Raises BenchbenchError if a name is given twice, or is that of another method.
    """
    found = [_named(item) for item in specs.split_list(text)]
    check_labels(found)
    return tuple(found)


def _named(text: str) -> NamedMethod:
    label, equals, spec = text.partition("=")
    if equals and re.fullmatch(r"[\w.+-]+", label.strip()):
        return NamedMethod(spec.strip(), label.strip())
    return NamedMethod(text)


def check_labels(methods: Sequence[NamedMethod]) -> None:
    """Raise BenchbenchError if methods' names do not tell them apart from all others."""
    labels = [method.label for method in methods if method.label]
    for method in methods:
        label = method.label
        if labels.count(label) > 1:
            raise BenchbenchError(f"Two methods are called '{label}'; give each its own name.")
        if label in entry_points.available("method") and label != specs.parse(method.spec).name:
            raise BenchbenchError(
                f"'{label}' is the name of a method itself, and would be mistaken for it; "
                f"call {method.spec} something else."
            )


def expanded(grid: Grid, bench: Bench) -> list[Cell]:
    """The cells, seed after seed; in each, table after table, with the methods in their order.

    Every method has got its place in the bench's engine then. Raises BenchbenchError if a method
    cannot be made or data cannot be tested on, before anything is computed.
    """
    engine = bench.engine(grid.common)
    methods = _admitted(grid.methods, engine)
    tables = [
        (replace(drawing, source=problem.name if problem.collection else ""), problem.collection)
        for drawing in grid.drawings()
        for problem, _ in bench.tested(drawing)
    ]
    return [
        replace(
            table,
            method=spec,
            label=label,
            seed=seed,
            gpu=engine.admitted(spec).card.wants_gpu,
            shares=_shared(engine.admitted(spec).card, replace(table, seed=seed), collection),
        )
        for seed in grid.seed
        for table, collection in tables
        for spec, label in methods.items()
    ]


def _admitted(methods: Sequence[NamedMethod], engine: Engine) -> dict[str, str]:
    """The labels by canonical spec; repetitions are said.

    Raises BenchbenchError if one method has two labels.
    """
    found: dict[str, str] = {}
    for method in methods:
        spec, label = engine.admit_one(method.spec), method.label
        if found.get(spec) and label and found[spec] != label:
            raise BenchbenchError(f"'{found[spec]}' and '{label}' are one method, {spec}.")
        found[spec] = label or found.get(spec, "")
    if not found:
        raise BenchbenchError("No method is named; see `benchbench list methods`.")
    say_repeated("--methods", len(methods) - len(found))
    return found


def _shared(card: MethodCard, table: Cell, collection: str) -> str:
    """`Cell.shares`: the training that all sources of a collection share, or a pre-training."""
    made = (table.dataset, f"seed {table.seed}", table.budget)
    if card.pretrains:
        objective = card.described["parameters"].get("pretrain", "classification")
        return " ".join((card.backbone, str(objective), *made))
    return " ".join(map(str, (card.spec, *made, *table.sampling))) if collection else ""
