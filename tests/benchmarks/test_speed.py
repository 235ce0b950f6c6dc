"""Speed, measured by pytest-benchmark (`tox -e speed`) and never asserted."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from benchbench_plugins.knn import KNN
from benchbench_plugins.protonet import ProtoNet
from support.runs import draw_classes, noisy_correct, write_run

from benchbench.augmentations import create_augmentation
from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.datasets.problem import Problem
from benchbench.evaluation.participant import evaluate
from benchbench.evaluation.task import task_of
from benchbench.images import Images
from benchbench.learners.consistency import STRONG_VIEWS
from benchbench.learners.pretraining import COLOUR_VIEWS, DRAWING_VIEWS
from benchbench.method import Method
from benchbench.results.leaderboard import collect
from benchbench.runs.store import Store
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.system.compute import configure
from benchbench.system.places import Places
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource

Benchmark = Callable[..., Any]


@pytest.fixture(scope="module")
def glyphs(cache: Path) -> OpenDataset:
    return open_dataset("glyphs", Places(cache, cache))


def trained(method: Method, dataset: OpenDataset, fast: bool = True) -> TrainingSource:
    episodes = FixedSampler().sample(ClassPool(dataset, "test"), 2)
    task = task_of(Problem.of(dataset), episodes)
    compute = configure("cpu", fast=fast)
    source = TrainingSource(dataset, method, task, Budget.parse("1"), compute=compute)
    method.train(source)
    return source


@pytest.mark.parametrize(("way", "shot"), [(5, 1), (20, 5)])
def test_draw_ten_thousand_episodes(benchmark, glyphs, way, shot) -> None:
    pool = ClassPool(glyphs, "test")
    drawn = benchmark(FixedSampler(way, shot, 15).sample, pool, 10_000)
    assert len(drawn) == 10_000


@pytest.mark.parametrize("method", [KNN(), ProtoNet()], ids=lambda method: method.name)
def test_evaluate_600_episodes(benchmark: Benchmark, glyphs: OpenDataset, method: Method) -> None:
    trained(method, glyphs)
    episodes = FixedSampler().sample(ClassPool(glyphs, "test"), 600)

    def run() -> int:
        return len(list(evaluate(method, glyphs, episodes)))

    assert benchmark(run) == 600


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "no-fast"])
def test_training_step(benchmark: Benchmark, glyphs: OpenDataset, fast: bool) -> None:
    method = ProtoNet()
    source = trained(method, glyphs, fast)
    method.encoder.train().requires_grad_(True)
    stream = source.episodes(60, 1, 5)

    def step() -> float:
        with source.compute.autocast():
            loss = method.loss(stream[0])
        loss.backward()
        return float(loss.detach())

    assert np.isfinite(benchmark(step))


@pytest.mark.parametrize(
    ("views", "channels"), [(COLOUR_VIEWS, 3), (DRAWING_VIEWS, 1), (STRONG_VIEWS, 3)]
)
def test_augmented_step_of_conv4(benchmark: Benchmark, views: str, channels: int) -> None:
    """128 images of 32 pixels; `extra_info` has the part of the time that their changes take."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (128, 32, 32, channels), dtype=np.uint8)
    augment, encoder = create_augmentation(views), create_backbone("conv4", images.shape[1:])
    encoder.train()
    seconds: list[float] = []

    def step() -> float:
        started = perf_counter()
        changed = augment(images, rng)
        seconds.append(perf_counter() - started)
        loss = encoder.embed(encoder.prepare(changed)).square().mean()
        loss.backward()
        return float(loss.detach())

    assert np.isfinite(benchmark(step))
    if benchmark.stats is not None:
        share = float(np.median(seconds)) / benchmark.stats.stats.median
        benchmark.extra_info["share of the augmentation"] = round(share, 3)


def test_embed_the_test_split(benchmark: Benchmark, glyphs: OpenDataset) -> None:
    from benchbench.backbones import feature_cache

    method = ProtoNet()
    trained(method, glyphs)
    view = glyphs.view("test")

    def embed() -> int:
        feature_cache._tables.clear()
        return len(method.encoder(Images(view, view.rows)))

    assert benchmark(embed) == len(view.rows)


def test_tabulate_a_thousand_runs(benchmark: Benchmark, tmp_path: Path) -> None:
    """Two hundred methods of five seeds each, 600 episodes a run, with ranks by paired tests."""
    classes = draw_classes(600)
    for number in range(1000):
        rate, seed = divmod(number, 5)
        correct = noisy_correct(0.6 + rate / 1000, 600, number)
        write_run(tmp_path, f"toy[rate={rate}]", correct, classes=classes, seed=seed)
    frame = benchmark.pedantic(lambda: collect(Store(tmp_path).runs()), rounds=3)
    assert (len(frame), frame["seeds"].sum()) == (200, 1000)
