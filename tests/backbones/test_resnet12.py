from itertools import pairwise

import pytest
import torch
from support.pictures import random_images

from benchbench.backbones import create_backbone
from benchbench.backbones.resnet12 import drop_block
from benchbench.errors import BenchbenchError

SHAPE = (84, 84, 3)


@pytest.mark.parametrize(
    ("spec", "shape", "features"),
    [
        ("resnet12", SHAPE, 640),
        ("resnet12[pool=false]", SHAPE, 16_000),
        ("resnet12[pool=false]", (28, 28, 1), 640),
        ("resnet12[pool=false]", (33, 51, 3), 3840),
        ("resnet12", (17, 50, 1), 640),
    ],
)
def test_the_number_of_features(spec: str, shape: tuple[int, int, int], features: int) -> None:
    backbone = create_backbone(spec, shape).freeze()
    assert backbone.feature_size == features
    assert backbone(random_images(2, shape)).shape == (2, features)


@pytest.mark.parametrize(("pool", "shape"), [("true", None), ("false", (640, 1, 2))])
def test_features_that_are_not_averaged_are_a_map(pool: str, shape) -> None:
    assert create_backbone(f"resnet12[pool={pool}]", (28, 40, 1)).map_shape == shape


def test_the_number_of_parameters() -> None:
    """Per block: 9 i o + 18 o o for convolutions, i o for the shortcut, 8 o for norms."""
    widths = (3, 64, 160, 320, 640)
    expected = sum(9 * i * o + 18 * o * o + i * o + 8 * o for i, o in pairwise(widths))
    assert sum(p.numel() for p in create_backbone("resnet12", SHAPE).parameters()) == expected
    assert round(expected / 1e6, 2) == 12.42


def test_a_block_is_convolutions_beside_a_shortcut() -> None:
    block = create_backbone("resnet12", SHAPE).freeze().blocks[0]
    maps = torch.randn(2, 3, 8, 8)
    for module in (*block.convolutions, block.shortcut[0]):
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.zeros_(module.weight)
    assert block(maps).abs().max() == 0
    torch.nn.init.ones_(block.shortcut[0].weight)
    summed = maps.sum(1, keepdim=True) / (1 + 1e-5) ** 0.5
    expected = torch.nn.functional.max_pool2d(torch.where(summed > 0, summed, summed / 10), 2)
    torch.testing.assert_close(block(maps), expected.expand(2, 64, 4, 4), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("square", [1, 3])
def test_dropping_takes_its_share_in_squares_and_keeps_the_sum(square: int) -> None:
    torch.manual_seed(0)
    dropped = drop_block(torch.ones(40, 30, 12, 12), 0.2, square)
    zeros = dropped == 0
    assert zeros.float().mean().item() == pytest.approx(0.2, abs=0.03)
    assert dropped.mean().item() == pytest.approx(1, abs=1e-3)
    if square == 3:
        whole = torch.nn.functional.max_pool2d((~zeros).float(), 3, stride=1) == 0
        assert whole.any()
        covered = torch.nn.functional.max_pool2d(
            torch.nn.functional.pad(whole.float(), [2] * 4), 3, stride=1
        )
        assert torch.equal(covered.bool(), zeros)


def test_nothing_is_dropped_in_evaluation() -> None:
    backbone = create_backbone("resnet12[drop=0.5]", (16, 16, 1)).freeze()
    images = random_images(3)
    assert torch.equal(backbone(images), backbone(images))


@pytest.mark.parametrize(
    ("spec", "shape", "says"),
    [
        ("resnet12[drop=1.0]", SHAPE, "drop must be at least 0 and below 1"),
        ("resnet12[drop=-0.1]", SHAPE, "drop must be at least 0 and below 1"),
        ("resnet12", (15, 20, 3), "at least 16 px, not 15x20"),
    ],
)
def test_what_cannot_be(spec: str, shape: tuple[int, int, int], says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        create_backbone(spec, shape)
