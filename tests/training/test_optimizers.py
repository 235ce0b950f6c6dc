"""The parts of a network and their rates."""

import pytest
import torch
from torch import nn

from benchbench.errors import MethodError
from benchbench.training.optimizers import RatedOptimizer


def network() -> nn.ModuleDict:
    encoder = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    return nn.ModuleDict({"encoder": encoder, "encoder_too": nn.Linear(2, 2)})


def test_the_longest_name_that_fits_gives_the_rate() -> None:
    module = network()
    rates = {"encoder": 0.1, "encoder.1": 0.01, "encoder.1.bias": 0.0}
    rated = RatedOptimizer(torch.optim.SGD, module, 2.0, 0.0, rates)
    rated.step(0.5)
    rate_of = {p: group["lr"] for group in rated.optimizer.param_groups for p in group["params"]}
    found = {name: rate_of[parameter] for name, parameter in module.named_parameters()}
    assert found == {
        "encoder.0.weight": pytest.approx(0.1),
        "encoder.0.bias": pytest.approx(0.1),
        "encoder.1.weight": pytest.approx(0.01),
        "encoder.1.bias": 0,
        "encoder_too.weight": 1,
        "encoder_too.bias": 1,
    }


def test_without_rates_there_is_one_group_as_in_torch() -> None:
    module = network()
    ours = RatedOptimizer(torch.optim.AdamW, module, 1e-3, 0.1, {}).optimizer.state_dict()
    assert ours == torch.optim.AdamW(module.parameters(), 1e-3, weight_decay=0.1).state_dict()


def test_a_rate_for_nothing_is_a_mistake() -> None:
    says = "rates names 'head', .*; its parts are: encoder, encoder_too"
    with pytest.raises(MethodError, match=says):
        RatedOptimizer(torch.optim.SGD, network(), 1.0, 0.0, {"encoder": 1, "head": 0.1})
