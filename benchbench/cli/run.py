"""`benchbench run`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchbench.cli.grids import (
    devices_of,
    engines_of,
    grid_of,
    print_grid,
    use_config,
    with_config,
    with_scheduler,
)
from benchbench.cli.options import (
    FILE,
    FOLDER,
    SECONDS,
    SEED,
    SEEDS,
    THREADS,
    Number,
    grid_engine_option,
    grid_task_options,
)
from benchbench.errors import BenchbenchError

if TYPE_CHECKING:
    from benchbench.grid.expansion import Grid
    from benchbench.grid.running import Manner


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
    metavar="N|FILE",
    show_default="600; 5 draws of kshot",
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
    help="The device to compute on: cpu, cuda, or auto, which takes a GPU if there is one; "
    "cuda:0,1 gives cells to these GPUs in turn.",
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
@click.option(
    "--config",
    type=FILE,
    is_eager=True,
    callback=use_config,
    help="A TOML file with options as keys, and methods with names; what is typed precedes it.",
)
@click.option(
    "--workers",
    type=Number(1, 1024),
    show_default="one after the other",
    help="The number of cells that are computed at a time, each in a process with its share of "
    "the threads.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="The Dask scheduler of --engine dask, as tcp://HOST:8786.",
)
@click.option(
    "--shard",
    metavar="I/N",
    help="Compute one of N shares of the cells, which are the same wherever they are made.",
)
@click.option(
    "--claim",
    is_flag=True,
    help="Compute what no other command on the same --out is at, and wait for the others.",
)
@click.option("--retry", is_flag=True, help="Compute cells again that have failed before.")
def run(
    *,
    config: Path | None,
    engine: str,
    device: str,
    workers: int | None,
    scheduler: str | None,
    shard: str | None,
    claim: bool,
    retry: bool,
    **options: Any,
) -> None:
    """Train and evaluate methods, and print their table.

    Of --way, --shot, --query and --seed several may be given, as in 1,5 or 0..4: every combination
    is a cell of a grid, with a table for each task. Runs that are stored in --out are not computed
    again, and an interrupted run resumes. The exit code is 1 if a method failed; the others are
    computed and stored nevertheless. It is 2 if no method applies to any of the tasks.
    """
    from benchbench.engine.processes import begin_template

    kind, devices = devices_of(device)
    chosen = with_config(with_scheduler(engine, scheduler), config)
    place, engine_spec = engines_of(chosen, workers, devices)
    grid = grid_of({**options, "device": kind}, place)
    share = _shard(shard) if shard else None
    if len(devices) == 1 and workers is None:
        from benchbench.grid.worker import VISIBLE
        from benchbench.grid.workers import visible_devices

        os.environ[VISIBLE] = visible_devices(devices)[0]  # before torch looks for GPUs
    # Before anything that takes seconds to import.
    if place == "worker":
        begin_template()
    from benchbench.grid.running import Manner

    if place == "inline" and (options["timeout"] or options["training_timeout"]):
        raise BenchbenchError(
            "--timeout and --training-timeout need --engine worker: a process cannot stop itself."
        )
    is_grid = bool(not grid.is_plain or engine_spec != "serial" or config or shard or claim)
    manner = Manner(retry, share, claim, is_grid)
    sys.exit(int(_run_grid(grid, engine_spec, manner, options["sampler"] is not None)))


def _shard(text: str) -> tuple[int, int]:
    from benchbench.grid.sharing import parse_shard

    return parse_shard(text)


def _run_grid(grid: Grid, engine_spec: str, manner: Manner, sampler_is_named: bool) -> bool:
    """Compute a grid and print its tables; whether a cell has failed."""
    from benchbench.cli.tables import refuse_if_none_can_run, say_unused_pool, say_what_is_tested
    from benchbench.grid.bench import Bench, settings_of
    from benchbench.grid.engine import create_grid_engine
    from benchbench.grid.expansion import expanded
    from benchbench.grid.running import run_cells
    from benchbench.runs.store import Store
    from benchbench.samplers.usual import ALL_AT_ONCE, say_all_at_once

    with Bench() as bench:
        settings_of(grid.common)  # refuses what is wrong before anything is opened
        Store(Path(grid.common.out)).check()
        engine = create_grid_engine(engine_spec, bench)
        cells = expanded(grid, bench)
        for drawing in grid.drawings():
            for problem, episodes in bench.tested(drawing):
                say_what_is_tested(problem, episodes)
                if grid.common.sampler == ALL_AT_ONCE and not sampler_is_named:
                    say_all_at_once(episodes)
        say_unused_pool(cells, bench)
        outcomes = run_cells(cells, bench, engine, manner)
        if not manner.shard:  # others may have what can run
            refuse_if_none_can_run(list(outcomes.values()))
        print_grid(grid, bench, outcomes)
    return any(outcome.status == "failed" for outcome in outcomes.values())
