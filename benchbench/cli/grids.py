"""What `benchbench run` and `benchbench status` have in common: from options to a grid."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchbench.cli.options import ENGINE_VARIABLE, PLACES, takes_several
from benchbench.errors import BenchbenchError, unknown_name
from benchbench.registry import loading, specs

if TYPE_CHECKING:
    from benchbench.grid.bench import Bench
    from benchbench.grid.cell import Cell
    from benchbench.grid.expansion import Grid
    from benchbench.runs.outcome import Outcome

OF_CELLS = (
    *("sampler", "episodes", "episode_seed", "budget", "device", "threads", "fast"),
    *("timeout", "training_timeout", "audit", "audit_seconds"),
)
"""The options that a cell takes as they are."""
OF_SAMPLERS = ("unlabelled", "distractors", "unknown", "replacement")
"""The options that a sampler takes as they are, and of which a grid has one value."""


def use_config(
    context: click.Context, parameter: click.Parameter, file: Path | None
) -> Path | None:
    """The callback of `--config`: its values are the defaults of all other options."""
    if file is not None:
        from benchbench.grid.config import read_config

        own = {str(one.name): one for one in context.command.params}
        known = sorted({*own} - {"help", parameter.name})
        several = [name for name in known if takes_several(own[name])]
        context.default_map = read_config(file, known, several)
    return file


def grid_of(options: Mapping[str, Any], place: str) -> Grid:
    """The grid of the options of `benchbench run`, whose methods run in `place`.

    Raises BenchbenchError if methods, data sets or metrics have names that nothing has.
    """
    from benchbench.grid.cell import Cell
    from benchbench.grid.expansion import SAMPLED, Grid, distinct, named_methods

    named = named_methods(options["methods"])
    loading.check_names("method", [method.spec for method in named])
    loading.check_names("dataset", [options["dataset"]])
    data_root = options["data_root"]
    numbers = {name: distinct(f"--{name}", options[name]) for name in (*SAMPLED, "seed")}
    sampler, taken = _sampler(
        options["sampler"],
        {**{name: numbers[name] for name in SAMPLED}, **{n: options[n] for n in OF_SAMPLERS}},
    )
    given = ((name, taken.get(name)) for name in OF_SAMPLERS)
    episodes = options["episodes"] or _usual_episodes(sampler)
    common = Cell(
        method="",
        dataset=options["dataset"],
        sampling=tuple((name, value) for name, value in given if value is not None),
        metrics=distinct("--metrics", specs.split_list(options["metrics"])),
        engine=place,
        data_root=str(data_root) if data_root else None,
        out=str(options["out"]),
        command=(Path(sys.argv[0]).name, *sys.argv[1:]),
        **{name: options[name] for name in OF_CELLS} | {"sampler": sampler, "episodes": episodes},
    )
    numbers["shot"] = taken.get("shot") or _usual_shots(sampler)
    return Grid(named, common, **numbers)


def _sampler(named: str | None, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    from benchbench.samplers.usual import sampler_and_options  # NumPy

    return sampler_and_options(named, options)


def _usual_episodes(sampler: str) -> str:
    from benchbench.samplers.base import usual_episodes  # NumPy

    return str(usual_episodes(sampler))


def _usual_shots(sampler: str) -> tuple[int, ...]:
    from benchbench.samplers.base import usual_shots  # NumPy

    return usual_shots(sampler)


def engines_of(engine: str, workers: int | None, devices: list[str]) -> tuple[str, str]:
    """The place of each method, and the spec of what computes the cells."""
    place = engine if engine in PLACES else os.environ.get(ENGINE_VARIABLE, "")
    place = place if place in PLACES else "worker"
    several = workers is not None or len(devices) > 1
    if engine not in PLACES:
        name = specs.parse(engine).name
        known = loading.registered("register_engines")
        if name not in known:
            raise unknown_name("engine", name, [*PLACES, *known])
        if several:
            raise BenchbenchError(
                f"--workers and several devices are of this machine; leave out --engine {engine}."
            )
        return place, engine
    if not several:
        return place, "serial"
    pinned = f",devices={specs.BETWEEN_ITEMS.join(devices)}" if devices else ""
    return place, f"workers[count={workers or len(devices)}{pinned}]"


def with_config(engine: str, config: Path | None) -> str:
    """The engine's spec; `slurm` of which no file is named reads the grid's, if there is one."""
    spec = specs.parse(engine)
    if config is None or spec.name != "slurm" or spec.argument or "file" in spec.parameters:
        return engine
    from benchbench.grid.config import has_table
    from benchbench.grid.slurm_resources import TABLE

    if not has_table(config, TABLE):
        return engine
    given = [f"{key}={value}" for key, value in {**spec.parameters, "file": config}.items()]
    return f"{spec.name}[{','.join(given)}]"


def with_scheduler(engine: str, scheduler: str | None) -> str:
    """The engine's spec with the value of `--scheduler`. Raises BenchbenchError if it has none."""
    if scheduler is None:
        return engine
    spec = specs.parse(engine)
    if spec.name != "dask" or spec.argument or spec.parameters:
        raise BenchbenchError("--scheduler ADDRESS is of --engine dask, and is given once.")
    return f"dask[scheduler={scheduler}]"


def devices_of(text: str) -> tuple[str, list[str]]:
    """The kind of device, and the numbers of those that `cuda:0,1` names."""
    kind, colon, numbers = text.partition(":")
    found = [number.strip() for number in numbers.split(",")] if colon else []
    if not all(number.isdecimal() for number in found) or (found and kind != "cuda"):
        raise BenchbenchError(
            f"There is no device '{text[: specs.SHOWN]}'; use auto, cpu, cuda, or cuda:0,1 for "
            "some GPUs."
        )
    return kind, list(dict.fromkeys(found))


def print_grid(grid: Grid, bench: Bench, outcomes: Mapping[Cell, Outcome]) -> None:
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
            drawn = sampler is not None and sampler.protocol == episodes.protocol
            tested.append(Tested(problem, episodes, own, sampler if drawn else None))
        tested = [one for one in tested if one.outcomes]  # another shard may have all of a table
        if not tested:
            continue
        if len(drawings) > 1:
            print(("\n" if number else "") + heading(tested[0].episodes.protocol) + "\n")
        print_tables(tested)
