from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from support.jobs import make_job, run_job

from benchbench.backbones.base import Backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.episodes import Episode, EpisodeSet
from benchbench.errors import MethodError
from benchbench.evaluation.contestant import Measured
from benchbench.evaluation.job import Job
from benchbench.evaluation.participant import Participant, evaluate
from benchbench.evaluation.settings import Settings
from benchbench.evaluation.task import task_of
from benchbench.images import Images
from benchbench.method import Classifier, Method, Support, Task
from benchbench.registry import loading
from benchbench.runs.directory import RunDirectory
from benchbench.runs.started import StartLog
from benchbench.runs.store import Store
from benchbench.samplers import ClassPool, FixedSampler, MetaDatasetSampler, Sampler
from benchbench.training.source import TrainingSource


@dataclass
class NearestMean(Method):
    """The honest reference: nearest class mean of raw pixels."""

    name = "nearest_mean"
    breaks_at: int = -1

    def adapt(self, support: Support) -> Classifier:
        pixels = support.images.array.reshape(len(support.images), -1).astype(float)
        means = np.stack([pixels[support.labels == k].mean(0) for k in range(support.n_way)])

        def classify(images: Images) -> np.ndarray:
            asked = images.array.reshape(len(images), 1, -1).astype(float)
            return -((asked - means) ** 2).sum(2)

        return classify


class Stochastic(Method):
    """Guesses, with whatever generator comes to hand."""

    name = "stochastic"

    def adapt(self, support: Support) -> Classifier:
        numbers = torch.rand(1).item() + np.random.rand() + random.random() + support.seed
        return lambda images: np.random.default_rng(int(1e9 * numbers) % 2**32).random(
            (len(images), support.n_way)
        )


def draw(dataset: OpenDataset, count: int = 30, **shape: int) -> EpisodeSet:
    return FixedSampler(**shape).sample(ClassPool(dataset, "test"), count)


def results(*arguments: object, **options: int) -> list[tuple[dict, list[int]]]:
    return [(one.record, one.predicted) for one in evaluate(*arguments, **options)]


def accuracies(method: Method, dataset: OpenDataset, episodes: EpisodeSet) -> list[float]:
    return [record["accuracy"] for record, _ in results(method, dataset, episodes)]


def test_the_accuracy_is_that_of_a_slow_loop(make_dataset: Callable[..., OpenDataset]) -> None:
    dataset = make_dataset(noise=250)
    episodes = draw(dataset, shot=2)
    pixels = np.asarray(dataset.pixels).reshape(len(dataset.labels), -1).astype(float)
    expected = []
    for episode in episodes:
        right = 0
        for image, slot in zip(episode.query, episode.query_labels, strict=True):
            distances = []
            for k in range(5):
                members = [i for i in episode.support if dataset.labels[i] == episode.classes[k]]
                distances.append(((pixels[image] - pixels[members].mean(0)) ** 2).sum())
            right += int(np.argmin(distances)) == slot
        expected.append(right / len(episode.query))
    assert accuracies(NearestMean(), dataset, episodes) == expected
    assert 0.2 < np.mean(expected) < 1


@pytest.mark.parametrize(
    ("drawn_by", "differs"), [(FixedSampler(), False), (MetaDatasetSampler(), True)]
)
def test_whether_a_varying_way_can_be_validated_tells_runs_apart(
    dataset: OpenDataset, tmp_path: Path, drawn_by: Sampler, differs: bool
) -> None:
    episodes = drawn_by.sample(ClassPool(dataset, "test"), 30)

    def place(sampler: Sampler | None) -> Path:
        settings = Settings(sampler=sampler)
        return make_job(NearestMean(), dataset, episodes, Store(tmp_path), settings).run.path

    assert (place(drawn_by) != place(None)) == differs
    assert place(FixedSampler(way=2)) == place(None)


def test_a_method_meets_neither_query_labels_nor_class_order(dataset: OpenDataset) -> None:
    met: list[tuple[Support, Images]] = []

    class Spy(NearestMean):
        def adapt(self, support: Support) -> Classifier:
            answer = super().adapt(support)

            def classify(images: Images) -> object:
                met.append((support, images))
                return answer(images)

            return classify

    episodes = draw(dataset, 200)
    accuracies(Spy(), dataset, episodes)
    slots, ids = [], []
    for support, images in met:
        assert not [name for name in vars(images) if "label" in name]
        with pytest.raises(MethodError, match="uses_class_names"):
            _ = support.class_names
        slots += support.labels.tolist()
        ids += support.images.ids.tolist()
    private = np.argsort(dataset.public_ids)
    classes = dataset.labels[private[ids]]
    assert abs(np.corrcoef(slots, classes)[0, 1]) < 0.1
    assert abs(np.corrcoef(ids, classes)[0, 1]) < 0.1


def test_changing_the_support_or_images_given_harms_nobody(dataset: OpenDataset) -> None:
    class Vandal(NearestMean):
        def adapt(self, support: Support) -> Classifier:
            answer = super().adapt(support)
            support.images.array[:] = 0
            support.labels[:] = 0
            return answer

    episodes = draw(dataset)
    before = episodes.sha256
    honest = accuracies(NearestMean(), dataset, episodes)
    assert accuracies(Vandal(), dataset, episodes) == honest
    del episodes.__dict__["sha256"]
    assert episodes.sha256 == before
    assert accuracies(NearestMean(), dataset, episodes) == honest


def test_random_methods_depend_on_the_episode_and_seed_alone(dataset: OpenDataset) -> None:
    episodes = draw(dataset)
    whole = list(results(Stochastic(), dataset, episodes))
    tail = list(results(Stochastic(), dataset, episodes, first=20))
    assert whole[20:] == tail
    other = list(results(Stochastic(), dataset, episodes, seed=1))
    assert whole != other


def test_adapting_many_at_once_changes_no_number(dataset: OpenDataset) -> None:
    sizes: list[int] = []

    class Batched(NearestMean):
        def adapt_many(self, supports: Sequence[Support]) -> list[Classifier]:
            sizes.append(len(supports))
            return [self.adapt(support) for support in supports]

    episodes = draw(dataset, 70)
    assert accuracies(Batched(), dataset, episodes) == accuracies(NearestMean(), dataset, episodes)
    assert sizes == [32, 32, 6]


def test_what_is_adapted_together_does_not_depend_on_where_a_run_goes_on(
    dataset: OpenDataset,
) -> None:
    class Noisy(Stochastic):
        def adapt_many(self, supports: Sequence[Support]) -> list[Classifier]:
            return [self.adapt(support) for support in supports]

    episodes = draw(dataset, 70)
    whole = list(results(Noisy(), dataset, episodes))
    for first in (1, 31, 32, 45, 69):
        assert list(results(Noisy(), dataset, episodes, first=first)) == whole[first:]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda n, way: np.zeros((n, way + 1)), r"shape \[75, 6\] in place of \[75, 5\]"),
        (lambda n, way: np.zeros(n), r"shape \[75\]"),
        (lambda n, way: np.full((n, way), np.nan), "NaN"),
        (lambda n, way: np.zeros((n, way), int), "int64 in place of floats"),
        (lambda n, way: None, "shape"),
    ],
)
def test_a_wrong_answer_ends_the_outcome_with_a_reason(
    dataset: OpenDataset, tmp_path: Path, answer: Callable[..., object], complaint: str
) -> None:
    class Wrong(Method):
        name = "wrong"

        def adapt(self, support: Support) -> Classifier:
            return lambda images: answer(len(images), support.n_way)

    outcome = run_job(Wrong(), dataset, draw(dataset), Store(tmp_path))
    assert outcome.status == "failed"
    with pytest.raises(MethodError, match=complaint):
        raise MethodError(outcome.reason)


def test_a_crash_keeps_what_was_scored_and_the_next_run_continues(
    dataset: OpenDataset, tmp_path: Path
) -> None:
    class Fragile(NearestMean):
        adapted = 0
        healthy = False

        def adapt(self, support: Support) -> Classifier:
            type(self).adapted += 1
            if self.adapted == 13 and not self.healthy:
                raise RuntimeError("the thirteenth")
            return super().adapt(support)

    store, episodes = Store(tmp_path), draw(dataset)
    failed = run_job(Fragile(), dataset, episodes, store)
    assert (failed.status, failed.reason) == ("failed", "RuntimeError: the thirteenth")
    assert failed.run is not None
    assert failed.run.scored() == 12
    assert "the thirteenth" in (failed.run.path / "error.txt").read_text()

    Fragile.adapted, Fragile.healthy = 0, True
    repaired = run_job(Fragile(), dataset, episodes, store)
    assert repaired.status == "finished"
    assert repaired.run is not None
    assert Fragile.adapted == 18
    assert not (repaired.run.path / "error.txt").exists()
    stored = [float(row["accuracy"]) for row in repaired.run.records()]
    assert stored == accuracies(NearestMean(), dataset, episodes)


def test_a_finished_run_is_not_run_again(dataset: OpenDataset, tmp_path: Path) -> None:
    class Counted(NearestMean):
        trainings = 0

        def train(self, source: object) -> None:
            type(self).trainings += 1

    store = Store(tmp_path)
    for count in (20, 20, 10):
        outcome = run_job(Counted(), dataset, draw(dataset, count), store)
        assert outcome.status == "finished"
    assert Counted.trainings == 1
    longer = run_job(Counted(), dataset, draw(dataset, 40), store)
    assert longer.run is not None
    assert len(longer.run.records()) == 40
    assert longer.run.manifest["episodes"]["count"] == 40
    assert longer.run.manifest["episodes"]["sha256"] == draw(dataset, 40).sha256


def test_the_manifest_tells_the_rows_and_the_images(dataset: OpenDataset, tmp_path: Path) -> None:
    run = run_job(NearestMean(), dataset, draw(dataset, 4), Store(tmp_path)).run
    assert run is not None
    rows = (run.path / "episodes.csv").read_bytes()
    assert run.manifest["episodes"] == {
        "count": 4,
        "sha256": draw(dataset, 4).sha256,
        "sampler": None,
        "records_sha256": hashlib.sha256(rows).hexdigest(),
        "answers_sha256": run.answers.sha256(),
        "way": 5,
        "shot": 1,
        "query": 15,
        "disjoint": False,
        "standard": True,
        "images_drawn": 4 * 5 * 16,
        "images_available": 8 * 20,
    }


def test_a_run_with_more_episodes_tells_what_holds_for_all_of_them(
    dataset: OpenDataset, tmp_path: Path
) -> None:
    """One episode has no image twice, and its shot does not vary."""
    store, origin = Store(tmp_path), draw(dataset, 1).origin
    given = [draw(dataset, 1, way=4)[0], draw(dataset, 1, way=4, shot=2)[0]]
    facts = []
    for count in (1, 2, 1):
        episodes = EpisodeSet.from_episodes(given[:count], dataset="toy-0", **origin)
        outcome = run_job(NearestMean(), dataset, episodes, store)
        assert outcome.run is not None
        facts.append(outcome.run.manifest["episodes"])
    one, both, again = (
        [each[name] for name in ("count", "way", "shot", "query", "disjoint", "standard")]
        for each in facts
    )
    assert one == [1, 4, 1, 15, True, False]
    assert both == again == [2, 4, None, 15, False, False]


def test_the_hash_is_that_of_the_rows_that_count(dataset: OpenDataset, tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = run_job(NearestMean(), dataset, draw(dataset, 30), store).run
    assert run is not None
    run.update(status="running")
    fewer = run_job(NearestMean(), dataset, draw(dataset, 7), store).run
    assert fewer is not None
    lines = (run.path / "episodes.csv").read_bytes().splitlines(keepends=True)
    assert len(lines) == 31
    expected = hashlib.sha256(b"".join(lines[:8])).hexdigest()
    assert fewer.manifest["episodes"]["records_sha256"] == expected


def test_a_manifest_from_before_these_facts_still_counts(
    dataset: OpenDataset, tmp_path: Path
) -> None:
    store, episodes = Store(tmp_path), draw(dataset, 5)
    run = run_job(NearestMean(), dataset, episodes, store).run
    assert run is not None
    run.update(episodes={"count": 5, "sha256": episodes.sha256})
    before = (run.path / "manifest.json").read_bytes()
    again = run_job(NearestMean(), dataset, episodes, store)
    assert again.status == "finished"
    assert (run.path / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("counts", [(25,), (7, 25), (3, 12, 20, 25)])
def test_the_predictions_of_the_first_episodes_are_kept(
    dataset: OpenDataset, tmp_path: Path, counts: tuple[int, ...]
) -> None:
    for count in counts:
        outcome = run_job(NearestMean(), dataset, draw(dataset, count), Store(tmp_path))
        assert outcome.status == "finished"
    assert outcome.run is not None
    with (outcome.run.path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["episode"] for row in rows] == [str(number) for number in range(20)]
    for row, episode, record in zip(rows, draw(dataset, 20), outcome.run.records(20), strict=True):
        found = {name: np.array(row[name].split(), int) for name in list(row)[1:]}
        for name in ("support", "support_labels", "query", "query_labels"):
            np.testing.assert_array_equal(found[name], getattr(episode, name))
        correct = (found["predicted"] == episode.query_labels).sum()
        assert correct == int(record["correct"])


def test_an_outcome_holds_a_prediction_for_each_query(dataset: OpenDataset) -> None:
    episodes = draw(dataset, 3)
    for episode, (record, predicted) in zip(
        episodes, results(NearestMean(), dataset, episodes), strict=True
    ):
        assert len(predicted) == record["n_query"]
        assert (np.array(predicted) == episode.query_labels).sum() == record["correct"]


def test_what_changes_the_number_changes_the_run(
    make_dataset: Callable[..., OpenDataset], tmp_path: Path
) -> None:
    dataset, store = make_dataset(), Store(tmp_path)

    def path(method: Method, episodes: EpisodeSet, settings: Settings) -> Path:
        run = run_job(method, dataset, episodes, store, settings).run
        assert run is not None
        return run.path

    paths = [
        path(NearestMean(), draw(dataset, 2), Settings()),
        path(NearestMean(), draw(dataset, 2), Settings(seed=1)),
        path(NearestMean(breaks_at=5), draw(dataset, 2), Settings()),
        path(NearestMean(), draw(dataset, 2, shot=2), Settings()),
        path(
            NearestMean(), FixedSampler().sample(ClassPool(dataset, "test"), 2, seed=1), Settings()
        ),
    ]
    assert len(set(paths)) == len(paths)
    dataset.splits["train"] = dataset.splits["train"][:-1]
    assert path(NearestMean(), draw(dataset, 2), Settings()) not in paths


def test_a_task_tells_what_is_constant(dataset: OpenDataset) -> None:
    task = task_of(Problem.of(dataset), draw(dataset, 3, way=4, shot=2, query=7))
    assert task == Task("toy-0", "4way-2shot-7query", (16, 16, 1), 4, 2, 7)
    mixed = EpisodeSet.from_episodes(
        [draw(dataset, 1, way=4)[0], draw(dataset, 1, way=3, shot=2)[0]],
        dataset="toy-0",
        fingerprint=dataset.fingerprint,
        split="test",
        protocol="mixed",
    )
    task = task_of(Problem.of(dataset), mixed)
    assert (task.n_way, task.n_shot, task.n_query) == (None, None, 15)


def test_a_task_tells_whether_classes_have_names(dataset: OpenDataset) -> None:
    nameless = replace(dataset, names_are_words=False)
    assert task_of(Problem.of(dataset), draw(dataset, 3)).has_class_names
    assert not task_of(Problem.of(nameless), draw(dataset, 3)).has_class_names


def test_a_method_without_class_names_skips_zero_shot(dataset: OpenDataset, tmp_path: Path) -> None:
    outcome = run_job(NearestMean(), dataset, draw(dataset, 3, shot=0), Store(tmp_path))
    assert outcome.status == "skipped"
    assert "0-shot" in outcome.reason
    assert not list(tmp_path.iterdir())


def test_zero_shot_hands_over_the_names_by_slot(dataset: OpenDataset, tmp_path: Path) -> None:
    class NameReader(Method):
        name = "name_reader"
        uses_class_names = True
        names: list[tuple[str, ...]] = []

        def adapt(self, support: Support) -> Classifier:
            assert len(support.images) == len(support.labels) == 0
            self.names.append(support.class_names)
            return lambda images: torch.zeros(len(images), support.n_way)

    episodes = draw(dataset, 3, shot=0)
    outcome = run_job(NameReader(), dataset, episodes, Store(tmp_path))
    assert outcome.status == "finished"
    expected = [tuple(dataset.class_names[c] for c in episode.classes) for episode in episodes]
    assert NameReader.names == expected


def test_further_metrics_are_further_columns(
    dataset: OpenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = {"error": lambda scores, labels: (scores.argmax(1) != labels).mean()}
    monkeypatch.setattr(loading, "find", lambda hook, kind, name: metrics[name])
    settings = Settings(metrics=("error",))
    run = run_job(NearestMean(), dataset, draw(dataset, 3), Store(tmp_path), settings).run
    assert run is not None
    rows = run.records()
    assert list(rows[0]) == [
        "episode", "n_way", "n_query", "correct", "accuracy", "classes", "error"
    ]  # fmt: skip
    for row in rows:
        assert float(row["error"]) == pytest.approx(1 - float(row["accuracy"]))
        assert float(row["accuracy"]) == int(row["correct"]) / int(row["n_query"])


def test_a_run_that_another_process_is_writing_is_left_alone(
    dataset: OpenDataset, tmp_path: Path
) -> None:
    store, episodes = Store(tmp_path), draw(dataset)
    run = run_job(NearestMean(), dataset, episodes, store).run
    assert run is not None
    run.update(status="running")
    before = {file.name: file.read_bytes() for file in run.path.iterdir()}
    with run.locked():
        outcome = run_job(NearestMean(), dataset, episodes, store)
    assert outcome.status == "failed"
    assert "another process is running it" in outcome.reason
    assert {file.name: file.read_bytes() for file in run.path.iterdir()} == before


def test_observers_hear_of_the_end_when_the_outcome_is_known(
    dataset: OpenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sick(Method):
        name = "sick"

        def train(self, source: object) -> None:
            raise RuntimeError("no")

    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(
        loading, "observer", lambda hook: lambda run, **_: heard.append((hook, run.status))
    )
    run_job(Sick(), dataset, draw(dataset, 2), Store(tmp_path))
    run_job(NearestMean(), dataset, draw(dataset, 2), Store(tmp_path))
    assert heard == [
        ("run_started", "running"),
        ("run_finished", "failed"),
        ("run_started", "running"),
        ("episode_scored", "running"),
        ("episode_scored", "running"),
        ("run_finished", "finished"),
    ]


@dataclass(eq=False)
class Elsewhere(Backbone):
    """One weight, trained on the data sets given."""

    name: ClassVar[str] = "elsewhere"
    pretrained_on: tuple[str, ...] = ()

    def build(self) -> None:
        self.weight = torch.nn.Parameter(torch.ones(1))


def test_the_manifest_says_what_any_backbone_has_seen(dataset: OpenDataset, tmp_path: Path) -> None:
    class Ensemble(NearestMean):
        name = "ensemble"
        pretrained_on = ("own",)

        def train(self, source: TrainingSource) -> None:
            def backbone(*seen: str) -> Backbone:
                return Elsewhere(seen, image_shape=source.image_shape)

            self.encoder = backbone("a", "own")
            inner = torch.nn.Sequential(torch.nn.Linear(1, 1), backbone("b"))
            self.others = torch.nn.ModuleDict({"inner": inner, "random": backbone()})

    def described(method: Method) -> dict[str, object]:
        outcome = run_job(method, dataset, draw(dataset), Store(tmp_path))
        assert outcome.status == "finished", outcome.reason
        return outcome.run.manifest

    assert described(Ensemble())["method"]["pretrained_on"] == ["own", "a", "b"]
    assert described(Ensemble())["parameters"] == 5
    assert described(NearestMean())["method"]["pretrained_on"] == []


def test_a_number_that_varies_over_the_classes_of_an_episode_is_none(dataset: OpenDataset) -> None:
    episode = Episode(
        classes=np.array([0, 1]),
        support=np.array([0, 1, 2, 20]),
        support_labels=np.array([0, 0, 0, 1]),
        query=np.array([3, 21]),
        query_labels=np.array([0, 1]),
    )
    uneven = EpisodeSet.from_episodes(
        [episode], dataset="toy-0", fingerprint="", split="test", protocol="uneven"
    )
    task = task_of(Problem.of(dataset), uneven)
    assert (task.n_way, task.n_shot, task.n_query) == (2, None, 1)


def test_methods_learn_from_the_problems_training_data(
    dataset: OpenDataset, make_dataset: Callable[..., OpenDataset], tmp_path: Path
) -> None:
    class Pupil(NearestMean):
        learned: list[int] = []

        def train(self, source: TrainingSource) -> None:
            self.learned.append(source.n_classes)

    elsewhere = make_dataset(classes=(7, 3, 0), seed=1)
    problem = Problem(dataset, elsewhere, "both[test_source=toy]", "both", "toy")
    job = Job(Participant(Pupil()), problem, draw(dataset, 3), Store(tmp_path), Settings())
    assert job.execute().status == "finished"
    assert Pupil.learned == [7]
    assert job.run.path.relative_to(tmp_path).parts[:2] == ("both", "toy")


def test_a_run_that_begins_is_logged_and_one_that_is_read_is_not(
    make_dataset: Callable[..., OpenDataset], tmp_path: Path
) -> None:
    dataset, store = make_dataset(), Store(tmp_path)
    episodes = draw(dataset, 3)
    for _ in range(2):
        run_job(NearestMean(), dataset, episodes, store)
    (line,) = StartLog(tmp_path).lines()
    assert line["method"] == "nearest_mean"
    run_job(NearestMean(), dataset, episodes, store, Settings(seed=1))
    assert [line["seed"] for line in StartLog(tmp_path).lines()] == [0, 1]


def test_a_run_that_began_without_protection_stays_unprotected(
    make_dataset: Callable[..., OpenDataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if a process of its own adds episodes, or ends what was interrupted."""
    dataset, store = make_dataset(), Store(tmp_path)
    broken = run_job(NearestMean(breaks_at=2), dataset, draw(dataset, 4), store).run
    assert broken.manifest["protection"]["protected"] is False
    run = run_job(NearestMean(), dataset, draw(dataset, 3), store).run
    monkeypatch.setattr(Participant, "protection", {"engine": "worker", "protected": True})
    tried = Measured(None, [], ["/labels"], [])
    monkeypatch.setattr(Participant, "measured", lambda self: tried)
    other = run_job(NearestMean(), dataset, draw(dataset, 4), store, Settings(seed=1)).run
    assert other.manifest["protection"]["protected"] is True
    run_job(NearestMean(), dataset, draw(dataset, 4), store)
    extended = RunDirectory(run.path).manifest
    assert extended["episodes"]["count"] == 4
    assert extended["protection"] == {
        "engine": "inline",
        "protected": False,
        "files_tried": ["/labels"],
        "settings_changed": [],
    }
