from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from benchbench.datasets.base import OpenDataset
from benchbench.learners.episodic import Recipe
from benchbench.learners.metric import MetricMethod, class_means
from benchbench.method import Images, Support, Task
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource


@dataclass
class Dot(MetricMethod):
    """Inner products with class means."""

    name = "dot"
    backbone: str = "conv4[width=4]"

    def published(self, task: Task) -> Recipe:
        return {"way": 3, "shot": task.n_shot, "query": 2, "steps": 4, "lr": 0.1, "patience": 1}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        return query_features @ class_means(support_features, support).T


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


@pytest.mark.parametrize(
    ("budget", "way", "shot", "query", "steps"),
    [("7", 12, 1, 5, 7), ("smoke", 12, 1, 5, 6), ("paper", 3, 4, 2, 4)],
)
def test_only_the_paper_budget_takes_the_papers_recipe(
    dataset: OpenDataset, budget: str, way: int, shot: int, query: int, steps: int
) -> None:
    method = Dot()
    task = Task(dataset.name, "test", dataset.image_shape, 5, 4, 15)
    source = TrainingSource(dataset, method, task, Budget.parse(budget))
    shapes = []
    whole = method.loss
    method.loss = lambda episode: (  # type: ignore[method-assign]
        shapes.append((episode.support.n_way, len(episode.support.images), len(episode.query)))
        or whole(episode)
    )
    method.train(source)
    assert set(shapes) == {(way, way * shot, way * query)}
    assert source.records[0].steps <= steps
    assert len(shapes) == source.records[0].steps
    assert method.encoder.frozen


def test_what_a_subclass_forgot_is_named() -> None:
    method = MetricMethod()
    with pytest.raises(NotImplementedError, match="MetricMethod has no scores"):
        method.scores(torch.ones(1, 1), torch.ones(1, 1), None)  # type: ignore[arg-type]
