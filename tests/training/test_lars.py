"""LARS: steps that were computed by hand."""

import pytest
import torch
from torch import nn

from benchbench.training.lars import LARS


def stepped(weight: list, gradient: list, steps: int = 1, **options) -> torch.Tensor:
    parameter = nn.Parameter(torch.tensor(weight))
    optimizer = LARS([parameter], **options)
    for _ in range(steps):
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
    return parameter.detach()


def test_a_step_is_in_proportion_to_the_weight() -> None:
    """|w| = 5 and |g| = 1, so that the step is 0.1 * 0.02 * 5 = 0.01 long."""
    found = stepped([[3.0, 4.0]], [[0.6, 0.8]], lr=0.1, trust=0.02)
    assert found.tolist() == [pytest.approx([3 - 0.006, 4 - 0.008])]
    assert torch.equal(found, stepped([[3.0, 4.0]], [[600.0, 800.0]], lr=0.1, trust=0.02))


def test_momentum_adds_steps_up() -> None:
    found = stepped([[3.0, 4.0]], [[0.0, 1.0]], steps=2, lr=1e-6, trust=0.2, momentum=0.9)
    assert float(4 - found[0, 1]) == pytest.approx(1e-6 * 2.9, rel=0.2)


def test_decay_and_scale_leave_biases_alone() -> None:
    assert stepped([3.0], [1.0], lr=0.1, weight_decay=5.0).tolist() == pytest.approx([2.9])


def test_decay_is_scaled_with_the_gradient() -> None:
    """(g + 0.1 w) * trust * |w| / (|g| + 0.1 |w|) = 1.5 * 0.02 * 5 / 1.5."""
    found = stepped([[5.0]], [[1.0]], lr=1.0, trust=0.02, weight_decay=0.1)
    assert found.tolist() == [pytest.approx([4.9])]


def test_a_clipped_rate_is_at_most_the_rate() -> None:
    small = stepped([[5.0]], [[1.0]], lr=1.0, trust=0.02, clipped=True)
    assert small.tolist() == [pytest.approx([4.9])]
    large = stepped([[5.0]], [[1.0]], lr=0.01, trust=0.02, clipped=True)
    assert large.tolist() == [pytest.approx([4.99])]


def test_a_weight_of_nothing_takes_a_plain_step() -> None:
    assert stepped([[0.0]], [[1.0]], lr=0.1).tolist() == [pytest.approx([-0.1])]
