"""Learned slots: who is skipped, what must fail, and the shuffling that makes slots alike."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from support.learning import make_source
from support.pictures import random_support
from torch import Tensor, nn

from benchbench.conformance.suite import expected_failure
from benchbench.datasets.base import OpenDataset
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

    def outputs(self, support: Support, known: Tensor, asked: Tensor) -> Tensor:
        members = torch.eye(support.n_way)[support.labels]
        context = (members.T @ known).flatten().expand(len(asked), -1)
        return self.network["head"](torch.cat([asked, context], dim=1))

    def loss(self, episode: LabelledEpisode) -> Tensor:
        support, slots = self.shuffled(episode.support)
        known, asked = self.encoder(support.images), self.encoder(episode.query)
        logits = self.outputs(support, known, asked)[:, slots]
        return nn.functional.cross_entropy(logits, episode.query_labels)

    def adapt(self, support: Support) -> Classifier:
        support, slots = self.shuffled(support)
        known = self.encoder(support.images)
        return lambda images: self.outputs(support, known, self.encoder(images))[:, slots]


def slotted(n_slots: int) -> Pooled:
    method = Pooled()
    method.n_slots = n_slots
    return method


def with_seed(seed: int, **shape: int) -> Support:
    support = random_support(**shape)
    support.seed = seed
    return support


def test_the_shuffled_support_is_the_same_with_other_names_for_the_classes() -> None:
    support = with_seed(7, way=3, shot=4)
    moved, slots = slotted(5).shuffled(support)
    assert moved.n_way == 5
    assert len(set(slots.tolist())) == 3
    class_of = {int(i): int(c) for i, c in zip(support.images.ids, support.labels, strict=True)}
    for image, label in zip(moved.images.ids, moved.labels, strict=True):
        assert slots[class_of[int(image)]] == label
    assert sorted(moved.images.ids.tolist()) == sorted(support.images.ids.tolist())
    np.testing.assert_array_equal(moved.images.array, support.images.array[moved.images.ids])


def test_what_is_drawn_is_how_the_support_is_shuffled() -> None:
    method, support = slotted(5), with_seed(3, way=3, shot=4)
    moved, slots = method.shuffled(support)
    order, drawn = method.drawn(support)
    assert torch.equal(drawn, slots)
    assert moved.images.ids.tolist() == support.images.ids[order].tolist()
    assert torch.equal(moved.labels, drawn[support.labels[order]])
    assert order.tolist() != list(range(12))


def test_shuffling_depends_on_the_seed_alone_and_every_slot_and_place_occurs() -> None:
    method = slotted(3)
    for seed in (0, 2**63):
        first, again = (method.shuffled(with_seed(seed)) for _ in range(2))
        assert torch.equal(first[1], again[1])
        assert first[0].images.ids.tolist() == again[0].images.ids.tolist()
    found = [method.shuffled(with_seed(seed)) for seed in range(300)]
    slots = torch.stack([slots for _, slots in found])
    places = torch.tensor([support.images.ids.tolist().index(0) for support, _ in found])
    # The standard deviations are 8 and 7.
    assert all(70 < count < 130 for count in slots[:, 0].bincount(minlength=3))
    assert all(25 < count < 75 for count in places.bincount(minlength=6))


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
    assert "fixed way" in str(Pooled().skip(varying))
    assert "0-shot" in str(Learned().skip(Task("toy", "zero-shot", (16, 16, 1), 5, 0, 15)))
