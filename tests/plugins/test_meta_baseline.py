from functools import partial

import pytest
import torch
from benchbench_plugins.meta_baseline import MetaBaseline
from support.learning import make_source
from support.pictures import SMALL, random_images, random_support
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.datasets.base import OpenDataset
from benchbench.learners.pretrained import nearest_mean
from benchbench.method import Support, Task
from benchbench.training.budget import Budget

TASK = Task("toy", "test", SMALL, 5, 3, 15)


def before_stage_two(**parameters: float) -> MetaBaseline:
    method = MetaBaseline(**parameters)
    encoder = create_backbone("conv4[width=4]", SMALL).freeze()
    extra = method.extra_modules(encoder.feature_size, TASK)
    method.network = nn.ModuleDict({"encoder": encoder, **extra}).requires_grad_(False)
    return method


def test_before_stage_two_one_shot_is_the_nearest_mean_by_cosine() -> None:
    method, support, queries = before_stage_two(), random_support(4, 1), random_images(40, seed=1)
    expected = 10 * nearest_mean(method.encoder)(support)(queries)
    torch.testing.assert_close(method.adapt(support)(queries), expected)


def test_features_are_not_normalised_before_the_mean() -> None:
    support = Support(random_images(3), torch.tensor([0, 0, 1]), 2, "toy")
    known = torch.tensor([[10.0, 0.0], [0.0, 2.0], [0.0, 7.0]])
    scores = before_stage_two(tau=2.0).scores(torch.tensor([[3.0, 3.0]]), known, support)
    expected = torch.tensor([[6 / (2 * 26) ** 0.5, 0.5**0.5]])  # with means (5, 1) and (0, 7)
    torch.testing.assert_close(scores, 2 * expected)


def test_stage_two_goes_on_from_the_classifier_and_learns_everything(dataset: OpenDataset) -> None:
    method = MetaBaseline("conv4[width=4]")
    method.train(source := make_source(dataset, method, budget=Budget("smoke", 1)))
    assert [record.stage for record in source.records] == ["classification", "training"]
    assert method.network["temperature"].factor != 10
    assert method.encoder.frozen


def test_the_papers_recipe_is_on_the_tests_way_and_shot() -> None:
    recipe = MetaBaseline().published(TASK)
    shape = [recipe[key] for key in ("way", "shot", "query", "tasks", "steps", "validate_every")]
    assert shape == [5, 3, 15, 4, 4000, 200]
    assert isinstance(recipe["optimizer"], partial)
    assert recipe["optimizer"].keywords == {"momentum": 0.9}


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="tau must be above 0"):
        MetaBaseline(tau=0.0)
