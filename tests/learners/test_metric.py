from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from support.learning import make_source
from support.pictures import random_images, random_support
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.images import Images
from benchbench.learners import metric
from benchbench.learners.episodic import TASK_NORM, Recipe
from benchbench.learners.metric import MetricMethod, class_means, smoothed_cross_entropy
from benchbench.learners.normalisation import BatchMoments, BatchNormBy, TaskNorm
from benchbench.method import Support, Task
from benchbench.training.budget import Budget


def test_a_class_mean_is_that_of_its_support() -> None:
    features = torch.tensor([[0.0, 2.0], [4.0, 0.0], [2.0, 4.0]])
    images = Images.from_array(np.zeros((3, 1, 1, 1), np.uint8))
    support = Support(images, torch.tensor([1, 0, 1]), 2, "toy")
    torch.testing.assert_close(
        class_means(features, support), torch.tensor([[4.0, 0.0], [1.0, 3.0]])
    )


def test_the_mean_of_a_class_without_support_is_zero() -> None:
    images = Images.from_array(np.zeros((1, 1, 1, 1), np.uint8))
    support = Support(images, torch.tensor([1]), 3, "toy")
    means = class_means(torch.tensor([[5.0, 7.0]]), support)
    torch.testing.assert_close(means, torch.tensor([[0.0, 0.0], [5.0, 7.0], [0.0, 0.0]]))


def test_what_a_subclass_forgot_is_named() -> None:
    method = MetricMethod()
    with pytest.raises(NotImplementedError, match="MetricMethod has no scores"):
        method.scores(torch.ones(1, 1), torch.ones(1, 1), None)  # type: ignore[arg-type]


@dataclass
class Nearest(MetricMethod):
    """The nearest class mean, under any batch norm, with a loss that is simple to compute."""

    name = "nearest"
    backbone: str = "conv4[width=4]"
    bn: BatchNormBy = "running"

    def published(self, task: Task) -> Recipe:
        return {"way": 4, "shot": 2, "query": 3, "steps": 1, "tasks": 2}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        means = class_means(support_features, support)
        return -(query_features[:, None] - means).square().sum(2)


class SquaredError(Nearest):
    """RelationNet's criterion, and a term for the sizes of features by class."""

    def criterion(self, scores: Tensor, labels: Tensor, support: Support) -> Tensor:
        return (scores - torch.eye(support.n_way)[labels]).square().mean()

    def further_loss(self, query_features, labels, support_features, support) -> Tensor:
        return (query_features.sum(1) * labels).sum() + support_features.sum()


def untrained(cls: type[Nearest] = Nearest, **parameters: str) -> Nearest:
    method = cls(**parameters)
    encoder = create_backbone("conv4[width=4]", (16, 16, 1)).freeze()
    method.network = nn.ModuleDict({"encoder": encoder, TASK_NORM: TaskNorm(encoder)})
    method.network.eval().requires_grad_(False)
    return method


def test_a_criterion_and_a_further_loss_are_added(dataset: OpenDataset) -> None:
    method = untrained(SquaredError)
    episode = make_source(dataset, method).episodes(3, 2, 2)[0]
    known, asked = episode.split(method.encoder(episode.images))
    scores, labels = method.scores(asked, known, episode.support), episode.query_labels
    expected = (scores - nn.functional.one_hot(labels, 3)).square().sum() / scores.numel()
    expected = expected + (asked.sum(1) * labels).sum() + known.sum()
    torch.testing.assert_close(method.loss(episode), expected)


@pytest.mark.parametrize("bn", ["running", "support"])
def test_the_loss_of_a_group_is_the_mean_over_its_episodes(dataset: OpenDataset, bn: str) -> None:
    method = untrained(bn=bn)
    group = make_source(dataset, method).episodes(3, 2, 2).grouped(3)[0]
    each = torch.stack([method.loss(episode) for episode in group])
    torch.testing.assert_close(method.losses(group), each)
    torch.testing.assert_close(method.loss(group), each.mean())
    assert len(set(each.tolist())) == 3


def test_smoothing_spreads_over_the_other_classes() -> None:
    scores = torch.tensor([[2.0, 0.0, -1.0]])
    log_p = scores.log_softmax(1)[0]
    expected = -(0.9 * log_p[1] + 0.05 * (log_p[0] + log_p[2]))
    torch.testing.assert_close(smoothed_cross_entropy(scores, torch.tensor([1]), 0.1), expected)


@pytest.mark.parametrize("bn", ["running", "support", "task", "transductive"])
def test_only_transductive_features_depend_on_the_other_queries(bn: str) -> None:
    method, queries = untrained(bn=bn), random_images(6, seed=1).array
    classify = method.adapt(random_support())
    together = classify(Images.from_array(queries))
    alone = torch.cat([classify(Images.from_array(queries[i : i + 2])) for i in (0, 2, 4)])
    assert torch.allclose(together, alone, atol=1e-4) == (bn != "transductive")
    assert method.transductive == (bn == "transductive")
    assert not together.requires_grad
    other = method.adapt(random_support(seed=3))
    with BatchMoments(6):
        assert together.shape == other(Images.from_array(queries)).shape == (6, 3)


@pytest.mark.parametrize("bn", ["running", "transductive"])
def test_many_queries_are_scored_in_blocks(monkeypatch: pytest.MonkeyPatch, bn: str) -> None:
    class Counting(Nearest):
        def scores(self, query_features: Tensor, *of: Any) -> Tensor:
            counts.append(len(query_features))
            return super().scores(query_features, *of)

    method, queries, counts = untrained(Counting, bn=bn), random_images(7, seed=1), []
    classify = method.adapt(random_support())
    expected = classify(queries)
    monkeypatch.setattr(metric, "SCORED_TOGETHER", 3)
    torch.testing.assert_close(classify(queries), expected)
    assert counts == ([7, 7] if method.transductive else [7, 3, 3, 1])


@pytest.mark.parametrize("bn", ["support", "task"])
def test_moments_of_the_support_are_those_of_its_features(bn: str) -> None:
    method, support, queries = untrained(bn=bn), random_support(), random_images(4, seed=1)
    asked, known = method.embed(support, queries)
    with method.moments():
        alone = method.encoder.embed(method.encoder.prepare(support.images.array))
    torch.testing.assert_close(known, alone, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(asked, method.encoder(queries), atol=1e-2)


def test_a_subclass_may_embed_as_it_likes(dataset: OpenDataset) -> None:
    class Constant(Nearest):
        def embed(self, support: Support, query: Images) -> tuple[Tensor, Tensor]:
            return torch.ones(len(query), 2), torch.ones(len(support.images), 2)

    method = untrained(Constant)
    assert method.adapt(random_support())(random_images(2)).tolist() == [[0, 0, 0]] * 2
    episode = make_source(dataset, method).episodes(3, 2, 2)[0]
    torch.testing.assert_close(method.loss(episode), torch.tensor(3.0).log())


def test_task_norm_learns_its_shares(dataset: OpenDataset) -> None:
    method = Nearest(bn="task")
    method.train(make_source(dataset, method, budget=Budget("paper")))
    shares: TaskNorm = method.network[TASK_NORM]
    assert (shares.offset != 0).all()
    assert shares.scale.shape == (4,)
    assert TASK_NORM not in untrained_network(dataset)


def untrained_network(dataset: OpenDataset) -> nn.ModuleDict:
    method = Nearest("pixels")
    method.train(make_source(dataset, method, budget=Budget("smoke")))
    return method.network
