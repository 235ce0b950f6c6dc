"""What holds of every method that adapts an encoder of images and texts to a support."""

import pytest
import torch
from support.joint import noisy_support, permuted, renamed, unit_queries

from benchbench.learners.creation import create_methods
from benchbench.learners.image_text_method import ImageTextMethod, JointSupport

ADAPTERS = [
    "tip_adapter",
    "tip_adapter[alpha=30,beta=5]",
    "tip_adapter[alpha=auto,beta=auto]",
    "tip_adapter[alpha=10,finetune=true]",
    "clip_adapter",
    "lpplusplus[epochs=40]",
    "clap[epochs=30]",
    "clap[epochs=30,constraint=0]",
    "cross_modal[steps=40]",
]
ZERO_SHOT = [
    "tip_adapter[alpha=0]",
    "tip_adapter[alpha=0,finetune=true]",
    "clip_adapter[ratio=0]",
    "clap[epochs=0]",
    "clap[epochs=0,constraint=0]",
    "cross_modal[steps=0]",
    "cross_modal[ensemble=0]",
]


def scores(spec: str, known: JointSupport) -> torch.Tensor:
    (method,) = create_methods(spec)
    assert isinstance(method, ImageTextMethod)
    with torch.no_grad():  # as methods are asked
        return method.head(known)(unit_queries())


@pytest.mark.parametrize("spec", ZERO_SHOT)
def test_without_adaptation_the_scores_are_those_of_the_texts_to_the_bit(spec: str) -> None:
    known = noisy_support()
    assert torch.equal(scores(spec, known), known.zero_shot(unit_queries()))


@pytest.mark.parametrize("spec", ADAPTERS)
def test_the_support_counts_and_its_order_does_not(spec: str) -> None:
    known = noisy_support()
    found = scores(spec, known)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert not torch.allclose(found, known.zero_shot(unit_queries()), atol=1e-3)
    order = torch.randperm(len(known.labels), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(scores(spec, permuted(known, order)), found, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("spec", ADAPTERS)
def test_slots_in_another_order_are_scores_in_another_order(spec: str) -> None:
    known = noisy_support()
    slots = torch.tensor([2, 0, 3, 1])
    found = scores(spec, renamed(known, slots))
    torch.testing.assert_close(found, scores(spec, known)[:, slots], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("spec", ADAPTERS)
def test_the_support_is_learned(spec: str) -> None:
    """The cross-entropy of the support's own images falls below that of the texts alone."""
    known = noisy_support()
    (method,) = create_methods(spec)
    adapted = method.head(known)(known.features)
    loss = torch.nn.functional.cross_entropy
    assert loss(adapted, known.labels) < loss(known.zero_shot(known.features), known.labels)


@pytest.mark.parametrize("spec", ADAPTERS)
def test_a_class_without_images_has_finite_scores(spec: str) -> None:
    known = noisy_support(shot=2)
    some = known.labels != 1
    fewer = JointSupport(known.features[some], known.labels[some], known.texts, known.scale)
    assert scores(spec, fewer).isfinite().all()
