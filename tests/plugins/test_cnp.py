"""CNP: what its network is given, whatever the slots that an episode draws."""

import math
from collections.abc import Callable

import pytest
import torch
from benchbench_plugins.cnp import CNP
from support.learning import make_source
from support.pictures import SMALL
from support.slots import declared, support_of
from torch import Tensor, nn

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import MethodError
from benchbench.method import Task
from benchbench.system.compute import Compute
from benchbench.training.budget import Budget


def untrained(features: int = 3, slots: int = 5) -> CNP:
    torch.manual_seed(0)
    method = CNP(width=16)
    method.n_slots = slots
    task = Task("toy", "test", SMALL, slots, 1, 15)
    method.network = nn.ModuleDict(method.extra_modules(features, task))
    return method


def features(count: int, size: int = 3, seed: int = 0) -> Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def test_the_network_reads_all_classes_and_the_query() -> None:
    first, _, second, _, last = untrained(features=7).network["decoder"]
    assert (first.in_features, first.out_features) == (5 * 7 + 7, 16)
    assert (second.in_features, last.in_features, last.out_features) == (16, 16, 5)


def test_each_class_stands_in_its_slot_and_one_without_support_is_zero() -> None:
    method = untrained()
    method.network["decoder"] = nn.Identity()
    known, asked = torch.tensor([[2.0], [4.0], [7.0], [-1.0]]), torch.tensor([[9.0]])
    told = torch.eye(5)[[2, 2, 0, 3]]
    outputs = method.read(known[None], told[None], asked[None])
    assert outputs.tolist() == [[[7.0, 0.0, 3.0, -1.0, 0.0, 9.0]]]


def test_order_and_copies_of_the_support_change_nothing() -> None:
    method, asked, known = untrained(), features(4), features(5, seed=1)
    labels, order = [0, 1, 2, 3, 4], [3, 0, 4, 2, 1]
    scores = method.scores(asked, known, support_of(labels))
    turned = method.scores(asked, known[order], support_of(order))
    torch.testing.assert_close(turned, scores)
    torch.testing.assert_close(
        method.scores(asked, known.repeat(3, 1), support_of(labels * 3)), scores
    )


def test_the_slots_count_and_are_drawn_by_the_seed() -> None:
    method, asked, known = untrained(), features(4), features(5, seed=1)
    scores = method.scores(asked, known, support_of([0, 1, 2, 3, 4]))
    moved = method.scores(asked, known, support_of([1, 2, 3, 4, 0]))
    assert not torch.allclose(moved[:, [1, 2, 3, 4, 0]], scores, atol=1e-3)
    other = method.scores(asked, known, support_of([0, 1, 2, 3, 4], seed=1))
    assert not torch.allclose(other, scores, atol=1e-3)


def test_fewer_classes_than_slots_will_do_and_more_are_refused() -> None:
    method = untrained()
    fewer = support_of([0, 1, 2], way=3)
    assert method.scores(features(4), features(3), fewer).shape == (4, 3)
    with pytest.raises(MethodError, match="trained for 5 classes, not 6"):
        method.scores(features(4), features(6), support_of(list(range(6)), way=6))


def test_the_published_recipe_is_trained(dataset: OpenDataset) -> None:
    method = CNP(backbone="conv4[width=4]")
    source = make_source(dataset, method, shot=2, budget=Budget("smoke", 1))
    recipe = method.published(source.task) | {"steps": 1, "tasks": 2}
    method.recipe = lambda source: dict(recipe)  # type: ignore[method-assign]
    method.train(source)
    assert source.records[0].steps == 1


def test_the_checks_find_what_it_declares(dataset: OpenDataset, tmp_path) -> None:
    assert declared(CNP("conv4[width=4]"), dataset, tmp_path) == set()


def test_the_loss_reaches_every_weight(dataset: OpenDataset) -> None:
    method = CNP(backbone="conv4[width=4]")
    source = make_source(dataset, method, budget=Budget("smoke", 1))
    method.train(source)
    method.network.train().requires_grad_(True)
    method.loss(source.episodes(5, (1, 3), 2).grouped(2)[0]).backward()
    assert all(
        parameter.grad.abs().sum() > 0 for parameter in method.network["decoder"].parameters()
    )
    assert next(method.encoder.parameters()).grad.abs().sum() > 0


def test_it_learns(make_dataset: Callable[..., OpenDataset]) -> None:
    dataset = make_dataset(classes=(8, 5, 5), per_class=12)
    method, losses = CNP("conv4[width=8]"), []
    recipe, whole = method.quick, method.loss
    method.quick = lambda task: recipe(task) | {"tasks": 8, "lr": 5e-3}  # type: ignore[method-assign]
    method.loss = lambda group: losses.append((loss := whole(group)).detach()) or loss  # type: ignore[method-assign]
    source = make_source(dataset, method, budget=Budget("smoke", 60), compute=Compute(bf16=True))
    source.validate = lambda *adapt, **shape: None  # type: ignore[method-assign]
    method.train(source)
    assert float(losses[0]) == pytest.approx(math.log(5), abs=0.05)
    assert sum(losses[-3:]) / 3 < math.log(5) - 0.1
