"""A stored run repeated where its data is: its weights on its episodes or others, or all of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchbench.datasets.problem import Problem
from benchbench.engine.base import Engine
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.evaluation.job import Job
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.settings import Settings
from benchbench.registry import specs
from benchbench.runs.directory import RunDirectory
from benchbench.runs.manifest import compute_of, training_identity
from benchbench.runs.names import run_hash
from benchbench.runs.store import Store
from benchbench.runs.weights import OWN, SHARED, copy_weights
from benchbench.samplers import ClassPool, create_sampler
from benchbench.training.budget import Budget
from benchbench.verification.comparison import compare
from benchbench.verification.data_here import DataHere
from benchbench.verification.differences import Difference, Findings, What
from benchbench.verification.lacking import lacking
from benchbench.verification.redrawing import Redrawing, sampler_of

OF_VERSIONS: dict[str, What] = {
    "core": "versions",
    "method_source": "code",
    "weight_files": "versions",
}
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
    data: DataHere,
    redrawing: Redrawing,
    findings: Findings,
) -> None:
    """Add what comes out when a run is repeated, against what is stored."""
    findings.not_here += lacking(run, how.retrain)
    if findings.not_here:
        return
    try:
        problem = data.problem_of(run.manifest, findings)
        if problem is None:
            return
        episodes = _episodes_of(run.manifest, problem, how, redrawing)
        with TemporaryDirectory(prefix="benchbench-") as folder:
            again = _computed(run, problem, episodes, how, engine, Store(Path(folder)), findings)
            if again is not None:
                found = Findings(run.path)
                compare(run, again, found, retrained=how.retrain, fresh=how.fresh)
                findings.checked += found.checked
                left = [one for one in findings.partly if one not in found.settled]
                findings.partly = [*left, *found.partly]
                if not found.differences:
                    _admit_other_code(findings)
                _add(found.differences, findings)
    except (BenchbenchError, ValueError) as error:
        findings.unknown.append(str(error))


def _admit_other_code(findings: Findings) -> None:
    """Say of a run that came out as it is stored that its method's code is another, if it is.

    What is claimed is what the weights answer, which other code has then shown.
    """
    if {one.what for one in findings.not_here} == {"code"}:
        findings.checked.append("by other code of the method")
        findings.not_here.clear()


def _add(differences: list[Difference], findings: Findings) -> None:
    """Add differences; those of code or weights that are not the run's show nothing of the run."""
    (findings.not_here or findings.differences).extend(differences)


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
    compute = compute_of(manifest)
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
        spec = manifest["method"]["spec"]
        _compare_identities(identity, job.identity, spec, how, findings)
        if not how.retrain:
            _copy_weights(run, job)
        outcome = job.execute()
    if outcome.status != "finished":
        _add([Difference("predictions", f"it fails now: {outcome.reason}")], findings)
        return None
    if not how.retrain and _seconds(job.run, run) != _seconds(run, run):
        sentence = "those here are of another training; --retrain trains it again"
        findings.not_here.append(Difference("weights", sentence))
    return job.run


def _seconds(run: RunDirectory, stored: RunDirectory) -> list[float]:
    """What each training took, which no other one takes to the nanosecond.

    A choice of strengths that the stored run has no record of, as it is older than these, is left
    out: it follows from the weights.
    """
    stages = {record.get("stage") for record in stored.manifest.get("training", ())}
    return [
        record["seconds"]
        for record in run.manifest.get("training", ())
        if not record.get("chosen") or record.get("stage") in stages
    ]


def _copy_weights(run: RunDirectory, job: Job) -> None:
    """Put the stored weights where the job looks for its own."""
    shared, own = job.store.root / SHARED, job.run.path / OWN
    kept_as = OWN
    if job.problem.collection:
        identities = run.manifest["identity"], job.identity
        keys = [run_hash(training_identity(one, job.task)) for one in identities]
        kept_as, own = (f"{job.card.name}-{keys[0]}", shared / f"{job.card.name}-{keys[1]}")
    copy_weights(run, own, shared, kept_as)


def _compare_identities(
    stored: dict[str, Any], now: dict[str, Any], spec: str, how: Repetition, findings: Findings
) -> None:
    now = {**now, "parameters": _that_were_there(now["parameters"], stored.get("parameters"), spec)}
    for key in now:
        if key == "episode_seed" and how.fresh is not None:
            continue
        if stored.get(key) != now[key]:
            what = OF_VERSIONS.get(key, "claims")
            sentence = f"{key} is {stored.get(key)!s:.40}; here it is {now[key]!s:.40}"
            where = findings.not_here if key in OF_VERSIONS else findings.differences
            where.append(Difference(what, sentence))


def _that_were_there(parameters: dict[str, Any], stored: object, spec: str) -> dict[str, Any]:
    """The parameters without those that the method has got since the run.

    Those that neither the run nor its spec names are at their defaults here, as the method is made
    from that spec.
    """
    if not isinstance(stored, dict):
        return parameters
    named = {*stored}
    with suppress(BenchbenchError):  # a parameter may hold any text, such as a path with brackets
        named |= set(specs.parse(spec).parameters)
    return {name: value for name, value in parameters.items() if name in named}
