import pytest
import torch

from benchbench.learners.steps import steps_of, take_steps


def test_steps_go_down_the_loss_at_the_rates_of_the_schedule() -> None:
    weight = torch.tensor([1.0]).requires_grad_()
    optimizer = torch.optim.SGD([weight], 0.25)
    with torch.no_grad():  # as in `adapt`
        take_steps(lambda: weight.square().sum(), optimizer, 2, lambda step: [1.0, 0.5][step])
    assert float(weight) == 0.5 * 0.75
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_no_step_leaves_all_as_it_is() -> None:
    weight = torch.tensor([1.0]).requires_grad_()
    take_steps(lambda: weight.sum(), torch.optim.SGD([weight], 1.0), 0)
    assert float(weight) == 1.0


@pytest.mark.parametrize(("count", "steps"), [(1, 3), (256, 3), (257, 6), (600, 9)])
def test_the_last_batch_of_an_epoch_may_be_a_rest(count: int, steps: int) -> None:
    assert steps_of(3, count, 256) == steps
