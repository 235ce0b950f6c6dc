"""Meta-Baseline: what it is before its second stage, and where that begins."""

import pytest
import torch
from benchbench_plugins.meta_baseline import MetaBaseline
from support.learning import make_source
from support.pictures import pixel_pairs as images
from support.pictures import random_images, random_support
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.pretrained import nearest_mean
from benchbench.learners.scaling import Scale
from benchbench.method import Support, Task
from benchbench.training.budget import Budget


def on_pixels(shape: tuple[int, int, int] = (1, 2, 1)) -> MetaBaseline:
    method = MetaBaseline()
    encoder = create_backbone("pixels", shape)
    method.network = nn.ModuleDict({"encoder": encoder, "scale": Scale(10.0)})
    method.network.eval().requires_grad_(False)
    return method


def test_scores_are_ten_times_the_cosine_to_the_mean_of_features_as_they_are() -> None:
    support = Support(images([[30, 40], [90, 0], [0, 90]]), torch.tensor([0, 1, 1]), 2, "toy")
    scores = on_pixels().adapt(support)(images([[200, 0]]))
    torch.testing.assert_close(scores, torch.tensor([[6.0, 10 * 0.5**0.5]]))
    uneven = Support(images([[0, 9], [200, 0]]), torch.tensor([0, 0]), 1, "toy")
    assert on_pixels().adapt(uneven)(images([[1, 0]])).item() > 9.9


def test_with_one_shot_it_begins_as_the_nearest_class_mean() -> None:
    method, support = on_pixels((16, 16, 1)), random_support(way=5, shot=1)
    queries = random_images(50, seed=1)
    expected = 10 * nearest_mean(method.encoder)(support)(queries)
    torch.testing.assert_close(method.adapt(support)(queries), expected)


def test_it_goes_on_from_the_classifier(dataset: OpenDataset) -> None:
    method = MetaBaseline("conv4[width=4]")
    source = make_source(dataset, method, budget=Budget("smoke", 1))
    source.validate = lambda *_, **__: None  # type: ignore[method-assign]
    method.train(source)
    assert [record.stage for record in source.records] == ["classification", "training"]
    assert method.network["scale"].factor != 10


def test_the_published_second_stage_is_that_of_the_code() -> None:
    recipe = MetaBaseline().published(Task("toy", "", (84, 84, 3), 5, 5, 15))
    assert (recipe["shot"], recipe["tasks"], recipe["steps"]) == (5, 4, 20 * 200)
    options = recipe["optimizer"]([nn.Parameter(torch.ones(1))], lr=1e-3).defaults
    assert (options["momentum"], options["nesterov"]) == (0.9, False)


def test_the_published_first_stage_is_for_images_in_colour() -> None:
    drawings, photos = (
        MetaBaseline().published(Task("toy", "test", (84, 84, channels), 5, 1, 15))["classifier"]
        for channels in (1, 3)
    )
    assert drawings is None
    assert (photos.batch, photos.weight_decay, photos.augment) == (
        128,
        5e-4,
        "crop+flip",
    )
    arguments = photos.arguments(per_epoch=10)
    rates = [arguments["lr"] * arguments["schedule"](step) for step in (0, 899, 900, 999)]
    assert arguments["steps"] == 1000
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01])
