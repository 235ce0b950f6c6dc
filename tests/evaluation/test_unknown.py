"""Queries of none of the classes: asked among the others, and scored apart."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from support.jobs import run_job

from benchbench.conformance.run_audit import audit_run
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.evaluation.loop import Examiner
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.participant import evaluate
from benchbench.evaluation.settings import Settings
from benchbench.images import Images
from benchbench.method import Classifier, Method, Support
from benchbench.metrics import find_metrics
from benchbench.runs.store import Store
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.training.source import TrainingSource

SAMPLER = FixedSampler(way=3, query=4, unknown=5)
METRICS = ("unknown_auroc", "unknown_auroc_of_scores", "balanced_accuracy")


@dataclass
class Nearest(Method):
    """Nearest mean of pixels; it remembers how many queries each call asked for."""

    name = "nearest"

    def train(self, source: TrainingSource) -> None:
        self.asked: list[int] = []
        self.sampler = source.sampler

    def adapt(self, support: Support) -> Classifier:
        means = torch.from_numpy(support.images.array).flatten(1).double()

        def classify(images: Images) -> torch.Tensor:
            self.asked.append(len(images))
            own = torch.nn.functional.one_hot(support.labels, support.n_way).double()
            return -torch.cdist(torch.from_numpy(images.array).flatten(1).double(), means) @ own

        return classify


@pytest.fixture
def named(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    return make_dataset(classes=(8, 6, 8))


def test_accuracy_and_answers_are_those_of_the_protocol_without(named, tmp_path) -> None:
    pool = ClassPool(named, "test")
    stores = []
    for sampler in (SAMPLER, SAMPLER.of_known):
        store = Store(tmp_path / sampler.protocol)
        settings = Settings(sampler=sampler, metrics=("balanced_accuracy",))
        run_job(Nearest(), named, sampler.sample(pool, 12), store, settings)
        stores.append(next(iter(store.runs())))
    one, other = stores
    assert one.records() == other.records()
    told, plain = (run.answers.predicted() for run in stores)
    assert all(np.array_equal(told[number], plain[number]) for number in range(12))
    assert (len(one.answers.confidences()), len(other.answers.confidences())) == (12, 0)
    assert one.manifest["episodes"]["unknown"] == 5
    assert "unknown" not in other.manifest["episodes"]


def test_they_are_asked_with_the_others_in_one_call_at_hidden_places(named) -> None:
    episodes = SAMPLER.sample(ClassPool(named, "test"), 40)
    examiner = Examiner(named, episodes, Nonce(b"secret"))
    places = named.storage.places
    where = []
    for number, episode in enumerate(episodes):
        (asked,) = examiner.question(number).queries
        assert sorted(asked) == sorted(places[episode.asked])
        where += np.flatnonzero(np.isin(asked, places[episode.unknown])).tolist()
    assert np.bincount(where, minlength=17).min() > 0


def test_metrics_are_of_what_each_of_them_is_about(named) -> None:
    method, episodes = Nearest(), SAMPLER.sample(ClassPool(named, "test"), 10)
    method.asked = []
    metrics = find_metrics(METRICS)
    for one, episode in zip(
        evaluate(method, named, episodes, metrics=metrics), episodes, strict=True
    ):
        assert one.scores.shape == (17, 3)
        known, labels = one.scores[:12], episode.query_labels
        assert one.record["n_query"] == len(one.predicted) == 12
        assert one.record["accuracy"] == np.mean(known.argmax(1) == labels)
        assert one.record["balanced_accuracy"] == metrics["balanced_accuracy"](known, labels)
        won = known.max(1)[:, None] > one.scores[12:].max(1)
        assert one.record["unknown_auroc_of_scores"] == pytest.approx(won.mean())
        assert len(one.confidences) == 17
    assert set(method.asked) == {17}


def test_training_knows_the_sampler_without_them(named, tmp_path) -> None:
    method, episodes = Nearest(), SAMPLER.sample(ClassPool(named, "test"), 4)
    run_job(method, named, episodes, Store(tmp_path), Settings(sampler=SAMPLER))
    assert method.sampler == SAMPLER.of_known


def test_an_audit_finds_an_inductive_method_inductive(named, tmp_path) -> None:
    episodes = SAMPLER.sample(ClassPool(named, "test"), 30)
    settings = Settings(sampler=SAMPLER, audit="missing")
    done = run_job(Nearest(), named, episodes, Store(tmp_path), settings, audit_run)
    found = done.run.manifest["audit"]
    assert found["inductive"] is True, found
    assert 0 < found["accuracy_together"] <= 1
