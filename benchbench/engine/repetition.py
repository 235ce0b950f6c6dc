"""A stored run repeated where its data is: its weights on its episodes or others, or all of it."""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchbench.datasets.opening import open_problems
from benchbench.datasets.problem import Problem
from benchbench.engine.base import Engine
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError, NoEstimate
from benchbench.evaluation.job import Job
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.settings import Settings
from benchbench.runs.manifest import training_identity
from benchbench.runs.rows import Rows
from benchbench.runs.store import RunDirectory, Store, run_hash
from benchbench.samplers import ClassPool, create_sampler
from benchbench.stats import mean_difference
from benchbench.system.arrays import FloatArray
from benchbench.system.compute import Compute, machine
from benchbench.system.places import Places
from benchbench.training.budget import Budget
from benchbench.verification.differences import Difference, Findings, What
from benchbench.verification.redrawing import Redrawing, sampler_of

OF_VERSIONS = ("core", "method_source", "weight_files")
"""The parts of a run's identity that another version of the code or of the weights changes."""

DECLARED = ("transductive", "order_dependent", "uses_class_names", "pretrained_on")


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
    run: RunDirectory, how: Repetition, engine: Engine, places: Places, redrawing: Redrawing
) -> Findings:
    """What comes out when a run is repeated, against what is stored."""
    findings = Findings(run.path)
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
            return findings
        rows = Rows.parsed(run.stored_rows(), manifest["identity"]["metrics"])
        episodes = _episodes_of(manifest, problem, how, redrawing)
        with TemporaryDirectory(prefix="benchbench-") as folder:
            again = _computed(run, problem, episodes, how, engine, Store(Path(folder)), findings)
            if again is not None:
                _compare(run, rows, again, how, findings)
    except (BenchbenchError, ValueError) as error:
        findings.unknown.append(str(error))
    return findings


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
    facts = {field.name for field in dataclasses.fields(Compute)}
    compute = Compute(**{key: manifest["compute"][key] for key in facts})
    if compute.device not in _devices():
        raise BenchbenchError(f"it was computed on {compute.device}, which is not here")
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


def _compare(
    run: RunDirectory, rows: Rows, again: RunDirectory, how: Repetition, findings: Findings
) -> None:
    """Compare what is stored with what came out now."""
    stored, now = run.manifest, again.manifest
    new = Rows.parsed(again.stored_rows(), stored["identity"]["metrics"])
    for key in DECLARED:
        said, is_now = stored["method"].get(key), now["method"].get(key)
        if said is not None and said != is_now:
            findings.differences.append(
                Difference("claims", f"method.{key} is {said}; the method says {is_now}")
            )
    if stored.get("parameters", now["parameters"]) != now["parameters"]:
        sentence = f"parameters are {stored['parameters']}; the method has {now['parameters']}"
        findings.differences.append(Difference("claims", sentence))
    accuracy = rows.correct / rows.n_query, new.correct / new.n_query
    if how.fresh is not None:
        _compare_means(*accuracy, how.fresh, findings)
        return
    _compare_counts(run, rows, new, how, findings)


def _compare_means(stored: FloatArray, fresh: FloatArray, seed: int, findings: Findings) -> None:
    """Whether the run is as good on fresh episodes, within the interval of the difference."""
    try:
        difference, half_width = mean_difference(stored, fresh)
    except NoEstimate:
        difference, half_width = float(stored.mean() - fresh.mean()), 0.0
    text = (
        f"{100 * fresh.mean():.2f} % on {len(fresh)} episodes of seed {seed}, "
        f"{100 * stored.mean():.2f} % stored: {100 * difference:+.2f} ± {100 * half_width:.2f}"
    )
    if difference > half_width:
        findings.differences.append(Difference("claims", f"beyond the interval: {text}"))
    else:
        findings.checked.append(text)


def _compare_counts(
    run: RunDirectory, rows: Rows, new: Rows, how: Repetition, findings: Findings
) -> None:
    """Whether each episode has as many correct answers as are stored."""
    count = len(new.correct)
    differs = rows.correct[:count] != new.correct
    what = "trained again" if how.retrain else "evaluated again"
    if not differs.any():
        findings.checked.append(f"{count} episodes {what}, equal count by count")
        return
    shares = [one.correct[:count] / one.n_query[:count] for one in (rows, new)]
    change = 100 * float(np.mean(shares[1]) - np.mean(shares[0]))
    first = int(differs.argmax())
    sentence = (
        f"{what}, {int(differs.sum())} of {count} episodes have other counts, the first is episode "
        f"{first} ({rows.correct[first]} stored, {new.correct[first]} now); the mean moves by "
        f"{change:+.2f} points"
    )
    tolerance = 100 * float(run.manifest.get("reproduces", {}).get("tolerance", 0))
    elsewhere = _elsewhere(run.manifest)
    if elsewhere and abs(change) <= tolerance:
        findings.checked.append(f"{sentence}, on another {elsewhere}")
    else:
        findings.differences.append(Difference("weights", sentence))


def _elsewhere(manifest: dict[str, Any]) -> str:
    """What of the machine or its software is not as it was, if anything; then bits may differ."""
    from benchbench.runs.manifest import software

    here = machine()
    of_machine = manifest.get("machine", {})
    for key in ("processor", "cpu_capability", "gpu"):
        if of_machine.get(key) != here.get(key):
            return key.replace("_", " ")
    found = software()
    for key, version in manifest.get("software", {}).items():
        if found.get(key) != version and key != "benchbench":
            return f"version of {key}"
    return ""
