"""What a recipe of a classifier means for `fit`."""

import pytest
import torch
from torch import nn

from benchbench.learners.classifier_recipe import ClassifierRecipe, TrainingPhase


def test_phases_follow_each_other_at_their_own_rates() -> None:
    recipe = ClassifierRecipe((TrainingPhase(2, 0.1), TrainingPhase(1, 0.02)))
    arguments = recipe.arguments(per_epoch=3)
    assert (arguments["steps"], arguments["lr"]) == (9, 0.1)
    factors = [arguments["schedule"](step) for step in range(9)]
    assert factors == pytest.approx([1.0] * 6 + [0.2] * 3)


def test_a_phase_that_falls_begins_at_its_rate_and_is_halved_in_its_middle() -> None:
    falling = TrainingPhase(2, 0.1, falls=True), TrainingPhase(4, 0.01, falls=True)
    arguments = ClassifierRecipe(falling).arguments(per_epoch=2)
    assert arguments["steps"] == 12
    factors = [arguments["schedule"](step) for step in (0, 2, 4, 8)]
    assert factors == pytest.approx([1.0, 0.5, 0.1, 0.05])
    assert arguments["schedule"](11) == pytest.approx(0.1 * 0.0380602, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_optimizers_have_their_names(name, kind) -> None:
    arguments = ClassifierRecipe((TrainingPhase(1, 0.1),), optimizer=name).arguments(1)
    assert arguments["optimizer"] is kind


def test_sgd_has_the_momentum_of_the_recipe() -> None:
    recipe = ClassifierRecipe(
        (TrainingPhase(1, 0.1),), momentum=0.8, nesterov=True, weight_decay=5e-4
    )
    arguments = recipe.arguments(1)
    optimizer = arguments["optimizer"](nn.Linear(1, 1).parameters(), lr=0.1, weight_decay=0.0)
    assert isinstance(optimizer, torch.optim.SGD)
    assert (optimizer.defaults["momentum"], optimizer.defaults["nesterov"]) == (0.8, True)
    assert arguments["weight_decay"] == 5e-4


def test_nothing_to_learn_from_is_refused() -> None:
    for epochs, lr in ((0, 0.1), (1, 0.0)):
        with pytest.raises(ValueError, match="an epoch or more"):
            TrainingPhase(epochs, lr)
    with pytest.raises(ValueError, match="a phase"):
        ClassifierRecipe(())
    with pytest.raises(ValueError, match="a batch"):
        ClassifierRecipe((TrainingPhase(1, 0.1),), batch=0)
