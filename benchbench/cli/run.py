"""`benchbench run`."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbench.cli.options import FOLDER, SECONDS, SEED, THREADS, engine_option, task_options
from benchbench.errors import BenchbenchError
from benchbench.registry import loading, specs

if TYPE_CHECKING:
    from benchbench.system.places import Places


@click.command()
@click.option(
    "--methods",
    default="knn,protonet",
    metavar="SPEC,...",
    help="The methods to evaluate, with parameters as in knn[k=3]; `list methods` names all.",
)
@task_options
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
    default=0,
    type=SEED,
    help="The seed of training and of methods' own randomness; episodes have --episode-seed.",
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
@engine_option
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
def run(
    *,
    methods: str,
    dataset: str,
    sampler: str,
    data_root: Path | None,
    episodes: str,
    episode_seed: int,
    seed: int,
    budget: str,
    metrics: str,
    out: Path,
    device: str,
    threads: int | None,
    fast: bool,
    engine: str,
    timeout: float | None,
    training_timeout: float | None,
    audit: bool | None,
    audit_seconds: float | None,
    **sampling: int | str | None,
) -> None:
    """Train and evaluate methods, and print their table.

    Runs that are stored in --out are not computed again, and an interrupted run resumes. The exit
    code is 1 if a method failed; the others are computed and stored nevertheless.
    """
    from benchbench.engine.processes import begin_template

    # Before anything that takes seconds to import.
    loading.check_names("method", specs.split_list(methods))
    loading.check_names("dataset", [dataset])
    if engine == "worker":
        begin_template()
    from benchbench.cli.tables import Tested, print_tables, say_failures, say_what_is_tested
    from benchbench.conformance.run_audit import audit_run
    from benchbench.engine.creation import create_engine
    from benchbench.evaluation.job import Job
    from benchbench.evaluation.settings import EPISODE_SECONDS, Limits, Settings
    from benchbench.metrics import find_metrics
    from benchbench.runs.store import Store
    from benchbench.samplers.drawing import Drawing
    from benchbench.system.compute import configure
    from benchbench.system.places import Places
    from benchbench.training.budget import Budget

    if engine == "inline" and (timeout or training_timeout):
        raise BenchbenchError(
            "--timeout and --training-timeout need --engine worker: a process cannot stop itself."
        )
    drawing = Drawing(sampler, sampling, episodes, episode_seed)
    settings = Settings(
        seed=seed,
        budget=Budget.parse(budget),
        compute=configure(device, threads, fast),
        metrics=tuple(find_metrics(specs.split_list(metrics))),
        audit="missing" if audit is None else "all" if audit else "none",
        audit_seconds=audit_seconds,
        sampler=drawing.sampler_made(),
    )
    store, places = Store(out), Places.find(data_root)
    store.check()
    limits = Limits(timeout or EPISODE_SECONDS, training_timeout or math.inf)
    tested = []
    images = _images_of(dataset, places) if engine == "worker" else []
    protected = (places.data_root, places.cache, out, *images)
    with create_engine(engine, limits, settings.compute.device, protected) as computing:
        admitted = computing.admit(methods)
        for problem, frozen in drawing.opened(dataset, places):
            say_what_is_tested(problem, frozen)
            outcomes = []
            for method in admitted:
                with computing.contestant(method) as contestant:
                    job = Job(contestant, problem, frozen, store, settings)
                    outcomes.append(job.settled() or job.execute(audit_run))
            tested.append(Tested(problem, frozen, outcomes, job.sampler))
            say_failures(outcomes)
    print_tables(tested)
    failed = any(outcome.status == "failed" for one in tested for outcome in one.outcomes)
    sys.exit(int(failed))


def _images_of(dataset: str, places: Places) -> list[Path]:
    """The folders and files of images, but not those that Python itself needs."""
    from benchbench.datasets.opening import sources_of
    from benchbench.system.library_paths import library_paths

    needed = {above for path in library_paths() for above in (path, *path.parents)}
    sources = (path.resolve() for path in sources_of(dataset, places))
    return [path for path in sources if path not in needed]
