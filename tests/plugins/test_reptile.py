from typing import Any

import pytest
import torch
from benchbench_plugins.reptile import Reptile
from support.learning import make_source
from support.pictures import SMALL, random_images, random_support
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.images import Images
from benchbench.learners.gradient import InnerLoop
from benchbench.learners.inner_adam import minibatches
from benchbench.learners.normalisation import BatchMoments
from benchbench.method import Task
from benchbench.training.budget import Budget

TINY = "conv4[width=4]"


def ready(**parameters: Any) -> Reptile:
    """A method as it is after training, but for its weights."""
    method = Reptile(TINY, **parameters)
    method.settle(InnerLoop(3, 2, 0.01))
    method.batches, method.n_slots = (4, 10**6), 3
    encoder = create_backbone(TINY, SMALL).freeze()
    torch.manual_seed(0)
    method.network = nn.ModuleDict({"encoder": encoder})
    task = Task("toy", "test", SMALL, 3, 2, 15)
    method.network.update(method.extra_modules(encoder.feature_size, task))
    method.network.eval().requires_grad_(False)
    return method


def test_training_goes_to_the_mean_end_and_keeps_the_second_moments(dataset: OpenDataset) -> None:
    method = ready()
    group = make_source(dataset, method).episodes(3, 2, 1).grouped(2)[0]
    method.network.train().requires_grad_(True)
    state, ends = method.moments_of_adam.read(), []
    for episode in group:
        pixels = method.encoder.prepare(episode.images.array)
        labels = torch.cat([episode.support.labels, episode.query_labels])
        places = minibatches(9, 4, 3, episode.support.seed)
        ends.append(method.learned(state, pixels, labels, 3, places))
    method.loss(group).backward()
    optimizer = torch.optim.SGD(method.network.parameters(), lr=1.0)
    optimizer.step()
    for name, tensor in method.weights().items():
        mean = (ends[0][name] + ends[1][name]) / 2
        torch.testing.assert_close(tensor.detach(), mean, rtol=1e-4, atol=1e-5)
    assert method.moments_of_adam.steps == 6  # 3 of each task, one after the other
    kept = method.moments_of_adam.read()
    assert all(torch.equal(kept[name], tensor) for name, tensor in state.items())


def test_a_test_begins_with_the_trained_moments_and_leaves_them() -> None:
    method, support, queries = ready(), random_support(), random_images(4, seed=1)
    before = method.adapt(support)(queries)
    for tensor in method.moments_of_adam.buffers():
        tensor.fill_(100.0)
    after, again = (method.adapt(support)(queries) for _ in range(2))
    assert not torch.allclose(before, after, atol=1e-3)
    assert torch.equal(after, again)
    assert method.moments_of_adam.steps == 100


def test_each_query_is_normalised_with_the_support_and_no_other() -> None:
    method, support, queries = ready(), random_support(), random_images(5, seed=1)
    known, asked = (method.encoder.prepare(each.array) for each in (support.images, queries))
    with BatchMoments():
        expected = [
            method.logits(method.weights(), torch.cat([known, one[None]]))[-1] for one in asked
        ]
    found = method.query_logits(method.weights(), known, asked)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bn", ["each", "support", "transductive"])
def test_only_the_transductive_protocol_depends_on_the_other_queries(bn: Any) -> None:
    method, queries = ready(bn=bn), random_images(6, seed=1).array
    classify = method.adapt(random_support())
    together = classify(Images.from_array(queries))
    halves = torch.cat([classify(Images.from_array(part)) for part in (queries[:3], queries[3:])])
    assert torch.allclose(together, halves, atol=1e-4) == (bn != "transductive")
    assert method.transductive == (bn == "transductive")


def test_fewer_classes_use_the_first_slots() -> None:
    scores = ready().adapt(random_support(way=2))(random_images(3, seed=1))
    assert scores.shape == (3, 2)


def test_it_trains_with_a_rate_that_falls_to_nothing(dataset: OpenDataset) -> None:
    method = Reptile(TINY, test_steps=1)
    source = make_source(dataset, method, budget=Budget("smoke", 2))
    source.validate = lambda: None  # type: ignore[method-assign]
    recipe = method.recipe(source)
    assert [recipe["schedule"](step) for step in range(3)] == [1.0, 0.5, 0.0]
    assert (recipe["lr"], recipe["optimizer"]) == (1.0, torch.optim.SGD)
    method.train(source)
    assert method.moments_of_adam.steps == 2 * 5 * 5


@pytest.mark.parametrize(
    ("name", "way", "inner", "batches"),
    [
        ("omniglot", 5, InnerLoop(5, 50, 1e-3), (10, 5)),
        ("omniglot", 20, InnerLoop(10, 50, 5e-4), (20, 10)),
        ("miniimagenet", 5, InnerLoop(8, 50, 1e-3), (10, 5)),
    ],
)
def test_the_papers_recipe_is_that_of_the_data(name, way, inner, batches) -> None:
    recipe = Reptile().published(Task(name, "test", SMALL, way, 1, 15))
    assert (recipe["inner"], recipe["batches"], recipe["tasks"]) == (inner, batches, 5)
