from functools import partial
from typing import Any

import pytest
import torch
from benchbench_plugins.spsa_protonet import SPSAProtoNet, TaskWeights, weighted_sum
from support.learning import make_source
from support.pictures import SMALL, random_support
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.method import Task
from benchbench.training.budget import Budget

TASK = Task("toy", "test", SMALL, 5, 1, 15)
SIGNS = torch.tensor([1.0, -1.0])
LOSSES = torch.tensor([1.0, 2.0])


@pytest.mark.parametrize(
    ("beta", "ahead", "behind", "omega"),
    [
        (0.1, 12.423545, 8.951323, [-3.840278, 4.840278]),
        (15.0, 10.843652, 10.843058, [0.499995, 0.500005]),
    ],
)
def test_the_published_rate_explodes_near_omega_and_does_nothing_far_from_it(
    beta: float, ahead: float, behind: float, omega: list[float]
) -> None:
    start = torch.tensor([0.5, 0.5])
    points = [float(weighted_sum(LOSSES, start + way * beta * SIGNS)) for way in (1, -1)]
    assert points == pytest.approx([ahead, behind], abs=1e-5)
    weights = TaskWeights(2, alpha=0.25, beta=beta, unit_every=1000)
    weights.update(LOSSES, SIGNS)
    assert weights.omega.tolist() == pytest.approx(omega, abs=1e-5)


def test_the_objective_is_least_where_omega_squared_is_the_loss() -> None:
    omega = LOSSES.sqrt().requires_grad_()
    value = weighted_sum(LOSSES, omega)
    value.backward()
    torch.testing.assert_close(omega.grad, torch.zeros(2))
    torch.testing.assert_close(value.detach(), (1 + LOSSES.log()).sum())
    away = torch.tensor([0.5, 0.5]).requires_grad_()
    weighted_sum(LOSSES, away).backward()
    torch.testing.assert_close(away.grad, torch.tensor([-12.0, -28.0]))


def test_small_steps_find_that_place() -> None:
    torch.manual_seed(0)
    weights = TaskWeights(2, alpha=0.01, beta=0.05, unit_every=10**9)
    weights.omega.fill_(1.0)
    losses = torch.tensor([0.64, 1.44])
    for _ in range(600):
        weights.update(losses, torch.randint(0, 2, (2,)) * 2.0 - 1)
    assert weights.omega.abs().tolist() == pytest.approx([0.8, 1.2], abs=0.1)


def test_omega_is_scaled_to_unit_length_now_and_then() -> None:
    weights = TaskWeights(2, alpha=0.0, beta=15.0, unit_every=2)
    weights.update(LOSSES, SIGNS)
    assert weights.omega.tolist() == [0.5, 0.5]
    weights.update(LOSSES, SIGNS)
    assert weights.omega.tolist() == pytest.approx([0.5**0.5] * 2)
    assert set(weights.state_dict()) == {"omega", "steps", "updates"}


def ready(**parameters: Any) -> SPSAProtoNet:
    method = SPSAProtoNet("conv4[width=4]", **parameters)
    encoder = create_backbone("conv4[width=4]", SMALL).freeze()
    extra = method.extra_modules(encoder.feature_size, TASK)
    method.network = nn.ModuleDict({"encoder": encoder, **extra})
    return method


def test_scores_are_distances_by_dimension() -> None:
    known, asked = torch.tensor([[1.0, 0], [0, 3], [2, 2]]), torch.tensor([[1.0, 1.0]])
    scores = ready().scores(asked, known, random_support(3, 1)).detach()
    torch.testing.assert_close(scores, torch.tensor([[-0.5, -2.5, -1.0]]))


def test_training_is_plain_first_and_then_weighted(dataset: OpenDataset) -> None:
    method = ready(tasks=2, alpha=0.0)
    method.plain_steps = 1
    group = make_source(dataset, method).episodes(3, 1, 2).grouped(4)[0]
    losses = method.losses(group).view(2, 2).mean(1)
    torch.testing.assert_close(method.loss(group), losses.mean())
    torch.testing.assert_close(method.loss(group), weighted_sum(losses, torch.full((2,), 0.5)))
    assert (method.weights.steps, method.weights.updates) == (2, 1)


def test_what_it_counts_is_kept_with_the_weights(dataset: OpenDataset) -> None:
    method = SPSAProtoNet("conv4[width=4]")
    source = make_source(dataset, method, budget=Budget("smoke", 3))
    method.train(source)
    assert (method.plain_steps, int(method.weights.steps)) == (1, source.records[0].best_step)
    assert {f"weights.{n}" for n in ("omega", "steps", "updates")} <= set(
        method.network.state_dict()
    )


def test_the_papers_recipe_is_a_tenth_of_the_rate_after_a_third() -> None:
    recipe = SPSAProtoNet().published(TASK)
    steps = recipe["steps"]
    assert (recipe["tasks"], steps // 3) == (32, 5000)
    factors = [recipe["schedule"](step) for step in (0, 4999, 5000, 10_000, 12_500)]
    assert factors == [1, 1, 0.006, 0.0012, 0.00024]
    assert isinstance(recipe["optimizer"], partial)
