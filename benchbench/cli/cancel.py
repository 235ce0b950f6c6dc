"""`benchbench cancel`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from benchbench.cli.options import results_argument
from benchbench.errors import BenchbenchError


@click.command()
@results_argument
def cancel(results: tuple[Path, ...]) -> None:
    """End what a results folder has in SLURM's queue.

    It was put there by `benchbench run --engine slurm`. RESULTS are folders of runs, by default
    `results`. What is stored stays: the command that submitted the jobs goes on from there.
    """
    from benchbench.grid import slurm_queue

    for root in results:
        if not root.is_dir():
            raise BenchbenchError(f"There is no folder {root}; `benchbench run` makes results.")
        counts = Counter(slurm_queue.states(root).values())
        for submission in slurm_queue.Submission.all(root) if counts else ():
            slurm_queue.cancel(submission.job_name)
        listed = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        click.echo(f"{root}: ended {listed}" if counts else f"{root}: nothing is in SLURM's queue")
