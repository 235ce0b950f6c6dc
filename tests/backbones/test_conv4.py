"""Conv4: sizes, the function that it computes, and the images that it takes."""

import pytest
import torch
import torch.nn.functional as F
from support.pictures import random_images as pixels
from torch import Tensor

from benchbench.backbones import create_backbone
from benchbench.backbones.conv4 import Conv4
from benchbench.errors import BenchbenchError
from benchbench.system.compute import separate_randomness


@pytest.mark.parametrize(
    ("shape", "width", "features"),
    [
        ((28, 28, 1), 64, 64),
        ((84, 84, 3), 64, 1600),
        ((105, 105, 1), 64, 2304),
        ((16, 16, 1), 8, 8),
        ((17, 50, 3), 8, 24),
    ],
)
@pytest.mark.parametrize("frozen", [True, False])
def test_the_number_of_features(shape, width, features, frozen) -> None:
    backbone = create_backbone(f"conv4[width={width}]", shape)
    assert backbone.feature_size == features
    if frozen:
        backbone.freeze()
    assert backbone(pixels(2, shape)).shape == (2, features)


@pytest.mark.parametrize(
    ("channels", "width", "parameters"), [(1, 64, 111_936), (3, 64, 113_088), (1, 32, 28_320)]
)
def test_the_number_of_parameters(channels: int, width: int, parameters: int) -> None:
    backbone = create_backbone(f"conv4[width={width}]", (28, 28, channels))
    assert sum(tensor.numel() for tensor in backbone.parameters()) == parameters


def unlike_the_initial_one(backbone: Conv4) -> Conv4:
    """Give every parameter and buffer of the batch norms a value that matters."""
    with torch.no_grad(), separate_randomness(3):
        for name, tensor in backbone.state_dict().items():
            if "running_var" in name:
                tensor.uniform_(0.5, 2)
            elif tensor.is_floating_point() and tensor.ndim == 1:
                tensor.uniform_(-1, 1)
    return backbone


def by_hand(backbone: Conv4, x: Tensor, training: bool) -> Tensor:
    """Convolution, batch norm, ReLU, max-pooling, four times."""
    tensors = list(backbone.state_dict().values())
    for first in range(0, 28, 7):
        weight, bias, gamma, beta, mean, variance, _ = tensors[first : first + 7]
        x = F.conv2d(x, weight, bias, padding=1)
        if training:
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        mean, variance, gamma, beta = (v[:, None, None] for v in (mean, variance, gamma, beta))
        x = (x - mean) / torch.sqrt(variance + 1e-5) * gamma + beta
        x = F.max_pool2d(F.relu(x), 2)
    return x.flatten(1)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(28, 28, 1), (33, 40, 3)])
def test_it_is_the_published_function(shape: tuple[int, int, int], training: bool) -> None:
    backbone = create_backbone("conv4[width=16]", shape)
    assert isinstance(backbone, Conv4)
    unlike_the_initial_one(backbone).train(training)
    exact = torch.from_numpy(pixels(5, shape).array).permute(0, 3, 1, 2).double() / 255
    backbone.double()
    with torch.no_grad():
        expected = by_hand(backbone, exact, training)
        assert expected.std() > 0.1
        torch.testing.assert_close(backbone.embed(exact), expected)


@pytest.mark.parametrize(
    ("options", "side", "shape"),
    [
        ("", 28, (64, 1, 1)),
        ("pools=2,padding=0", 28, (64, 5, 5)),
        ("pools=2,padding=0", 84, (64, 19, 19)),
        ("pools=4,padding=0", 84, (64, 3, 3)),
        ("pools=0", 5, (64, 5, 5)),
        ("pools=3", 28, (64, 3, 3)),
    ],
)
def test_the_features_are_a_map_flattened(options: str, side: int, shape) -> None:
    """At 28 and 84 px with two poolings and no padding, RelationNet's."""
    backbone = create_backbone(f"conv4[{options}]", (side, side, 1))
    assert backbone.map_shape == shape
    features = backbone(pixels(2, (side, side, 1)))
    assert features.shape == (2, backbone.feature_size)
    assert features.unflatten(1, backbone.map_shape).shape == (2, *shape)
    assert sum(tensor.numel() for tensor in backbone.parameters()) == 111_936


def test_unpadded_blocks_need_larger_images() -> None:
    says = "needs images of at least 46 px, not 45x45"
    with pytest.raises(BenchbenchError, match=says):
        create_backbone("conv4[padding=0]", (45, 45, 1))
    assert create_backbone("conv4[padding=0]", (46, 46, 1)).map_shape == (64, 1, 1)


@pytest.mark.parametrize("shape", [(15, 15, 1), (15, 84, 3), (84, 1, 3)])
def test_images_that_are_too_small(shape: tuple[int, int, int]) -> None:
    height, width, _ = shape
    says = rf"^conv4: needs images of at least 16 px, not {height}x{width}$"
    with pytest.raises(BenchbenchError, match=says):
        create_backbone("conv4", shape)


@pytest.mark.parametrize("width", [0, -1])
def test_a_width_that_cannot_be(width: int) -> None:
    with pytest.raises(BenchbenchError, match="conv4: width must be at least 1"):
        create_backbone(f"conv4[width={width}]", (28, 28, 1))
