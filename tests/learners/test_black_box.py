"""Methods whose network reads a support: what it is given, and how answers find their class."""

from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from support.learning import make_source
from support.slots import support_of
from torch import Tensor, nn

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.black_box import BlackBoxMethod
from benchbench.learners.episodic import Recipe
from benchbench.method import Task
from benchbench.training.budget import Budget
from benchbench.training.labelled import EpisodeGroup


@dataclass
class Nearest(BlackBoxMethod):
    """Inner products with the support's features, by slot; it keeps what it is given."""

    name = "nearest"
    backbone: str = "conv4[width=4]"

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"factor": nn.Linear(1, 1)}

    def quick(self, task: Task) -> Recipe:
        shape = {"way": self.slots_for(task), "shot": 1, "query": 2, "tasks": 2, "steps": 100}
        return shape | {"lr": 1e-2, "frozen_classifier": True}

    def published(self, task: Task) -> Recipe:
        return self.quick(task) | {"steps": 1, "frozen_classifier": False}

    def read(self, known: Tensor, told: Tensor, asked: Tensor) -> Tensor:
        self.given = known, told, asked
        factor: Tensor = self.network["factor"].weight
        return factor * (asked @ known.mT) @ told


def untrained() -> Nearest:
    method = Nearest()
    method.n_slots = 5
    method.network = nn.ModuleDict({"factor": nn.Linear(1, 1)}).requires_grad_(False)
    return method


def test_scores_belong_to_the_classes_whatever_the_drawn_slots() -> None:
    method, known, asked = untrained(), torch.randn(4, 3), torch.randn(2, 3)
    supports, queries = (F.layer_norm(features, (3,)) for features in (known, asked))
    for seed in range(8):
        support = support_of([0, 1, 1, 2], way=3, seed=seed)
        scores = method.scores(asked, known, support)
        members = F.one_hot(support.labels, 3).float()
        expected = method.network["factor"].weight * (queries @ supports.T) @ members
        torch.testing.assert_close(scores, expected)


def test_a_support_is_read_in_the_order_and_slots_of_its_seed() -> None:
    method, known = untrained(), torch.randn(4, 3)
    for seed in range(4):
        support = support_of([0, 1, 1, 2], way=3, seed=seed)
        method.scores(torch.randn(2, 3), known, support)
        shuffle = method.shuffle(support)
        features, told, _ = method.given
        torch.testing.assert_close(features[0], F.layer_norm(known[shuffle.order], (3,)))
        assert torch.equal(told[0].argmax(1), shuffle.labels)


def test_the_losses_of_a_group_are_those_of_its_episodes(dataset: OpenDataset) -> None:
    method = Nearest()
    source = make_source(dataset, method, budget=Budget("smoke", 1))
    method.train(source)
    group = source.episodes(5, 2, 2).grouped(3)[0]
    together = method.losses(group)
    assert len(method.given[0]) == 3
    torch.testing.assert_close(together, torch.stack([method.loss(each) for each in group]))
    mixed = EpisodeGroup([group[0], source.episodes(5, 3, 4)[0]])
    alone = torch.stack([method.loss(episode) for episode in mixed])
    torch.testing.assert_close(method.losses(mixed), alone)


def test_a_method_without_a_reader_says_so() -> None:
    @dataclass
    class Silent(BlackBoxMethod):
        name = "silent"

    method = Silent()
    method.n_slots = 5
    with pytest.raises(NotImplementedError, match="Silent has no read"):
        method.scores(torch.randn(2, 3), torch.randn(5, 3), support_of([0, 1, 2, 3, 4]))
