"""ViT: published sizes, the function of timm's network, and which tokens are the features."""

import pytest
import torch
from support.pictures import random_images

from benchbench.backbones import create_backbone
from benchbench.backbones.vit import ViT
from benchbench.errors import BenchbenchError
from benchbench.system.vision import torchvision

SHAPE = (32, 32, 3)
LITE = "width=256,heads=4,mlp=2"
CLASSES = 10


def same_weights(backbone: ViT) -> dict[str, torch.Tensor]:
    """The weights by timm's names."""
    names = {
        "class_token": "cls_token",
        "positions": "pos_embed",
        "patches": "patch_embed.proj",
        "attention_norm": "norm1",
        "inputs": "attn.qkv",
        "output": "attn.proj",
        "mlp_norm": "norm2",
        "mlp.0": "mlp.fc1",
        "mlp.2": "mlp.fc2",
    }
    found = {}
    for name, tensor in backbone.state_dict().items():
        for own, other in names.items():
            name = name.replace(own, other)
        found[name] = tensor
    return found


@pytest.mark.parametrize(("depth", "millions"), [(6, 3.191), (7, 3.717)])
def test_vit_lite_has_as_many_parameters_as_published(depth: int, millions: float) -> None:
    """With a linear classifier of CIFAR-10; the figures are of the authors' table."""
    backbone = create_backbone(f"vit[depth={depth},{LITE}]", SHAPE)
    classifier = torch.nn.Linear(backbone.feature_size, CLASSES)
    count = sum(p.numel() for part in (backbone, classifier) for p in part.parameters())
    assert round(count / 1e6, 3) == millions


@pytest.mark.parametrize(("tokens", "pool"), [("class", "token"), ("mean", "avg")])
def test_it_is_timms_vision_transformer(tokens: str, pool: str) -> None:
    torchvision()
    transformers = pytest.importorskip("timm.models.vision_transformer")
    backbone = create_backbone(f"vit[depth=3,heads=4,mlp=2,tokens={tokens}]", SHAPE).freeze()
    assert isinstance(backbone, ViT)
    theirs = transformers.VisionTransformer(
        img_size=32,
        patch_size=4,
        embed_dim=128,
        depth=3,
        num_heads=4,
        mlp_ratio=2,
        qkv_bias=False,
        num_classes=0,
        global_pool=pool,
        norm_layer=torch.nn.LayerNorm,
        fc_norm=False,
    ).eval()
    theirs.load_state_dict(same_weights(backbone))
    images = random_images(3, SHAPE)
    pixels = torch.from_numpy(images.array).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        expected = theirs(pixels)
    assert expected.std() > 0.1
    torch.testing.assert_close(backbone(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28, 3), (32, 32, 1), SHAPE, (28, 32, 3)])
@pytest.mark.parametrize("frozen", [True, False])
def test_the_features_are_of_the_tokens_that_were_chosen(shape, frozen: bool) -> None:
    height, width, _ = shape
    images = random_images(2, shape)
    for tokens, map_shape in [
        ("class", None),
        ("mean", None),
        ("patches", (128, height // 4, width // 4)),
    ]:
        backbone = create_backbone(f"vit[tokens={tokens}]", shape)
        if frozen:
            backbone.freeze()
        size = 128 if map_shape is None else 128 * (height // 4) * (width // 4)
        assert backbone.map_shape == map_shape
        assert backbone.feature_size == size
        assert backbone(images).shape == (2, size)


def test_the_mean_is_that_of_the_map_of_patches() -> None:
    images = random_images(2, SHAPE)
    maps, means = (
        create_backbone(f"vit[tokens={tokens}]", SHAPE).freeze()(images)
        for tokens in ("patches", "mean")
    )
    torch.testing.assert_close(maps.unflatten(1, (128, 8, 8)).mean((2, 3)), means)


def test_a_patch_is_at_its_place_in_the_map() -> None:
    """Without blocks and positions, a token depends on the pixels of its patch alone."""
    backbone = create_backbone("vit[tokens=patches]", (28, 32, 1)).freeze()
    assert isinstance(backbone, ViT)
    backbone.blocks = torch.nn.Sequential()
    pixels = torch.zeros(1, 1, 28, 32)
    marked = pixels.clone()
    marked[:, :, 12:16, 20:24] = 1
    changed = (backbone.embed(marked) - backbone.embed(pixels)).unflatten(1, (128, 7, 8))
    places = changed.abs().sum((0, 1)).nonzero().tolist()
    assert places == [[3, 5]]


@pytest.mark.parametrize(
    ("spec", "shape", "says"),
    [
        ("vit[patch=5]", SHAPE, "patches of 5 px do not fill images of 32x32; give another patch="),
        ("vit", (28, 30, 1), "patches of 4 px do not fill images of 28x30"),
        ("vit[heads=3]", SHAPE, "3 heads do not divide a width of 128"),
        ("vit[tokens=pooled]", SHAPE, "tokens=pooled is not one of class, mean, patches"),
        ("vit[drop=1.0]", SHAPE, "drop must be at least 0 and below 1"),
    ],
)
def test_what_cannot_be(spec: str, shape: tuple[int, int, int], says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        create_backbone(spec, shape)
