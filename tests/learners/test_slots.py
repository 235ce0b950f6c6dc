"""Learned slots: who is skipped, what must fail, and the shuffling that makes slots alike."""

from dataclasses import dataclass

import pytest
import torch
from support.learning import make_source
from support.pictures import random_support
from torch import Tensor, nn

from benchbench.conformance.suite import expected_failure
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import MethodError
from benchbench.learners.episodic import EpisodicMethod, Recipe
from benchbench.learners.gradient import FixedWayMethod
from benchbench.learners.slots import FixedSlots, ShuffledSlots
from benchbench.method import Classifier, Support, Task
from benchbench.training.budget import Budget
from benchbench.training.labelled import LabelledEpisode


@dataclass
class Pooled(ShuffledSlots, EpisodicMethod):
    """A linear layer over a query's features and the sum of the support's, class by class."""

    name = "pooled"
    backbone: str = "conv4[width=4]"

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        slots = self.slots_for(task)
        return {"head": nn.Linear(feature_size * (slots + 1), slots)}

    def quick(self, task: Task) -> Recipe:
        return {"way": self.slots_for(task), "shot": (1, 2), "query": 2, "steps": 2}

    def outputs(self, labels: Tensor, known: Tensor, asked: Tensor) -> Tensor:
        context = torch.eye(self.n_slots)[labels].T @ known
        return self.network["head"](torch.cat([asked, context.flatten().expand(len(asked), -1)], 1))

    def loss(self, episode: LabelledEpisode) -> Tensor:
        shuffle = self.shuffle(episode.support)
        known, asked = episode.split(self.encoder(episode.images))
        logits = self.outputs(shuffle.labels, known[shuffle.order], asked)
        return nn.functional.cross_entropy(logits[:, shuffle.slots], episode.query_labels)

    def adapt(self, support: Support) -> Classifier:
        shuffle = self.shuffle(support)
        known = self.encoder(support.images)[shuffle.order]
        return lambda images: self.outputs(shuffle.labels, known, self.encoder(images))[
            :, shuffle.slots
        ]


def slotted(n_slots: int) -> Pooled:
    method = Pooled()
    method.n_slots = n_slots
    return method


def with_seed(seed: int, **shape: int) -> Support:
    support = random_support(**shape)
    support.seed = seed
    return support


def test_a_shuffle_is_an_order_and_other_names_for_the_classes() -> None:
    support = with_seed(7, way=3, shot=4)
    shuffle = slotted(5).shuffle(support)
    assert sorted(shuffle.order.tolist()) == list(range(12))
    assert shuffle.order.tolist() != list(range(12))
    assert len(set(shuffle.slots.tolist())) == 3
    assert set(shuffle.slots.tolist()) <= set(range(5))
    assert torch.equal(shuffle.labels, shuffle.slots[support.labels][shuffle.order])


def test_shuffling_depends_on_the_seed_alone_and_every_slot_and_place_occurs() -> None:
    method = slotted(3)
    for seed in (0, 2**63):
        first, again = (method.shuffle(with_seed(seed)) for _ in range(2))
        assert torch.equal(first.slots, again.slots)
        assert torch.equal(first.order, again.order)
    found = [method.shuffle(with_seed(seed)) for seed in range(300)]
    slots = torch.stack([shuffle.slots for shuffle in found])
    orders = torch.stack([shuffle.order for shuffle in found])
    # The standard deviations are 8 and 6.
    assert all(70 < count < 130 for count in slots[:, 0].bincount(minlength=3))
    assert all(25 < count < 75 for count in orders[:, 0].bincount(minlength=6))


def test_a_method_of_shuffled_slots_trains_and_answers(dataset: OpenDataset) -> None:
    method = Pooled()
    source = make_source(dataset, method, budget=Budget("smoke", 2))
    method.train(source)
    assert method.n_slots == 5
    assert source.validate() is not None
    assert method.adapt(with_seed(1, way=3))(random_support().images).shape == (6, 3)
    with pytest.raises(MethodError, match="trained for 5 classes, not 6"):
        method.adapt(random_support(way=6))


def test_learned_slots_must_fail_a_check_unless_they_are_shuffled() -> None:
    @dataclass
    class Learned(FixedSlots, EpisodicMethod):
        name = "learned"

    reason = FixedSlots.expected_failures["class_slots"]
    assert expected_failure(Learned(), "class_slots") == reason
    assert expected_failure(Pooled(), "class_slots") is None
    assert issubclass(FixedWayMethod, FixedSlots)
    varying = Task("toy", "variable", (16, 16, 1), None, 1, 15)
    assert Pooled.fixed_way
    assert "fixed way" in str(Pooled().skip(varying))
    assert "0-shot" in str(Learned().skip(Task("toy", "zero-shot", (16, 16, 1), 5, 0, 15)))
