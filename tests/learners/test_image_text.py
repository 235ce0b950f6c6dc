"""The joint space of images and texts: its loss, its small encoder, its training."""

from math import log

import pytest
import torch
import torch.nn.functional as F
from support.learning import make_source
from support.pictures import random_images

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.image_text import (
    DualEncoder,
    class_embedding,
    cosine_scale,
    fit_image_text,
    info_nce,
    pair_loss,
    words_of,
)
from benchbench.method import Method
from benchbench.training.budget import Budget


class Named(Method):
    name = "named"
    uses_class_names = True


def encoder_of(text: str) -> DualEncoder:
    torch.manual_seed(0)
    return DualEncoder(create_backbone("conv4[width=4]", (16, 16, 1)), words_of(text), width=8)


@pytest.mark.parametrize("n", [1, 2, 7, 64])
@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0])
def test_info_nce_of_equal_embeddings_is_the_logarithm_of_their_number(n, scale) -> None:
    same = torch.tensor([3.0, -1.0, 2.0]).expand(n, 3)
    assert float(info_nce(same, 5 * same, scale)) == pytest.approx(log(n), abs=1e-5)


def test_info_nce_is_symmetric_and_small_where_pairs_match() -> None:
    torch.manual_seed(0)
    images, texts = torch.randn(6, 4), torch.randn(6, 4)
    loss = info_nce(images, texts, 10.0)
    torch.testing.assert_close(loss, info_nce(texts, images, 10.0))
    order = torch.randperm(6)
    torch.testing.assert_close(loss, info_nce(images[order], texts[order], 10.0))
    cosines = torch.cosine_similarity(images[:, None], texts[None], dim=2)
    rows, columns = (F.log_softmax(10 * cosines, dim).diagonal() for dim in (1, 0))
    torch.testing.assert_close(loss, -(rows + columns).mean() / 2)
    assert info_nce(torch.eye(6), torch.eye(6), 100.0) < 1e-6


def test_unknown_words_are_left_out() -> None:
    encoder = encoder_of("a big red cat").eval()
    embed = encoder.encode_text
    torch.testing.assert_close(embed(["a red zebra"]), embed(["red, A"]))
    assert not torch.allclose(embed(["red cat"]), embed(["big cat"]))
    assert torch.isfinite(F.normalize(embed(["", "zebra"]), dim=1)).all()


def test_the_scale_is_that_of_the_paper_and_at_most_100() -> None:
    encoder = encoder_of("a cat").requires_grad_(False)
    assert float(cosine_scale(encoder)) == pytest.approx(1 / 0.07)
    encoder.logit_scale.fill_(log(1000.0))
    assert float(cosine_scale(encoder)) == pytest.approx(100)


def test_images_and_texts_are_in_one_space_of_the_width() -> None:
    encoder = encoder_of("a big red cat")
    assert encoder(random_images(3)).shape == (3, 8)
    assert encoder.encode_text(["a cat", "red"]).shape == (2, 8)


def test_a_class_is_the_normalised_mean_of_its_normalised_prompts() -> None:
    encoder = encoder_of("a big red cat").eval()
    prompts = ["a cat", "big red cat", "red"]
    texts = encoder.encode_text(prompts)
    expected = (texts / texts.norm(dim=1, keepdim=True)).mean(0)
    found = class_embedding(encoder, prompts)
    torch.testing.assert_close(found, (expected / expected.norm()).detach())
    assert not found.requires_grad


def test_the_loss_of_pairs_is_info_nce_in_float32_at_the_encoders_scale() -> None:
    encoder, images, texts = encoder_of("a cat"), torch.randn(4, 8), torch.randn(4, 8)
    with torch.autocast("cpu", torch.bfloat16):
        found = pair_loss(encoder, images, texts)
    torch.testing.assert_close(found, info_nce(images, texts, 1 / 0.07))


def test_training_has_pairs_of_different_classes_and_one_of_their_prompts(
    dataset: OpenDataset,
) -> None:
    source = make_source(dataset, Named(), budget=Budget("smoke", 2))
    source.validate = lambda: None  # type: ignore[method-assign]
    encoder, seen = encoder_of("class 0 1 2 3 4 5 6 7 8 9 10 11 it is"), []
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    embed = encoder.encode_text
    encoder.encode_text = lambda texts: seen.append(texts) or embed(texts)  # type: ignore[method-assign]
    shapes: list[tuple[int, ...]] = []

    def loss(images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        shapes.extend([tuple(images.shape), tuple(texts.shape)])
        return pair_loss(encoder, images, texts)

    fit_image_text(source, encoder, lambda name: [name, f"it is {name}"], loss, pairs=6, steps=2)
    assert shapes == [(6, 8)] * 4
    for texts in seen:
        assert len({text.removeprefix("it is ") for text in texts}) == 6
    assert {text.startswith("it is") for texts in seen for text in texts} == {True, False}
    changed = [
        name
        for name, tensor in encoder.state_dict().items()
        if not torch.equal(tensor, before[name])
    ]
    assert {"logit_scale", "projection.weight", "words.weight"} <= set(changed)


def test_names_in_context_are_texts_that_begin_with_it() -> None:
    encoder = encoder_of("a big red cat and dog").eval()
    names = ["red cat", "dog", "zebra"]  # of which the vocabulary lacks the last
    found = encoder.encode_in_context(encoder.context_of("a big"), names)
    expected = encoder.encode_text([f"a big {name}." for name in names])
    torch.testing.assert_close(found, expected)
    each = torch.stack([encoder.context_of(words) for words in ("a big", "big red", "and a")])
    own = encoder.encode_in_context(each, names)
    expected = encoder.encode_text(["a big red cat", "big red dog", "and a"])
    torch.testing.assert_close(own, expected)
