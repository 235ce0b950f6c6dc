"""Half the squared distance to a mean, by its gradient."""

import pytest
import torch
from torch import nn

from benchbench.learners.averaging import distance_to_mean


def end_of(start: float, target: float, steps: int) -> torch.Tensor:
    """Where gradient descent at 0.1 on half the squared distance ends."""
    x = torch.tensor(start)
    for _ in range(steps):
        x = x - 0.1 * (x - target)
    return x


@pytest.mark.parametrize(("rate", "expected"), [(0.5, 0.5 * (1 - 0.9**3) * 2), (0.0, 0.0)])
def test_a_plain_step_goes_to_the_mean_by_the_share_of_its_rate(
    rate: float, expected: float
) -> None:
    phi = nn.Parameter(torch.tensor(0.0))
    ends = [{"phi": end_of(0.0, target, steps=3)} for target in (1.0, 3.0)]
    distance_to_mean({"phi": phi}, ends).backward()
    torch.optim.SGD([phi], lr=rate).step()
    assert float(phi.detach()) == pytest.approx(expected)  # 0.271 at a rate of one half


def test_one_inner_step_is_joint_training() -> None:
    phi = nn.Parameter(torch.tensor(0.5))
    distance_to_mean(
        {"phi": phi}, [{"phi": end_of(0.5, target, 1)} for target in (1.0, 3.0)]
    ).backward()
    assert float(phi.grad) == pytest.approx(0.1 * (0.5 - 2.0))
