import pytest

from benchbench.backbones import create_backbone
from benchbench.backbones.blocks import parameter_blocks

SHAPE = (32, 32, 3)


@pytest.mark.parametrize(
    ("spec", "count", "first", "last"),
    [
        ("conv4[width=4]", 4, "layers.0.0.weight", "layers.3.0.weight"),
        ("resnet12", 4, "blocks.0.shortcut.0.weight", "blocks.3.shortcut.0.weight"),
        ("torchvision:resnet18", 9, "conv1.weight", "layer4.1.conv2.weight"),
        ("torchvision:mobilenet_v2", 19, "features.0.0.weight", "features.18.0.weight"),
    ],
)
def test_blocks_follow_the_computation(spec: str, count: int, first: str, last: str) -> None:
    backbone = create_backbone(spec, SHAPE)
    blocks = parameter_blocks(backbone)
    assert len(blocks) == count
    assert any(name.endswith(first) for name in blocks[0])
    assert any(name.endswith(last) for name in blocks[-1])
    names = [name for block in blocks for name in block]
    assert sorted(names) == sorted(name for name, _ in backbone.named_parameters())


def test_parameters_of_no_layer_belong_to_the_first_block() -> None:
    timm = pytest.importorskip("timm")
    assert timm
    blocks = parameter_blocks(create_backbone("timm:vit_tiny_patch16_224", SHAPE))
    assert any(name.endswith("pos_embed") for name in blocks[0])
    assert any(name.endswith("patch_embed.proj.weight") for name in blocks[0])
    assert len(blocks) == 1 + 12


def test_pixels_have_none() -> None:
    assert parameter_blocks(create_backbone("pixels", SHAPE)) == []
