"""A stored run repeated where its data is: its weights on its episodes or others, or all of it."""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchbench.datasets.opening import open_problems
from benchbench.datasets.problem import Problem
from benchbench.engine.base import Engine
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.evaluation.job import Job
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.settings import Settings
from benchbench.runs.manifest import training_identity
from benchbench.runs.names import run_hash
from benchbench.runs.store import RunDirectory, Store
from benchbench.samplers import ClassPool, create_sampler
from benchbench.system.compute import Compute
from benchbench.system.places import Places
from benchbench.training.budget import Budget
from benchbench.verification.comparison import compare
from benchbench.verification.differences import Difference, Findings, What
from benchbench.verification.redrawing import Redrawing, sampler_of

OF_VERSIONS = ("core", "method_source", "weight_files")
"""The parts of a run's identity that another version of the code or of the weights changes."""


@dataclass(frozen=True)
class Repetition:
    """How a run is repeated.

    retrain: train it again, in place of using its weights. count: how many of its episodes, all by
    default. fresh: the seed of other episodes, which nobody could have prepared for.
    """

    retrain: bool = False
    count: int | None = None
    fresh: int | None = None


def repeat(
    run: RunDirectory,
    how: Repetition,
    engine: Engine,
    places: Places,
    redrawing: Redrawing,
    findings: Findings,
) -> None:
    """Add what comes out when a run is repeated, against what is stored."""
    manifest = run.manifest
    try:
        if not how.retrain:
            _check_weights(run)
        problem = _problem_of(manifest, places)
        if problem is None:
            findings.differences.append(
                Difference(
                    "data", f"{manifest['dataset']['name']} here is other data than the run's"
                )
            )
            return
        episodes = _episodes_of(manifest, problem, how, redrawing)
        with TemporaryDirectory(prefix="benchbench-") as folder:
            again = _computed(run, problem, episodes, how, engine, Store(Path(folder)), findings)
            if again is not None:
                compare(run, again, findings, retrained=how.retrain, fresh=how.fresh)
    except (BenchbenchError, ValueError) as error:
        findings.unknown.append(str(error))


def _check_weights(run: RunDirectory) -> None:
    """Raise BenchbenchError if the run was trained and its weights are not stored."""
    kept = [*run.path.rglob("*.safetensors"), *_shared(run).rglob("*.safetensors")]
    if run.manifest.get("training") and not kept:
        raise BenchbenchError("its weights are not stored; --retrain trains it again")


def _shared(run: RunDirectory) -> Path:
    """The folder of trainings that several runs share."""
    depth = 3 if run.manifest["dataset"].get("trained_on") else 2
    return run.path.absolute().parents[depth] / "pretrained"


def _problem_of(manifest: dict[str, Any], places: Places) -> Problem | None:
    """The run's data, or None if what its spec names here has other pixels or splits."""
    identity = manifest["identity"]
    for problem in open_problems(manifest["dataset"]["name"], places):
        found = problem.test.fingerprint, problem.test.splits_sha256
        if found == (identity["fingerprint"], identity["splits"]):
            return problem
    return None


def _episodes_of(
    manifest: dict[str, Any], problem: Problem, how: Repetition, redrawing: Redrawing
) -> EpisodeSet:
    """The episodes to ask about. Raises BenchbenchError if they cannot be drawn."""
    count = min(how.count or manifest["episodes"]["count"], manifest["episodes"]["count"])
    identity = manifest["identity"]
    drawn = redrawing.drawn(manifest)
    if how.fresh is None and drawn is not None:
        return drawn.episodes.head(count)
    seed = identity["episode_seed"] if how.fresh is None else how.fresh
    pool = ClassPool(problem.test, identity["split"])
    return create_sampler(sampler_of(manifest)).sample(pool, count, seed)


def _computed(
    run: RunDirectory,
    problem: Problem,
    episodes: EpisodeSet,
    how: Repetition,
    engine: Engine,
    store: Store,
    findings: Findings,
) -> RunDirectory | None:
    """The run as it comes out now; None if the method fails, which is a difference."""
    manifest = run.manifest
    identity = manifest["identity"]
    compute = _compute_of(manifest)
    settings = Settings(
        seed=identity["seed"],
        budget=Budget.parse(identity["budget"]),
        compute=compute,
        metrics=tuple(identity["metrics"]),
        sampler=None
        if manifest["episodes"].get("sampler", "") is None
        else create_sampler(sampler_of(manifest)),
    )
    with engine.contestant(manifest["method"]["spec"]) as contestant:
        job = Job(contestant, problem, episodes, store, settings)
        if "nonce" in manifest and how.fresh is None:
            job.nonce = Nonce(bytes.fromhex(manifest["nonce"]))
        _compare_identities(identity, job.identity, how, findings)
        if not how.retrain:
            _copy_weights(run, job)
        outcome = job.execute()
    if outcome.status == "finished":
        return job.run
    findings.differences.append(Difference("predictions", f"it fails now: {outcome.reason}"))
    return None


def _compute_of(manifest: dict[str, Any]) -> Compute:
    """How the run was computed. Raises BenchbenchError if that is not known or not here."""
    said = manifest.get("compute", {})
    try:
        compute = Compute(**{field.name: said[field.name] for field in dataclasses.fields(Compute)})
    except KeyError as error:
        raise BenchbenchError(f"its manifest does not say how it was computed ({error})") from error
    if compute.device not in _devices():
        raise BenchbenchError(f"it was computed on {compute.device}, which is not here")
    return compute


def _devices() -> tuple[str, ...]:
    import torch

    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def _copy_weights(run: RunDirectory, job: Job) -> None:
    """Put the stored weights where the job looks for its own."""
    target = job.run.path / "training"
    if job.problem.collection:
        key = run_hash(training_identity(run.manifest["identity"], job.task))
        source = _shared(run) / f"{job.card.name}-{key}"
        target = job.store.root / "pretrained" / source.name
    else:
        source = run.path / "training"
    ignored = shutil.ignore_patterns("*.checkpoint", ".lock")
    for one, other in ((_shared(run), job.store.root / "pretrained"), (source, target)):
        if one.is_dir():
            shutil.copytree(one, other, ignore=ignored, dirs_exist_ok=True)


def _compare_identities(
    stored: dict[str, Any], now: dict[str, Any], how: Repetition, findings: Findings
) -> None:
    for key in now:
        if key == "episode_seed" and how.fresh is not None:
            continue
        if stored.get(key) != now[key]:
            what: What = "versions" if key in OF_VERSIONS else "claims"
            sentence = f"{key} is {stored.get(key)!s:.40}; here it is {now[key]!s:.40}"
            findings.differences.append(Difference(what, sentence))
