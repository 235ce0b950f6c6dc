"""CCT: published sizes, the function of the authors' code, and which tokens are the features."""

import pytest
import torch
import torch.nn.functional as F
from support.pictures import random_images
from torch import Tensor

from benchbench.backbones import create_backbone
from benchbench.backbones.cct import CCT
from benchbench.errors import BenchbenchError

SHAPE = (32, 32, 3)
LARGE = "width=256,heads=4,mlp=2"
CLASSES = 10


@pytest.mark.parametrize(
    ("options", "millions", "tokens"),
    [
        ("depth=2", 0.284, 64),
        ("depth=4", 0.482, 64),
        (f"depth=6,{LARGE}", 3.327, 64),
        (f"depth=7,{LARGE}", 3.853, 64),
        (f"depth=7,{LARGE},convolutions=1", 3.760, 256),
    ],
    ids=["2/3x2", "4/3x2", "6/3x2", "7/3x2", "7/3x1"],
)
def test_it_has_as_many_parameters_as_published(options: str, millions: float, tokens: int) -> None:
    """With a linear classifier of CIFAR-10; the figures are of the authors' table."""
    backbone = create_backbone(f"cct[{options}]", SHAPE)
    assert isinstance(backbone, CCT)
    classifier = torch.nn.Linear(backbone.feature_size, CLASSES)
    count = sum(p.numel() for part in (backbone, classifier) for p in part.parameters())
    assert round(count / 1e6, 3) == millions
    assert backbone.positions.shape[1] == tokens


def by_hand(weights: dict[str, Tensor], pixels: Tensor, heads: int) -> Tensor:
    """The network with one convolution and one block, by the authors' code, an image at a time."""
    maps = F.conv2d(pixels, weights["tokenizer.0.0.weight"], padding=1)
    maps = F.max_pool2d(F.relu(maps), 3, stride=2, padding=1)
    size = maps.shape[1]

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (size,), weights[f"{name}.weight"], weights[f"{name}.bias"])

    features = []
    for image in maps:
        tokens = image.reshape(size, -1).T + weights["positions"][0]
        queries, keys, values = (
            norm(tokens, "blocks.0.attention_norm") @ weights["blocks.0.inputs.weight"].T
        ).split(size, dim=1)
        attended = []
        for head in range(heads):
            part = slice(head * size // heads, (head + 1) * size // heads)
            logits = queries[:, part] @ keys[:, part].T / (size // heads) ** 0.5
            attended.append(logits.softmax(1) @ values[:, part])
        output, bias = weights["blocks.0.output.weight"], weights["blocks.0.output.bias"]
        tokens = norm(tokens + torch.cat(attended, 1) @ output.T + bias, "blocks.0.mlp_norm")
        hidden = F.gelu(
            F.linear(tokens, weights["blocks.0.mlp.0.weight"], weights["blocks.0.mlp.0.bias"])
        )
        tokens = tokens + F.linear(
            hidden, weights["blocks.0.mlp.2.weight"], weights["blocks.0.mlp.2.bias"]
        )
        tokens = norm(tokens, "norm")
        shares = (tokens @ weights["importance.weight"][0] + weights["importance.bias"]).softmax(0)
        features.append(shares @ tokens)
    return torch.stack(features)


def test_it_is_the_published_function() -> None:
    backbone = create_backbone("cct[depth=1,width=24,heads=3,convolutions=1]", (12, 10, 3))
    backbone.freeze().double()
    generator = torch.Generator().manual_seed(1)
    for tensor in backbone.parameters():
        tensor.copy_(torch.randn(tensor.shape, generator=generator, dtype=torch.float64) / 3)
    pixels = torch.randn(4, 3, 12, 10, generator=generator, dtype=torch.float64)
    expected = by_hand(backbone.state_dict(), pixels, heads=3)
    assert expected.std() > 0.1
    torch.testing.assert_close(backbone.embed(pixels), expected)


@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28, 3), (32, 32, 1), SHAPE, (30, 33, 3)])
@pytest.mark.parametrize("frozen", [True, False])
def test_the_features_are_of_the_tokens_that_were_chosen(shape, frozen: bool) -> None:
    grid = -(-shape[0] // 4), -(-shape[1] // 4)
    images = random_images(2, shape)
    for tokens, map_shape in [("pooled", None), ("mean", None), ("patches", (128, *grid))]:
        backbone = create_backbone(f"cct[tokens={tokens}]", shape)
        if frozen:
            backbone.freeze()
        size = 128 if map_shape is None else 128 * grid[0] * grid[1]
        assert backbone.map_shape == map_shape
        assert backbone.feature_size == size
        assert backbone(images).shape == (2, size)


def test_every_parameter_has_a_part_in_the_features() -> None:
    for tokens in ("pooled", "mean", "patches"):
        backbone = create_backbone(f"cct[tokens={tokens}]", (28, 28, 1))
        backbone(random_images(2, (28, 28, 1))).square().sum().backward()
        assert all(p.grad is not None for p in backbone.parameters())


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("cct[kernel=4]", "kernel must be odd, not 4"),
        ("cct[heads=7]", "7 heads do not divide a width of 128"),
        ("cct[tokens=class]", "tokens=class is not one of pooled, mean, patches"),
    ],
)
def test_what_cannot_be(spec: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        create_backbone(spec, SHAPE)
