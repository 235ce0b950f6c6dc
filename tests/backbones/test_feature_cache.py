"""The feature cache: each image once, the same bits in any order, never those of other weights."""

from collections import OrderedDict
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchbench.backbones import create_backbone, feature_cache
from benchbench.backbones.base import Backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.images import Images
from benchbench.system.compute import separate_randomness

WIDTH = 3


@dataclass(eq=False)
class Counting(Backbone):
    """A linear layer that notes the size of each batch it embeds."""

    name: ClassVar[str] = "counting"
    factor: float = 1.0

    def build(self) -> None:
        self.layer = nn.Linear(prod(self.image_shape), WIDTH)
        self.batches: list[int] = []

    @property
    def feature_size(self) -> int:
        return WIDTH

    def embed(self, pixels: Tensor) -> Tensor:
        self.batches.append(len(pixels))
        return self.layer(pixels.flatten(1)) * self.factor


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> OrderedDict[object, object]:
    """An empty cache in blocks of seven images."""
    empty: OrderedDict[object, object] = OrderedDict()
    monkeypatch.setattr(feature_cache, "_tables", empty)
    monkeypatch.setattr(feature_cache, "BLOCK", 7)
    return empty


def counting(dataset: OpenDataset, seed: int = 0, factor: float = 1.0) -> Counting:
    with separate_randomness(seed):
        return Counting(factor, image_shape=dataset.image_shape).freeze()


def images_of(dataset: OpenDataset, split: str = "test", *positions: int) -> Images:
    """Images of a split by their positions in it; all of them where none is given."""
    view = dataset.view(split)
    return Images(view, view.rows[list(positions)] if positions else view.rows)


def directly(backbone: Counting, images: Images) -> Tensor:
    """Features without a cache."""
    flat = torch.from_numpy(images.array.reshape(len(images), -1)) / 255
    return (backbone.layer(flat) * backbone.factor).detach()


def test_an_image_is_embedded_once(dataset: OpenDataset) -> None:
    backbone, images = counting(dataset), images_of(dataset)
    features = backbone(images)
    assert len(images) == 160
    assert backbone.batches == [7] * 22 + [6]
    torch.testing.assert_close(features, directly(backbone, images))
    assert features.dtype == torch.float32
    assert torch.equal(backbone(images), features)
    assert torch.equal(backbone(images_of(dataset, "test", 3, 159, 3)), features[[3, 159, 3]])
    assert sum(backbone.batches) == 160


def test_only_the_blocks_that_are_asked_for_are_filled(dataset: OpenDataset) -> None:
    backbone = counting(dataset)
    backbone(images_of(dataset, "test", 6, 7, 13, 158))
    assert backbone.batches == [7, 7, 6]
    backbone(images_of(dataset, "test", 0, 8, 154, 159))
    assert backbone.batches == [7, 7, 6]
    backbone(images_of(dataset, "test", 14))
    assert backbone.batches == [7, 7, 6, 7]


@pytest.mark.parametrize("block", [1, 5, 7, 64, 160, 1000])
def test_blocks_of_any_size(dataset, monkeypatch, block) -> None:
    monkeypatch.setattr(feature_cache, "BLOCK", block)
    backbone, images = counting(dataset), images_of(dataset)
    torch.testing.assert_close(backbone(images), directly(backbone, images))
    assert len(backbone.batches) == -(-160 // block)
    assert sum(backbone.batches) == 160


def test_features_do_not_hang_on_the_order_of_access(dataset, tables) -> None:
    backbone = create_backbone("conv4[width=8]", dataset.image_shape).freeze()
    at_once = backbone(images_of(dataset))
    for seed in range(3):
        tables.clear()
        order = np.random.default_rng(seed).permutation(160)
        parts = [backbone(images_of(dataset, "test", *part)) for part in np.array_split(order, 23)]
        assert torch.equal(torch.cat(parts), at_once[order])


def test_features_are_a_copy(dataset: OpenDataset) -> None:
    backbone, images = counting(dataset), images_of(dataset, "test", 4)
    first = backbone(images)
    before = first.clone()
    first.zero_()
    assert torch.equal(backbone(images), before)


def test_no_images_at_all(dataset: OpenDataset) -> None:
    backbone = counting(dataset)
    view = dataset.view("test")
    assert backbone(Images(view, view.rows[:0])).shape == (0, WIDTH)


def test_splits_and_data_sets_are_kept_apart(dataset, make_dataset) -> None:
    backbone = counting(dataset)
    other = make_dataset(seed=1)
    for images in (images_of(dataset), images_of(dataset, "val"), images_of(other)):
        torch.testing.assert_close(backbone(images), directly(backbone, images))
    assert sum(backbone.batches) == 160 + 120 + 160


def test_the_same_data_set_opened_twice_shares_features(make_dataset) -> None:
    first, second = make_dataset(), make_dataset()
    backbone = counting(first)
    assert torch.equal(backbone(images_of(first)), backbone(images_of(second)))
    assert sum(backbone.batches) == 160


def test_equal_weights_share_features(dataset: OpenDataset) -> None:
    first, second = counting(dataset), counting(dataset)
    assert torch.equal(first(images_of(dataset)), second(images_of(dataset)))
    assert second.batches == []


def an_optimizer_step(backbone: Counting) -> None:
    backbone.train().requires_grad_(True)
    optimizer = torch.optim.Adam(backbone.parameters(), 0.1)
    backbone.layer(torch.ones(1, prod(backbone.image_shape))).sum().backward()
    optimizer.step()
    backbone.freeze()


def other_weights(backbone: Counting) -> None:
    with separate_randomness(1):
        other = Counting(image_shape=backbone.image_shape)
    backbone.load_state_dict(other.state_dict())


def other_tensors(backbone: Counting) -> None:
    with separate_randomness(1):
        other = Counting(image_shape=backbone.image_shape)
    backbone.load_state_dict(other.state_dict(), assign=True)
    backbone.freeze()


@pytest.mark.parametrize("change", [an_optimizer_step, other_weights, other_tensors])
def test_changed_weights_give_fresh_features(dataset, change) -> None:
    backbone, images = counting(dataset), images_of(dataset)
    before = backbone(images)
    change(backbone)
    assert not torch.allclose(backbone(images), before)
    torch.testing.assert_close(backbone(images), directly(backbone, images))
    assert sum(backbone.batches) == 2 * 160


def test_a_backbones_parameters_tell_features_apart(dataset: OpenDataset) -> None:
    plain, doubled = counting(dataset), counting(dataset, factor=2.0)
    assert plain.weights_sha256() == doubled.weights_sha256()
    torch.testing.assert_close(doubled(images_of(dataset)), plain(images_of(dataset)) * 2)


def test_classes_of_one_name_are_told_apart(dataset: OpenDataset) -> None:
    """Two plug-ins may call their classes alike."""
    twin = type(
        "Counting", (Counting,), {"embed": lambda self, pixels: -self.layer(pixels.flatten(1))}
    )
    twin.__module__ = "another_package"
    with separate_randomness(0):
        negative = twin(image_shape=dataset.image_shape).freeze()
    plain, images = counting(dataset), images_of(dataset)
    torch.testing.assert_close(negative(images), -plain(images))


def test_preprocessing_tells_features_apart(dataset: OpenDataset) -> None:
    class Inverted(Counting):
        __qualname__ = "Counting"
        preprocessing = "1 - uint8 / 255"

        def prepare(self, array: np.ndarray) -> Tensor:
            return 1 - super().prepare(array)

    Inverted.__module__ = Counting.__module__
    plain, images = counting(dataset), images_of(dataset)
    with separate_randomness(0):
        inverted = Inverted(image_shape=dataset.image_shape).freeze()
    plain(images)
    expected = plain.layer(1 - torch.from_numpy(images.array.reshape(160, -1)) / 255)
    torch.testing.assert_close(inverted(images), expected)


def test_a_network_in_training_is_not_cached(dataset, tables) -> None:
    backbone, images = counting(dataset), images_of(dataset, "test", 1, 2)
    backbone.requires_grad_(True)
    for _ in range(2):
        assert backbone(images).requires_grad
    assert backbone.batches == [2, 2]
    assert not tables


def test_images_of_no_data_set_are_embedded_as_they_come(dataset, tables) -> None:
    backbone = counting(dataset)
    first, second = (Images.from_array(dataset.pixels[rows]) for rows in (slice(9), slice(9, 12)))
    for images in (first, second, first):
        features = backbone(images)
        torch.testing.assert_close(features, directly(backbone, images))
        assert not features.requires_grad
    assert backbone.batches == [9, 3, 9]
    assert not tables


def test_the_tables_used_longest_ago_make_room(dataset, monkeypatch, tables) -> None:
    """Room for the two smaller splits, of 120 and 160 images."""
    monkeypatch.setattr(feature_cache, "MOST_BYTES", (120 + 160) * WIDTH * 4)
    first, second = counting(dataset, seed=1), counting(dataset, seed=2)

    def fresh(backbone: Counting, split: str) -> int:
        """How many images had to be embedded."""
        before = sum(backbone.batches)
        images = images_of(dataset, split)
        torch.testing.assert_close(backbone(images), directly(backbone, images))
        return sum(backbone.batches) - before

    assert fresh(first, "val") == 120
    assert fresh(first, "test") == 160
    assert (fresh(first, "val"), fresh(first, "test"), fresh(first, "val")) == (0, 0, 0)
    assert fresh(second, "val") == 120
    assert len(tables) == 2
    assert fresh(first, "val") == 0
    assert fresh(first, "test") == 160


def test_a_split_that_needs_more_than_all_memory_is_not_kept(dataset, monkeypatch, tables) -> None:
    monkeypatch.setattr(feature_cache, "MOST_BYTES", 160 * WIDTH * 4 - 1)
    backbone, images = counting(dataset), images_of(dataset, "test", 150, 3)
    for _ in range(2):
        features = backbone(images)
        torch.testing.assert_close(features, directly(backbone, images))
        assert not features.requires_grad
    assert backbone.batches == [2, 2]
    assert not tables


def test_a_backbone_may_keep_no_features(dataset, tables, monkeypatch) -> None:
    backbone, images = counting(dataset), images_of(dataset, "test", 3, 1)
    monkeypatch.setattr(Counting, "keeps_features", False)
    for _ in range(2):
        torch.testing.assert_close(backbone(images), directly(backbone, images))
    assert backbone.batches == [2, 2]
    assert not tables


def test_features_are_in_float32_in_a_training_loss_as_well(dataset: OpenDataset) -> None:
    backbone, images = counting(dataset), images_of(dataset)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = backbone(images)
    torch.testing.assert_close(features, directly(backbone, images))
