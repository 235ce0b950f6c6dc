"""Checks of what the company of other images changes: in a run, and in a backbone's features."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchbench.backbones.base import Backbone
from benchbench.conformance.outcomes import CheckFailed, NotApplicable
from benchbench.conformance.run_audit import audit_run
from benchbench.conformance.training import Training
from benchbench.conformance.trials import EPISODES_SEED
from benchbench.conformance.under_test import Bench
from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.evaluation.job import Job
from benchbench.evaluation.participant import Participant
from benchbench.evaluation.settings import Settings
from benchbench.images import Images
from benchbench.runs.store import Store

EPISODES = 60
SAME_FEATURES = 1e-3
"""The share of the features' standard deviation by which two equal ones may differ."""


def check_run_audit(bench: Bench) -> None:
    """C17: the audit of a run on these classes finds that scores depend on no other query.

    It is the audit that decides where a leaderboard lists a method: a twin is asked about the
    episodes of the run in parts.
    """
    found = _audit_of(bench)
    if norms := found["batch_norms_on_queries"]:
        raise CheckFailed(f"statistics of the queries are used in {', '.join(norms)}")
    if found["undecided"]:
        raise CheckFailed(
            f"whether scores depend on other queries cannot be told from {found['episodes']} "
            "episodes: they change at random by too much"
        )
    if not found["inductive"]:
        raise CheckFailed(f"in a run, scores depend on other queries: {_worst(found)}")


def check_run_state(bench: Bench) -> None:
    """C17: the audit of a run finds the same scores in another order of episodes, and again."""
    found = _audit_of(bench)
    if found["stateful"]:
        raise CheckFailed(f"in a run, scores depend on what came before: {_worst(found)}")


def _worst(found: dict[str, Any]) -> str:
    worst = found["worst"]
    changed, queries = worst["predictions_changed"], worst["queries"]
    return f"{changed} of {queries} predictions change ({worst['alteration']})"


def _audit_of(bench: Bench) -> dict[str, Any]:
    """The audit of a run, made once for a bench. Raises CheckFailed if it cannot be made."""
    if bench.training is None:
        raise NotApplicable("the method was trained elsewhere")
    if bench.run_audit is None:
        bench.run_audit = _audited(bench, bench.training)
    if "reason" in bench.run_audit:
        raise CheckFailed(f"the audit of a run: {bench.run_audit['reason']}")
    return bench.run_audit


def _audited(bench: Bench, training: Training) -> dict[str, Any]:
    """The audit of a run on the bench's classes, with the weights that the bench has."""
    episodes: EpisodeSet = bench.sample(EPISODES, EPISODES_SEED + 2)
    settings = Settings(bench.seed, training.budget, training.compute, audit="all")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        problem = Problem.of(bench.dataset)
        job = Job(Participant(bench.fresh()), problem, episodes, store, settings)
        for source, target in (
            (training.folder, job.run.path / "training"),
            (training.folder / "shared", store.root / "pretrained"),
        ):
            if source.exists():
                shutil.copytree(source, target, dirs_exist_ok=True)
        outcome = job.execute(audit_run)
        if outcome.status != "finished":
            raise CheckFailed(f"a run fails: {outcome.reason}")
        found: dict[str, Any] = job.run.manifest["audit"]
        return found


def check_batch_features(bench: Bench) -> None:
    """C18: a frozen backbone's features of an image are the same in any company.

    They are read from the table of a split, computed of the pixels alone, and in smaller batches.
    """
    backbones = [
        module
        for value in vars(bench.method).values()
        if isinstance(value, torch.nn.Module)
        for module in value.modules()
        if isinstance(module, Backbone) and not module.training
    ]
    if not backbones:
        raise NotApplicable("it keeps no frozen backbone")
    images = bench.trial(0).query
    pixels = images.array
    for backbone in backbones:
        with torch.no_grad():
            table = backbone(images)
            one_by_one = torch.cat([backbone(Images.from_array(p[None])) for p in pixels[:8]])
            among_noise = np.concatenate([pixels[:8], bench.noise(len(pixels))])
            mixed = backbone(Images.from_array(among_noise))[:8]
        allowed = SAME_FEATURES * float(table.std()) + 1e-6
        for company, found in (("alone", one_by_one), ("among images of noise", mixed)):
            change = float((found - table[:8]).abs().max())
            if change > allowed:
                raise CheckFailed(
                    f"{company}, features of {backbone.name} change by up to {change:.3g} "
                    f"({allowed:.2g} is allowed)"
                )
