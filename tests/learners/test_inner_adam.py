"""Adam on weights that are kept apart from their network."""

import torch
from torch import Tensor, nn

from benchbench.learners.adaptation import Weights
from benchbench.learners.inner_adam import SecondMoments, adam_descend, adam_step, minibatches


def test_the_inner_step_is_adams_without_momentum() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(5, generator=generator)
    parameter, weights = nn.Parameter(start.clone()), {"w": start.clone()}
    theirs = torch.optim.Adam([parameter], lr=0.1, betas=(0.0, 0.999))
    state = SecondMoments({"w": start}).read()
    for _ in range(4):
        parameter.grad = torch.randn(5, generator=generator)
        weights = adam_step(weights, [parameter.grad], state, 0.1)
        theirs.step()
    torch.testing.assert_close(weights["w"], parameter.detach())


def test_minibatches_go_through_all_images_before_one_recurs() -> None:
    places = [part.tolist() for part in minibatches(6, 4, 3, seed=1)]
    assert [len(part) for part in places] == [4, 4, 4]
    flat = [place for part in places for place in part]
    assert sorted(flat[:6]) == sorted(flat[6:]) == list(range(6))
    assert [part.tolist() for part in minibatches(6, 4, 3, seed=1)] == places
    assert [len(part) for part in minibatches(3, 99, 2, seed=0)] == [3, 3]


def test_descent_takes_a_step_on_each_batch_and_changes_the_state_alone() -> None:
    target = torch.tensor([[1.0, 0], [0, 2], [5, 5]])
    kept = SecondMoments({"w": torch.zeros(2), "layer.w": torch.zeros(2)})
    start, state = {"w": torch.zeros(2), "layer.w": torch.ones(2)}, kept.read()

    def loss(weights: Weights, places: Tensor) -> Tensor:
        return (weights["w"] * weights["layer.w"] - target[places]).square().sum()

    end = adam_descend(loss, start, [torch.tensor([0, 1]), torch.tensor([2])], 0.1, state)
    parameters = [nn.Parameter(tensor.clone()) for tensor in start.values()]
    theirs = torch.optim.Adam(parameters, lr=0.1, betas=(0.0, 0.999))
    for places in ([0, 1], [2]):
        theirs.zero_grad()
        loss(dict(zip(start, parameters, strict=True)), torch.tensor(places)).backward()
        theirs.step()
    for found, expected in zip(end.values(), parameters, strict=True):
        torch.testing.assert_close(found, expected.detach())
    assert start["w"].tolist() == [0, 0]
    assert kept.steps == 0
    kept.write(state)
    assert kept.steps == 2
    assert all(torch.equal(tensor, state[name]) for name, tensor in kept.read().items())
