"""Supports in the joint space of images and texts, for tests of what adapts to them."""

import torch
import torch.nn.functional as F

from benchbench.learners.image_text_method import JointSupport


def known_support(
    features: list[list[float]],
    labels: list[int],
    texts: list[list[float]],
    scale: float = 100.0,
) -> JointSupport:
    """A support as it is written down, in float32."""
    return JointSupport(
        torch.tensor(features), torch.tensor(labels), torch.tensor(texts), torch.tensor(scale)
    )


def noisy_support(shot: int = 3, way: int = 4, size: int = 8, scale: float = 20.0) -> JointSupport:
    """Images of classes that lie between their text and a place of their own, and noise."""
    generator = torch.Generator().manual_seed(7)
    texts = F.normalize(torch.randn(way, size, generator=generator), dim=1)
    centres = texts + 0.7 * torch.randn(way, size, generator=generator)
    labels = torch.arange(way).repeat_interleave(shot)
    noise = 0.5 * torch.randn(way * shot, size, generator=generator)
    features = F.normalize(centres[labels] + noise, dim=1)
    return JointSupport(features, labels, texts, torch.tensor(scale), seed=3)


def permuted(known: JointSupport, order: torch.Tensor) -> JointSupport:
    """The same images in another order."""
    return JointSupport(
        known.features[order], known.labels[order], known.texts, known.scale, known.seed
    )


def renamed(known: JointSupport, slots: torch.Tensor) -> JointSupport:
    """The same classes in other slots: what was `slots[i]` is i."""
    places = torch.argsort(slots)
    return JointSupport(
        known.features, places[known.labels], known.texts[slots], known.scale, known.seed
    )


def unit_queries(n: int = 30, size: int = 8) -> torch.Tensor:
    return F.normalize(torch.randn(n, size, generator=torch.Generator().manual_seed(1)), dim=1)
