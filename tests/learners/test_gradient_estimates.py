"""Estimates of gradients by values."""

import pytest
import torch

from benchbench.learners.gradient_estimates import random_signs, spsa_gradient


def quadratic(at: torch.Tensor) -> torch.Tensor:
    x, y = at
    return x**2 + 3 * x * y + 2 * y**2


@pytest.mark.parametrize("distance", [0.1, 3.0])
def test_the_estimate_is_the_gradient_on_average_over_signs(distance: float) -> None:
    all_signs = torch.tensor([[1.0, 1], [-1, -1], [1, -1], [-1, 1]])
    found = torch.stack(
        [spsa_gradient(quadratic, torch.ones(2), signs, distance) for signs in all_signs]
    )
    expected = torch.tensor([[12.0, 12], [12, 12], [-2, 2], [-2, 2]])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.mean(0), torch.tensor([5.0, 7.0]), rtol=1e-4, atol=1e-4)


def test_signs_are_drawn_from_the_global_generator_with_equal_chance() -> None:
    torch.manual_seed(0)
    signs = random_signs(torch.zeros(10_000))
    torch.manual_seed(0)
    assert torch.equal(random_signs(torch.ones(10_000)), signs)
    assert signs.unique().tolist() == [-1, 1]
    assert abs(float(signs.mean())) < 0.05
