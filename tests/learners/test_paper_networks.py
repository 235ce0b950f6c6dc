"""Two steps of the networks and projectors of the papers, which take a GPU to train to the end."""

from collections.abc import Callable
from typing import Any

import pytest
from benchbench_plugins.linear_probe import LinearProbe
from support.learning import make_source

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.training.budget import Budget


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "network", "features"),
    [("vicreg", "resnet18", 512), ("barlow_twins[width=8192]", "resnet50", 2048)],
)
def test_the_published_recipe_takes_two_steps(
    make_dataset: Callable[..., OpenDataset], objective: str, network: str, features: int
) -> None:
    data = make_dataset(classes=(4, 2, 2), per_class=2, shape=(32, 32, 3))
    spec = f"torchvision:{network}[stem=cifar]"
    probe: Any = LinearProbe(backbone=spec, pretrain=objective)
    source = make_source(data, probe, budget=Budget("paper", 2))
    probe.train(source)
    assert source.image_shape == (32, 32, 3)
    assert probe.encoder.feature_size == features
    (record,) = source.records
    assert record.steps == 2
    assert record.health["spread"] > 0
