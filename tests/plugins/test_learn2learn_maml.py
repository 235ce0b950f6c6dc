"""The MAML of learn2learn beside benchbench's own. BENCHBENCH_REQUIRE_LEARN2LEARN makes the absence
of the library a failure; without it, the tests that need the library are skipped."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from benchbench_plugins.learn2learn_maml import Learn2LearnMAML, learn2learn
from benchbench_plugins.maml import FOMAML, MAML
from support.learning import make_source
from torch import Tensor

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.learners.gradient import InnerLoopMethod
from benchbench.method import Support, Task
from benchbench.registry import loading
from benchbench.training.budget import Budget
from benchbench.training.labelled import LabelledEpisode
from benchbench.training.source import TrainingSource

BN = ["support", "running", "transductive"]


@pytest.fixture(scope="module")
def library() -> Any:
    try:
        return learn2learn()
    except BenchbenchError as error:
        if os.environ.get("BENCHBENCH_REQUIRE_LEARN2LEARN"):
            pytest.fail(str(error))
        pytest.skip(str(error))


needs_library = pytest.mark.usefixtures("library")


def trained(
    cls: type[InnerLoopMethod], dataset: OpenDataset, **parameters: Any
) -> tuple[Any, TrainingSource]:
    """A method after one step of training, and what it learned from."""
    method = cls(backbone="conv4[width=8]", **parameters)
    source = make_source(dataset, method, budget=Budget("smoke", 1))
    source.validate = lambda: None  # type: ignore[method-assign]
    method.train(source)
    return method, source


def meta_gradient(method: Any, episodes: list[LabelledEpisode], weights: dict[str, Tensor]) -> Any:
    """The gradient of the loss that `fit` minimises, in double precision, as one vector."""
    network = method.network
    network.load_state_dict(weights)
    network.double().train().requires_grad_(True).zero_grad()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "float", torch.Tensor.double)
        method.loss(episodes).backward()
    return torch.cat([parameter.grad.flatten() for parameter in network.parameters()])


def relative_error(value: Tensor, exact: Tensor) -> float:
    return float((value - exact).norm() / exact.norm())


def gradients(dataset: OpenDataset, first_order: bool, **parameters: Any) -> tuple[Tensor, Tensor]:
    """Ours and theirs, of one meta-batch at the same weights."""
    ours, source = trained(FOMAML if first_order else MAML, dataset, **parameters)
    theirs, _ = trained(Learn2LearnMAML, dataset, first_order=first_order, **parameters)
    episodes = source.episodes(5, 1, 5).grouped(4)[1000]
    weights = {name: tensor.clone() for name, tensor in ours.network.state_dict().items()}
    return meta_gradient(ours, episodes, weights), meta_gradient(theirs, episodes, weights)


@needs_library
@pytest.mark.parametrize("bn", BN)
@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("first_order", [False, True])
def test_one_meta_step_has_the_gradient_of_ours(dataset, first_order, steps, bn) -> None:
    ours, theirs = gradients(dataset, first_order, inner_steps=steps, bn=bn)
    assert ours.dtype == theirs.dtype == torch.float64
    assert ours.norm() > 0.01
    assert relative_error(theirs, ours) < 1e-4


@needs_library
@pytest.mark.parametrize("steps", [1, 5])
def test_the_comparison_tells_the_orders_the_steps_and_the_moments_apart(dataset, steps) -> None:
    ours, _ = gradients(dataset, False, inner_steps=steps, bn="support")
    for other in (
        gradients(dataset, True, inner_steps=steps, bn="support"),
        gradients(dataset, False, inner_steps=steps + 1, bn="support"),
        gradients(dataset, False, inner_steps=steps, bn="transductive"),
    ):
        assert relative_error(other[1], ours) > 1e-2


@needs_library
@pytest.mark.parametrize("bn", BN)
def test_from_equal_weights_it_adapts_as_ours_does(dataset: OpenDataset, bn: str) -> None:
    theirs, source = trained(Learn2LearnMAML, dataset, bn=bn)
    ours, _ = trained(MAML, dataset, bn=bn)
    ours.network.load_state_dict(theirs.network.state_dict())
    episode = source.episodes(5, 1, 5)[0]
    scores = [method.adapt(episode.support)(episode.query) for method in (ours, theirs)]
    torch.testing.assert_close(*scores, rtol=1e-3, atol=1e-3)
    assert theirs.transductive == (bn == "transductive")


@needs_library
@pytest.mark.parametrize("bn", BN)
def test_adaptation_leaves_no_state_behind(dataset: OpenDataset, bn: str) -> None:
    method, source = trained(Learn2LearnMAML, dataset, bn=bn)
    before = {name: tensor.clone() for name, tensor in method.network.state_dict().items()}
    a, b = (source.episodes(5, 1, 5)[step] for step in (0, 1))
    first = method.adapt(a.support)
    scores = first(a.query)
    assert not torch.equal(method.adapt(b.support)(a.query), scores)
    assert torch.equal(method.adapt(a.support)(a.query), scores)
    assert torch.equal(first(a.query), scores)
    assert not scores.requires_grad
    assert all(torch.equal(t, before[name]) for name, t in method.network.state_dict().items())
    assert not any(parameter.requires_grad for parameter in method.network.parameters())


@needs_library
def test_an_episode_of_fewer_classes_uses_the_first_rows_of_the_head(dataset: OpenDataset) -> None:
    method, _ = trained(Learn2LearnMAML, dataset)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1)).astype(np.uint8)
    images = Images.from_array(pixels)
    classify = method.adapt(Support(images, torch.arange(3), 3, "toy"))
    assert classify(images).shape == (3, 3)


@needs_library
@pytest.mark.parametrize("budget", ["smoke", "quick", "paper"])
@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("way", [5, 20])
def test_it_is_trained_as_ours_is(dataset, budget, first_order, way) -> None:
    task = Task(dataset.name, "test", dataset.image_shape, way, 1, 15)
    recipes = []
    for method in ((FOMAML if first_order else MAML)(), Learn2LearnMAML(first_order=first_order)):
        recipe = method.recipe(TrainingSource(dataset, method, task, Budget(budget)))
        recipes.append((recipe, method.inner))
    assert recipes[0] == recipes[1]


@needs_library
def test_it_does_not_apply_where_ours_does_not() -> None:
    for way, shot in ((None, 1), (5, 0)):
        task = Task("toy", "test", (16, 16, 1), way, shot, 15)
        assert Learn2LearnMAML().skip(task) == MAML().skip(task) is not None
    assert Learn2LearnMAML().skip(Task("toy", "test", (16, 16, 1), 5, 1, 15)) is None


@needs_library
def test_it_is_in_one_table_with_ours(tmp_path: Path) -> None:
    parameters = "[backbone=conv4[width=8],test_steps=5,inner_lr=0.5]"
    command = [sys.executable, "-m", "benchbench.cli", "run", "--budget", "smoke", "--no-fast"]
    command += ["--methods", f"maml{parameters},learn2learn_maml{parameters}", "--threads", "1"]
    command += ["--dataset", "glyphs", "--episodes", "20", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "unmaintained" not in done.stderr
    names = [line.split("|")[1].strip() for line in done.stdout.splitlines()[2:]]
    assert names == [f"maml{parameters}", f"learn2learn_maml{parameters}"]
    ours, theirs = (
        pd.read_csv(next(tmp_path.glob(f"glyphs/*/{name}-*/episodes.csv")))
        for name in ("maml", "learn2learn_maml")
    )
    assert ours["classes"].tolist() == theirs["classes"].tolist()
    assert theirs["accuracy"].mean() > 0.35
    assert theirs["accuracy"].mean() == pytest.approx(ours["accuracy"].mean(), abs=0.02)


def test_learned_rates_are_left_to_ours() -> None:
    with pytest.raises(ValueError, match=r"maml\[rates=learned\]"):
        Learn2LearnMAML(rates="learned")


@pytest.mark.parametrize("absent", ["learn2learn", "gym"])
def test_without_the_library_a_sentence_says_how_to_install_it(monkeypatch, absent) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "learn2learn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(BenchbenchError, match=r"benchbench\[learn2learn\].*--no-deps.*==0\.2\.0"):
        Learn2LearnMAML()


def test_it_is_listed_without_the_library() -> None:
    script = (
        "import sys\n"
        "from benchbench.cli.main import main\n"
        "sys.argv = ['benchbench', 'list', 'methods']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'learn2learn', 'gym', 'torch'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "learn2learn_maml" in done.stdout
    assert loading.load("method", "learn2learn_maml") is Learn2LearnMAML
