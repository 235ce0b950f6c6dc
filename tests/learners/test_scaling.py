"""A learned factor."""

import pytest
import torch

from benchbench.learners.scaling import Scale


@pytest.mark.parametrize(("given", "first"), [((), 1.0), ((10.0,), 10.0), ((3,), 3.0)])
def test_scores_are_multiplied_by_the_first_factor(given: tuple[float, ...], first: float) -> None:
    scores = torch.tensor([[1.0, -2.0]])
    assert Scale(*given)(scores).tolist() == [[first, -2 * first]]


def test_the_factor_is_learned() -> None:
    scale = Scale()
    scale(torch.tensor([2.0, 3.0])).sum().backward()
    assert scale.factor.grad.item() == 5
    assert list(scale.state_dict()) == ["factor"]
