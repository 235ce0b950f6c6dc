"""An audit is part of a run: stored with it, asked for or not, without effect on its numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from support.jobs import run_job

from benchbench.cli.main import cli
from benchbench.conformance.run_audit import audit_run
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.episodes import EpisodeSet
from benchbench.evaluation.assignment import NOT_AUDITED, was_audited
from benchbench.evaluation.job import Job
from benchbench.evaluation.settings import Settings
from benchbench.images import Images
from benchbench.method import Classifier, Method, Support
from benchbench.results.leaderboard import collect
from benchbench.runs.store import Store
from benchbench.samplers import ClassPool, FixedSampler


class NearestMean(Method):
    """Honest."""

    name = "nearest_mean"

    def adapt(self, support: Support) -> Classifier:
        means = [
            self.pixels(support.images)[support.labels == k].mean(0) for k in range(support.n_way)
        ]
        return lambda images: self.answer(self.pixels(images), np.stack(means))

    @staticmethod
    def pixels(images: Images) -> np.ndarray:
        return images.array.reshape(len(images), -1).astype(float)

    def answer(self, queries: np.ndarray, means: np.ndarray) -> np.ndarray:
        return -((queries[:, None] - means) ** 2).sum(2)


class Joint(NearestMean):
    """Claims to be inductive and takes all queries' mean away."""

    name = "joint"

    def answer(self, queries: np.ndarray, means: np.ndarray) -> np.ndarray:
        return super().answer(queries - queries.mean(0), means - means.mean(0))


def draw(dataset: OpenDataset, count: int = 20) -> EpisodeSet:
    return FixedSampler().sample(ClassPool(dataset, "test"), count)


AUDITED = Settings(audit="missing")


class Counting:
    """An audit that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, job: Job) -> dict[str, Any]:
        self.calls += 1
        return audit_run(job)


def test_the_evidence_is_stored_with_the_run(dataset: OpenDataset, tmp_path: Path) -> None:
    outcome = run_job(
        NearestMean(), dataset, draw(dataset), Store(tmp_path), AUDITED, audit=audit_run
    )
    assert outcome.run is not None
    audit = json.loads((outcome.run.path / "manifest.json").read_text())["audit"]
    assert (audit["inductive"], audit["stateful"], audit["order_dependent"]) == (True, False, False)
    assert audit["accuracy_together"] == audit["accuracy_one_at_a_time"]
    assert audit["episodes"] == 20
    assert {one["predictions_changed"] for one in audit["comparisons"]} == {0}


def test_a_broken_claim_is_told_and_ranked_as_what_it_is(
    dataset: OpenDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    for method in (Joint(), NearestMean()):
        outcome = run_job(method, dataset, draw(dataset), store, AUDITED, audit_run)
        assert outcome.status == "finished"
    assert "joint claims to be inductive" in capsys.readouterr().err
    frame = collect(store.runs()).set_index("method")
    assert frame["setting"].to_dict() == {"nearest_mean": "inductive", "joint": "transductive"}
    assert frame["evidence"].to_dict() == {
        "nearest_mean": "audit",
        "joint": "audit against its claim",
    }


def test_the_audit_changes_no_number(dataset: OpenDataset, tmp_path: Path) -> None:
    contents = []
    for settings in (AUDITED, Settings()):
        store = Store(tmp_path / settings.audit)
        outcome = run_job(NearestMean(), dataset, draw(dataset), store, settings, audit_run)
        assert outcome.run is not None
        contents.append((outcome.run.path / "episodes.csv").read_bytes())
    assert contents[0] == contents[1]


def test_an_audit_is_made_once_and_later_only_on_request(
    dataset: OpenDataset, tmp_path: Path
) -> None:
    store, count = Store(tmp_path), Counting()
    run = run_job(NearestMean(), dataset, draw(dataset), store).run
    assert run is not None
    assert run.manifest["audit"] == NOT_AUDITED
    assert not was_audited(run)
    run_job(NearestMean(), dataset, draw(dataset), store, AUDITED, count)
    assert count.calls == 0, "a stored run is left alone"
    before = {file.name: file.read_bytes() for file in run.path.glob("*.csv")}
    for _ in range(2):
        outcome = run_job(
            NearestMean(), dataset, draw(dataset), store, Settings(audit="all"), count
        )
        assert outcome.status == "finished"
    assert count.calls == 1
    assert {file.name: file.read_bytes() for file in run.path.glob("*.csv")} == before
    run_job(NearestMean(), dataset, draw(dataset, 30), store)
    (stored,) = store.runs()
    assert was_audited(stored), "more episodes without an audit forget nothing"


def test_the_costs_of_a_stored_run_stay(dataset: OpenDataset, tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = run_job(NearestMean(), dataset, draw(dataset), store).run
    assert run is not None
    cost = run.manifest["cost"]
    run_job(NearestMean(), dataset, draw(dataset), store, Settings(audit="all"), audit_run)
    (stored,) = store.runs()
    assert was_audited(stored)
    assert stored.manifest["cost"] == cost


def manifest_of(out: Path) -> dict[str, Any]:
    (file,) = out.rglob("manifest.json")
    content: dict[str, Any] = json.loads(file.read_text())
    return content


@pytest.mark.parametrize("engine", ["inline", "worker"])
def test_the_command_line_audits_unless_told_not_to(tmp_path: Path, engine: str) -> None:
    arguments = ["run", "--methods", "knn[backbone=pixels]", "--episodes", "5", "--engine", engine]

    def run(*more: str) -> dict[str, Any]:
        done = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path), *more])
        assert done.exit_code == 0, done.output
        audit: dict[str, Any] = manifest_of(tmp_path)["audit"]
        return audit

    assert run("--no-audit") == NOT_AUDITED
    assert run() == NOT_AUDITED
    assert run("--audit")["inductive"] is True
    assert run("--no-audit")["inductive"] is True
