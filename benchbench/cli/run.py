"""`benchbench run`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchbench.cli.options import (
    ENGINE_VARIABLE,
    FOLDER,
    PLACES,
    SECONDS,
    SEED,
    SEEDS,
    THREADS,
    grid_engine_option,
    grid_task_options,
)
from benchbench.errors import BenchbenchError, unknown_name
from benchbench.registry import loading

if TYPE_CHECKING:
    from benchbench.grid.bench import Bench
    from benchbench.grid.cell import Cell
    from benchbench.grid.expansion import Grid
    from benchbench.runs.outcome import Outcome


@click.command()
@click.option(
    "--methods",
    default="knn,protonet",
    metavar="SPEC,...",
    help="The methods to evaluate, with parameters as in knn[k=3]; `list methods` names all. "
    "Tables call NAME=SPEC by the name.",
)
@grid_task_options
@click.option(
    "--episodes",
    default="600",
    metavar="N|FILE",
    help="The number of episodes, or an .npz file of `episodes make` that holds them.",
)
@click.option(
    "--episode-seed", default=0, type=SEED, help="The seed that the episodes are drawn with."
)
@click.option(
    "--seed",
    default="0",
    type=SEEDS,
    help="The seed of training and of methods' own randomness, or several; episodes have "
    "--episode-seed.",
)
@click.option(
    "--budget",
    default="quick",
    metavar="NAME|STEPS",
    help="How long methods are trained: smoke (seconds), quick (minutes), paper (as published), or "
    "a number of steps.",
)
@click.option(
    "--metrics",
    default="",
    show_default=False,
    metavar="NAME,...",
    help="Metrics to report in addition to accuracy; `list metrics` names all.",
)
@click.option(
    "--out",
    default="results",
    type=FOLDER,
    help="The folder that runs are stored in; runs that it holds already are read from it.",
)
@click.option(
    "--device",
    default="auto",
    metavar="NAME",
    help="The device to compute on: cpu, cuda, or auto, which takes a GPU if there is one.",
)
@click.option(
    "--threads",
    type=THREADS,
    show_default="all cores",
    help="The number of threads that torch computes with on the CPU.",
)
@click.option(
    "--fast/--no-fast",
    default=True,
    help="Whether methods are trained in channels-last memory and, if the processor has it, bf16.",
)
@grid_engine_option
@click.option(
    "--timeout",
    type=SECONDS,
    metavar="SECONDS",
    show_default="600",
    help="The longest time that an episode may take; inf sets no limit.",
)
@click.option(
    "--training-timeout",
    type=SECONDS,
    metavar="SECONDS",
    show_default="inf",
    help="The longest time that the training of a method may take.",
)
@click.option(
    "--audit/--no-audit",
    default=None,
    show_default="audit the methods that are trained now",
    help="Whether a tenth of the episodes is asked again, to see what a method's scores depend "
    "on; --audit includes stored runs.",
)
@click.option(
    "--audit-seconds",
    type=SECONDS,
    metavar="SECONDS",
    show_default="5, or a tenth of the evaluation",
    help="The longest time that the audit of a method takes before it is content with less.",
)
@click.option("--retry", is_flag=True, help="Try methods again that have failed before.")
def run(
    *,
    methods: str,
    dataset: str,
    engine: str,
    out: Path,
    data_root: Path | None,
    way: tuple[int, ...],
    shot: tuple[int, ...],
    query: tuple[int, ...],
    seed: tuple[int, ...],
    replacement: str | None,
    metrics: str,
    retry: bool,
    **others: Any,
) -> None:
    """Train and evaluate methods, and print their table.

    Runs that are stored in --out are not computed again, and an interrupted run resumes. Of --way,
    --shot, --query and --seed several may be given, as in 1,5 or 0..4: every combination is
    computed, in a table for each task. The exit code is 1 if a method failed; the others are
    computed and stored nevertheless.
    """
    from benchbench.engine.processes import begin_template
    from benchbench.grid.expansion import Grid, named_methods

    # Before anything that takes seconds to import.
    named = named_methods(methods)
    loading.check_names("method", [method.spec for method in named])
    loading.check_names("dataset", [dataset])
    place, engine_spec = _engines(engine)
    if place == "worker":
        begin_template()
    from benchbench.grid.cell import Cell
    from benchbench.metrics import find_metrics
    from benchbench.registry import specs

    if place == "inline" and (others["timeout"] or others["training_timeout"]):
        raise BenchbenchError(
            "--timeout and --training-timeout need --engine worker: a process cannot stop itself."
        )
    common = Cell(
        method="",
        dataset=dataset,
        sampling=(("replacement", replacement),) if replacement else (),
        metrics=tuple(find_metrics(specs.split_list(metrics))),
        engine=place,
        data_root=str(data_root) if data_root else None,
        out=str(out),
        command=(Path(sys.argv[0]).name, *sys.argv[1:]),
        **others,
    )
    grid = Grid(named, common, way=way, shot=shot, query=query, seed=seed)
    sys.exit(int(_run_grid(grid, engine_spec, retry)))


def _engines(text: str) -> tuple[str, str]:
    """The place of each method, and the spec of what computes the cells."""
    if text in PLACES:
        return text, "serial"
    from benchbench.registry import specs

    name = specs.parse(text).name
    known = loading.registered("register_engines")
    if name not in known:
        raise unknown_name("engine", name, [*PLACES, *known])
    place = os.environ.get(ENGINE_VARIABLE, "")
    return place if place in PLACES else "worker", text


def _run_grid(grid: Grid, engine_spec: str, retry: bool) -> bool:
    """Compute a grid and print its tables; whether a cell has failed."""
    from benchbench.cli.tables import say_what_is_tested
    from benchbench.grid.bench import Bench, settings_of
    from benchbench.grid.engine import create_grid_engine
    from benchbench.grid.expansion import expanded
    from benchbench.grid.running import run_cells
    from benchbench.runs.store import Store

    with Bench() as bench:
        settings_of(grid.common)  # refuses what is wrong before anything is opened
        Store(Path(grid.common.out)).check()
        engine = create_grid_engine(engine_spec, bench)
        cells = expanded(grid, bench)
        for drawing in grid.drawings():
            for problem, episodes in bench.tested(drawing):
                say_what_is_tested(problem, episodes)
        outcomes = run_cells(cells, bench, engine, retry)
        _print_tables(grid, bench, outcomes)
    return any(outcome.status == "failed" for outcome in outcomes.values())


def _print_tables(grid: Grid, bench: Bench, outcomes: Mapping[Cell, Outcome]) -> None:
    """A table for each task; a heading says which, if there are several."""
    from benchbench.cli.tables import Tested, print_tables
    from benchbench.grid.bench import settings_of
    from benchbench.results.reporters.markdown import heading

    drawings = grid.drawings()
    for number, drawing in enumerate(drawings):
        tested = []
        for problem, episodes in bench.tested(drawing):
            source = problem.name if problem.collection else ""
            table = replace(drawing, source=source).table
            own = [outcome for cell, outcome in outcomes.items() if cell.table == table]
            sampler = settings_of(drawing).sampler
            if sampler is None or sampler.protocol != episodes.protocol:
                sampler = None
            tested.append(Tested(problem, episodes, own, sampler))
        if len(drawings) > 1:
            print(("\n" if number else "") + heading(tested[0].episodes.protocol) + "\n")
        print_tables(tested)
