"""Encoders of images and texts in one space, the loss of their pairs, and a small one to train.

The formulas are CLIP's (Radford et al., ICML 2021, arXiv:2103.00020).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from math import log
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones.base import Backbone
from benchbench.images import Images
from benchbench.training.budget import FitRecord
from benchbench.training.fit import fit
from benchbench.training.labelled import LabelledEpisode
from benchbench.training.source import TrainingSource

LARGEST_SCALE = 100.0  # of the cosines (section 2.5)
FIRST_TEMPERATURE = 0.07  # (section 2.5)
UNKNOWN = 0  # the index of words that are not in the vocabulary


class JointEncoder(Protocol):
    """What embeds images and texts: `DualEncoder`, and `open_clip:...[projected=true]`."""

    @property
    def logit_scale(self) -> Tensor:
        """The logarithm of the factor on the cosines."""

    def __call__(self, images: Images, /) -> Tensor:
        """Embeddings [n, d] of images."""

    def encode_text(self, texts: list[str], /) -> Tensor:
        """Embeddings [n, d] of texts."""


class PromptedEncoder(JointEncoder, Protocol):
    """A `JointEncoder` whose texts may begin with word vectors that no word has."""

    def context_of(self, text: str, /) -> Tensor:
        """The word vectors [m, width] of a text."""

    def encode_in_context(self, context: Tensor, names: list[str], /) -> Tensor:
        """Embeddings [n, d] of the texts "CONTEXT NAME.".

        context: word vectors [m, width] that all names have before them, or [n, m, width] of each.
        """


class DualEncoder(nn.Module):
    """A backbone with a linear projection for images, and two layers on the mean word vector.

    The order of words is lost, and words that are not in the vocabulary are left out.

    image: its features are projected. vocabulary: words as `words_of` gives, each once. width: of
        the joint space.
    """

    def __init__(self, image: Backbone, vocabulary: Iterable[str], width: int = 128) -> None:
        super().__init__()
        self.image = image
        self.projection = nn.Linear(image.feature_size, width, bias=False)
        self.number = {word: index for index, word in enumerate(vocabulary, start=1)}
        self.words = nn.EmbeddingBag(len(self.number) + 1, width, mode="mean", padding_idx=UNKNOWN)
        self.text = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
        )
        self.logit_scale = nn.Parameter(torch.tensor(log(1 / FIRST_TEMPERATURE)))

    def forward(self, images: Images) -> Tensor:
        """Embeddings [n, width] in the joint space."""
        features: Tensor = self.projection(self.image(images))
        return features

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Embeddings [n, width] in the joint space."""
        numbers = [[self.number.get(word, UNKNOWN) for word in words_of(t)] for t in texts]
        length = max(map(len, numbers))
        padded = [line + [UNKNOWN] * (length - len(line)) for line in numbers]
        device = self.logit_scale.device
        features: Tensor = self.text(self.words(torch.tensor(padded, device=device)))
        return features

    def context_of(self, text: str) -> Tensor:
        """The vectors [m, width] of a text's words; those outside the vocabulary are left out."""
        return self.words.weight[self._known(text)]

    def encode_in_context(self, context: Tensor, names: Sequence[str]) -> Tensor:
        """Embeddings [n, width] of names behind word vectors [m, width], or [n, m, width]."""
        words = [self.context_of(name) for name in names]
        sums = context.sum(-2) + torch.stack([own.sum(0) for own in words])
        counts = torch.tensor([context.shape[-2] + len(own) for own in words]).to(sums)
        features: Tensor = self.text(sums / counts[:, None])
        return features

    def _known(self, text: str) -> list[int]:
        numbers = [self.number.get(word, UNKNOWN) for word in words_of(text)]
        return [number for number in numbers if number != UNKNOWN]


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"\w+", text.lower())


def cosine_scale(encoder: JointEncoder) -> Tensor:
    """The factor on the cosines of an encoder, the inverse of its temperature: at most 100."""
    return encoder.logit_scale.exp().clamp(max=LARGEST_SCALE)


def info_nce(images: Tensor, texts: Tensor, scale: Tensor | float) -> Tensor:
    """The symmetric InfoNCE loss of n pairs [n, d], no two with the same text (CLIP, figure 3)."""
    logits = scale * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    pairs = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2


def pair_loss(encoder: JointEncoder, images: Tensor, texts: Tensor) -> Tensor:
    """`info_nce` of embeddings [n, d] at the encoder's own scale, in float32."""
    # A cosine in bf16 is wrong by some thousandths, which the scale multiplies.
    with torch.autocast(images.device.type, enabled=False):
        return info_nce(images.float(), texts.float(), cosine_scale(encoder))


def fit_image_text(
    source: TrainingSource,
    encoder: DualEncoder,
    prompts: Callable[[str], list[str]],
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    pairs: int,
    **options: Any,
) -> FitRecord:
    """Train an encoder on images and names of the training classes, for `uses_class_names` alone.

    prompts: the texts that may describe a class by its name; each pair draws one. loss: of the
    embeddings [n, d] of images and of their texts, such as `pair_loss` of this encoder. pairs: of a
    step, one image of a class each, so that no two share their text. options: of `fit`.
    """

    def episode_loss(episode: LabelledEpisode) -> Tensor:
        names = [episode.support.class_names[slot] for slot in episode.query_labels]
        offered = [prompts(name) for name in names]
        texts = [each[source.rng.integers(len(each))] for each in offered]
        return loss(encoder(episode.query), encoder.encode_text(texts))

    return fit(source, encoder, episode_loss, source.episodes(pairs, shot=0, query=1), **options)


def class_embedding(encoder: JointEncoder, prompts: list[str]) -> Tensor:
    """A class [d] by its prompts: the mean of their normalised embeddings, normalised again.

    It is without a gradient. (section 3.1.4)
    """
    with torch.no_grad():
        each = F.normalize(encoder.encode_text(prompts), dim=1)
    return F.normalize(each.mean(0), dim=0)
