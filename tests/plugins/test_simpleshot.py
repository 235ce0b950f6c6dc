"""SimpleShot: the transformed features, and its kinship with the nearest neighbour."""

import pytest
import torch
from benchbench_plugins.knn import KNN
from benchbench_plugins.simpleshot import SimpleShot
from support.learning import make_source
from support.pictures import pixel_pairs as images
from support.pictures import random_images, random_support

from benchbench.backbones import create_backbone
from benchbench.learners.classifier_recipe import TrainingPhase
from benchbench.method import Support, Task


def on_pixels(method: SimpleShot, mean: list[float] | None = None) -> SimpleShot:
    method.encoder = create_backbone("pixels", (1, 2, 1))
    method.mean = None if mean is None else torch.tensor(mean)
    return method


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ("un", [[0.6, 0.8], [0.0, 0.4]]),
        ("l2n", [[0.6, 0.8], [0.0, 1.0]]),
        ("cl2n", [[0.5**0.5, 0.5**0.5], [0.0, 1.0]]),
    ],
)
def test_features_are_centred_and_then_scaled(transform: str, expected) -> None:
    """In units of 1/5 the mean is (0, 1), and the features are (3, 4) and (0, 2)."""
    mean = [0.0, 0.2] if transform == "cl2n" else None
    method = on_pixels(SimpleShot(transform=transform), mean)
    found = method.features(images([[153, 204], [0, 102]]))
    torch.testing.assert_close(found, torch.tensor(expected))


def test_the_nearest_mean_of_transformed_features_wins_and_is_not_scaled_again() -> None:
    support = Support(images([[9, 0], [0, 7], [0, 200]]), torch.tensor([0, 0, 1]), 2, "toy")
    scores = on_pixels(SimpleShot(transform="l2n")).adapt(support)(images([[255, 0]]))
    torch.testing.assert_close(scores, torch.tensor([[-0.5, -2.0]]))


def test_with_one_shot_it_is_the_nearest_neighbour() -> None:
    encoder = create_backbone("pixels", (16, 16, 1))
    ours, theirs = SimpleShot(transform="l2n"), KNN()
    ours.encoder = theirs.encoder = encoder
    queries = random_images(200, seed=1)
    for seed in range(3):
        support = random_support(way=5, shot=1, seed=seed)
        ours_says, theirs_say = (m.adapt(support)(queries).argmax(1) for m in (ours, theirs))
        assert torch.equal(ours_says, theirs_say)


@pytest.mark.parametrize(
    ("dataset", "epochs"), [("tieredimagenet", (30, 30, 30)), ("cifar_fs", (45, 22, 23))]
)
def test_the_papers_rate_falls_to_a_tenth_twice_in_90_epochs(dataset, epochs) -> None:
    recipe = SimpleShot().published(Task(dataset, "test", (84, 84, 3), 5, 1, 15))
    assert recipe is not None
    rates = zip(epochs, (0.1, 0.01, 0.001), strict=True)
    assert recipe.phases == tuple(TrainingPhase(*each) for each in rates)
    assert recipe.augment == "crop+flip"
    assert SimpleShot().published(Task("omniglot", "test", (28, 28, 1), 5, 1, 15)) is None


def test_the_mean_is_that_of_the_training_images(dataset) -> None:
    method = SimpleShot("pixels")
    method.train(make_source(dataset, method))
    train = dataset.images(make_source(dataset, method).images.block()[1])
    expected = torch.from_numpy(train.reshape(len(train), -1)).double().mean(0) / 255
    torch.testing.assert_close(method.mean, expected.float())
    uncentred = SimpleShot("pixels", transform="l2n")
    uncentred.train(make_source(dataset, uncentred))
    assert uncentred.mean is None
