"""What the transformers for small images have in common."""

import pytest
import torch
from support.pictures import random_images
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.backbones.blocks import parameter_blocks
from benchbench.backbones.transformer import Block, SmallTransformer

SHAPE = (28, 28, 1)
NAMES = ["vit", "cct"]


def test_a_block_is_torchs_encoder_layer_with_norms_first() -> None:
    torch.manual_seed(0)
    block, tokens = Block(12, heads=3, hidden=24).eval(), torch.randn(2, 5, 12)
    theirs = nn.TransformerEncoderLayer(
        12, 3, 24, activation="gelu", batch_first=True, norm_first=True
    ).eval()
    for tensor in (*block.parameters(), *theirs.parameters()):
        nn.init.normal_(tensor, std=0.5)
    nn.init.zeros_(theirs.self_attn.in_proj_bias)
    theirs.self_attn.in_proj_weight = block.inputs.weight
    for own, other in [
        (block.output, theirs.self_attn.out_proj),
        (block.attention_norm, theirs.norm1),
        (block.mlp_norm, theirs.norm2),
        (block.mlp[0], theirs.linear1),
        (block.mlp[2], theirs.linear2),
    ]:
        other.load_state_dict(own.state_dict())
    torch.testing.assert_close(block(tokens), theirs(tokens), rtol=1e-4, atol=1e-5)


def test_a_normalised_stream_has_the_norm_below_the_second_addition() -> None:
    torch.manual_seed(0)
    block = Block(12, heads=3, hidden=24, normalised_stream=True).eval()
    nn.init.zeros_(block.mlp[2].weight)
    nn.init.zeros_(block.output.weight)
    tokens = 3 + 5 * torch.randn(2, 5, 12)
    torch.testing.assert_close(block(tokens), nn.functional.layer_norm(tokens, (12,)))


def test_a_branch_is_left_out_for_its_share_of_images_and_keeps_its_mean() -> None:
    torch.manual_seed(0)
    block = Block(4, heads=1, hidden=4, path=0.25).train()
    kept = block._kept(torch.ones(8000, 3, 4))
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(kept.amin((1, 2)), kept.amax((1, 2)))  # of an image all or nothing
    assert kept.mean().item() == pytest.approx(1, abs=0.03)
    assert torch.equal(block.eval()._kept(torch.ones(9, 3, 4)), torch.ones(9, 3, 4))


@pytest.mark.parametrize("name", NAMES)
def test_more_is_left_out_of_later_blocks(name: str) -> None:
    backbone = create_backbone(f"{name}[depth=5,drop=0.2]", SHAPE)
    assert isinstance(backbone, SmallTransformer)
    paths = [block.path for block in backbone.blocks]
    assert paths == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    assert {block.drop for block in backbone.blocks} == {0.2}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_random_in_training_alone_and_each_image_has_its_own_features(name: str) -> None:
    backbone, images = create_backbone(name, SHAPE), random_images(9, SHAPE)
    assert not torch.equal(backbone(images), backbone(images))
    backbone.freeze()
    features = backbone.embed(backbone.prepare(images.array))
    assert torch.equal(features, backbone.embed(backbone.prepare(images.array)))
    alone = torch.cat([backbone.embed(backbone.prepare(images.array[i : i + 1])) for i in range(9)])
    torch.testing.assert_close(alone, features, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_positions_matter(name: str) -> None:
    """A shift by whole tokens changes the features, which it would not without positions."""
    backbone = create_backbone(f"{name}[tokens=mean]", SHAPE).freeze()
    assert isinstance(backbone, SmallTransformer)
    pixels = backbone.prepare(random_images(2, SHAPE).array)
    before = backbone.embed(pixels)
    order = torch.randperm(
        backbone.positions.shape[1] - 1, generator=torch.Generator().manual_seed(0)
    )
    backbone.positions.data[:, 1:] = backbone.positions[:, 1 + order]
    assert (backbone.embed(pixels) - before).abs().max() > 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_differentiated_twice(name: str) -> None:
    backbone = create_backbone(f"{name}[drop=0]", SHAPE)
    weights = list(backbone.parameters())
    loss = backbone(random_images(2, SHAPE)).square().mean()
    first = torch.autograd.grad(loss, weights, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), weights)
    assert all(torch.isfinite(tensor).all() for tensor in second)
    assert sum(tensor.abs().sum() for tensor in second) > 0


@pytest.mark.parametrize("name", NAMES)
def test_its_blocks_follow_the_computation(name: str) -> None:
    backbone = create_backbone(f"{name}[depth=4,tokens=mean]", SHAPE)
    blocks = parameter_blocks(backbone)
    assert "positions" in blocks[0]
    assert "norm.weight" in blocks[-1]
    assert [f"blocks.{i}.inputs.weight" in block for i, block in enumerate(blocks[-4:])] == [
        True
    ] * 4


def test_images_are_centred_before() -> None:
    images = random_images(4, SHAPE)
    prepared = create_backbone("vit", SHAPE).prepare(images.array)
    expected = torch.from_numpy(images.array).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close(prepared, expected)
