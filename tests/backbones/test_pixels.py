"""Raw pixels as features."""

import numpy as np
import pytest
import torch

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.images import Images


def test_features_are_the_pixels_from_0_to_1() -> None:
    array = np.array([[[[0], [51]]], [[[255], [102]]]], np.uint8)
    features = create_backbone("pixels", (1, 2, 1))(Images.from_array(array))
    assert torch.equal(features, torch.tensor([[0, 51], [255, 102]]) / 255)


@pytest.mark.parametrize("shape", [(1, 1, 1), (28, 28, 1), (5, 7, 3)])
def test_the_number_of_features(shape: tuple[int, int, int]) -> None:
    backbone = create_backbone("pixels", shape)
    images = Images.from_array(np.zeros((2, *shape), np.uint8))
    assert backbone(images).shape == (2, backbone.feature_size)
    assert backbone.feature_size == shape[0] * shape[1] * shape[2]


def test_it_is_frozen_and_has_nothing_to_train() -> None:
    backbone = create_backbone("pixels", (4, 4, 3))
    assert backbone.frozen
    assert list(backbone.parameters()) == []


def test_images_of_a_data_set(dataset: OpenDataset) -> None:
    rows = dataset.view("test").rows[[5, 0, 5]]
    features = create_backbone("pixels", dataset.image_shape)(Images(dataset.view("test"), rows))
    expected = torch.from_numpy(dataset.pixels[rows].reshape(3, -1)) / 255
    assert torch.equal(features, expected)
