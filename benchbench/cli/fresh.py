"""`benchbench check METHOD --fresh`: standard test episodes against ones that nobody has seen."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from benchbench.errors import BenchbenchError, MethodError
from benchbench.system.texts import legible


def check_fresh(
    method: str,
    dataset: str,
    budget: str,
    only: str | None,
    style: str,
    data_root: Path | None,
    seed: int,
    timeout: float,
) -> NoReturn:
    """Print both accuracies and their difference; ends with exit code 1 if it is suspicious."""
    if only:
        raise BenchbenchError("--fresh makes no other check; leave out --only.")
    from benchbench.engine.processes import begin_template

    begin_template()
    from benchbench.conformance.fresh import compare_fresh, drawn_sides
    from benchbench.datasets.opening import open_problems
    from benchbench.engine.supervisor import Supervisor
    from benchbench.system.compute import configure
    from benchbench.system.places import Places
    from benchbench.system.time_limit import time_limit
    from benchbench.training.budget import Budget

    def give_up() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        said = f"{method} FAILED: the comparison does not end within {timeout:g} s (--timeout)."
        click.echo(legible(said), err=True)

    training, compute = Budget.parse(budget), configure("cpu", fast=False)
    places = Places.find(data_root)
    problem = open_problems(dataset, places)[0]
    # What is drawn once would fill the cache.
    with tempfile.TemporaryDirectory() as folder:
        sides = drawn_sides(problem, dataset, replace(places, cache=Path(folder) / "cache"))
        protected = (places.data_root, places.cache, Path(folder))
        with (
            time_limit(timeout, give_up),
            Supervisor(device="cpu", protected=protected) as engine,
        ):
            specs = engine.admit(method)
            if len(specs) > 1:
                raise BenchbenchError(
                    f"'{method}' names {len(specs)} methods; check one at a time."
                )
            with engine.contestant(specs[0]) as contestant:
                weights = Path(folder) / "weights"
                try:
                    found = compare_fresh(
                        *(contestant, problem, sides, weights),
                        budget=training,
                        seed=seed,
                        compute=compute,
                    )
                except MethodError as error:
                    click.echo(f"{specs[0]}: {error}", err=True)
                    sys.exit(1)
    click.echo(json.dumps(found.as_dict(), indent=1) if style == "json" else found.summary())
    sys.exit(int(found.suspicious))
