"""Training on episodes by recipe, seen through a metric method."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from support.learning import make_source
from torch import Tensor

from benchbench.datasets.base import OpenDataset
from benchbench.learners.episodic import EpisodicMethod, Recipe
from benchbench.learners.metric import MetricMethod, class_means
from benchbench.method import Support, Task
from benchbench.training.budget import Budget


@dataclass
class Dot(MetricMethod):
    """Inner products with class means."""

    name = "dot"
    backbone: str = "conv4[width=4]"

    def published(self, task: Task) -> Recipe:
        return {"way": 3, "shot": task.n_shot, "query": 2, "steps": 4, "lr": 0.1, "patience": 1}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        return query_features @ class_means(support_features, support).T


@pytest.mark.parametrize(
    ("budget", "way", "shot", "query", "steps"),
    [("7", 12, 1, 5, 7), ("smoke", 12, 1, 5, 6), ("paper", 3, 4, 2, 4)],
)
def test_only_the_paper_budget_takes_the_papers_recipe(
    dataset: OpenDataset, budget: str, way: int, shot: int, query: int, steps: int
) -> None:
    method = Dot()
    source = make_source(dataset, method, shot=4, budget=Budget.parse(budget))
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


def test_a_network_with_nothing_to_learn_is_left_as_it_is(
    dataset: OpenDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = np.empty(0, np.int64)
    untrainable = replace(dataset, splits=dataset.splits | {"train": nothing, "val": nothing})
    for _ in range(2):  # the second time, from its files
        method = Dot("pixels")
        source = make_source(untrainable, method, folder=tmp_path)
        method.train(source)
        assert source.records == []
        assert method.encoder.frozen
    told = "dot[backbone=pixels]: nothing to learn, so it is evaluated as it is"
    assert capsys.readouterr().err.splitlines() == [told]


@pytest.mark.parametrize("name", ["quick", "published", "loss"])
def test_what_a_subclass_forgot_is_named(name: str) -> None:
    with pytest.raises(NotImplementedError, match=f"EpisodicMethod has no {name}"):
        getattr(EpisodicMethod(), name)(None)
