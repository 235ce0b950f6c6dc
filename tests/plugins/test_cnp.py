"""CNP: its sizes, what it does not depend on, and its slots."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from benchbench_plugins.cnp import CNP
from support.learning import make_source
from support.pictures import SMALL, random_images, random_support
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.datasets.base import OpenDataset
from benchbench.method import Images, Task
from benchbench.system.compute import Compute
from benchbench.training.budget import Budget


def untrained(way: int = 3) -> CNP:
    torch.manual_seed(0)
    method = CNP(width=16)
    method.n_slots = way
    encoder = create_backbone("conv4[width=4]", SMALL)
    modules = method.extra_modules(4, Task("toy", "", SMALL, way, 2, 15))
    method.network = nn.ModuleDict({"encoder": encoder, **modules})
    method.network.eval().requires_grad_(False)
    return method


def test_what_reads_the_representation_has_its_size() -> None:
    assert untrained(way=3).network["reader"][0].in_features == 3 * 4 + 4
    assert untrained(way=5).network["reader"][-1].out_features == 5


def test_the_order_of_the_support_changes_nothing_and_copies_equal_one() -> None:
    method, queries, support = untrained(), random_images(4, seed=1), random_support()
    scores = method.adapt(support)(queries)
    order = torch.tensor([3, 1, 0, 5, 2, 4])
    array = support.images.array
    moved = replace(support, images=Images.from_array(array[order]), labels=support.labels[order])
    torch.testing.assert_close(method.adapt(moved)(queries), scores)
    twice = replace(
        support,
        images=Images.from_array(array.repeat(2, axis=0)),
        labels=support.labels.repeat_interleave(2),
    )
    torch.testing.assert_close(method.adapt(twice)(queries), scores)


def test_a_class_changes_its_scores_with_its_slot_and_slots_with_the_seed() -> None:
    method, queries = untrained(), random_images(4, seed=1)
    found = [
        method.adapt(replace(random_support(), seed=seed))(queries) for seed in (0, 0, 1, 2, 3)
    ]
    assert torch.equal(found[0], found[1])
    assert any(not torch.allclose(found[0], other) for other in found[2:])


def test_it_learns(make_dataset: Callable[..., OpenDataset]) -> None:
    dataset = make_dataset(classes=(8, 5, 5), per_class=12)
    method, losses = CNP("conv4[width=8]"), []
    recipe, whole = method.quick, method.loss
    method.quick = lambda task: recipe(task) | {"tasks": 8, "lr": 5e-3}  # type: ignore[method-assign]
    method.loss = lambda group: losses.append((loss := whole(group)).detach()) or loss  # type: ignore[method-assign]
    source = make_source(dataset, method, budget=Budget("smoke", 25), compute=Compute(bf16=True))
    source.validate = lambda: None  # type: ignore[method-assign]
    method.train(source)
    assert float(losses[0]) == pytest.approx(math.log(5), abs=0.03)
    assert sum(losses[-3:]) / 3 < math.log(5) - 0.1
