"""CLIP's zero-shot classifier (Radford et al., arXiv:2103.00020), and a small CLIP to train."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import (
    Backbone,
    BenchbenchError,
    Classifier,
    Images,
    LabelledEpisode,
    Method,
    Support,
    Task,
    TrainingSource,
    class_prompts,
    create_backbone,
    fit,
    fit_classifier,
    hookimpl,
)

TINY = "tiny"
LARGEST_SCALE = 100.0  # of the cosines (section 2.5)
WIDTH = 128  # of the tiny model's joint space
UNKNOWN = 0  # the index of words that training did not meet


@dataclass
class ClipZeroShot(Method):
    """Each query gets the class whose prompts are nearest in the joint space of images and text.

    A class is the mean of its prompts' normalised embeddings, normalised again. Scores are cosines
    times the model's temperature. Support images are not used.

    model: `tiny` trains a small dual encoder on the training classes' images and names; others are
        networks of open_clip with their weights, such as `ViT-B-32/laion2b_s34b_b79k` or
        `open_clip:ViT-B-32[weights=FILE.safetensors]`.
    templates: `auto` takes CLIP's prompts and class names for data sets that it was measured on,
        found by name, and else "a photo of a {}."; or the name of such a data set, whose prompts
        are then taken; or a template, in which {} is replaced by the class name.
    """

    name = "clip_zero_shot"
    paper = "arXiv:2103.00020"
    family = "zero-shot"
    uses_class_names = True
    model: str = TINY
    templates: str = "auto"

    def __post_init__(self) -> None:
        self.backbone = "conv4" if self.model == TINY else joint_space_of(self.model)
        self.embedded: dict[tuple[str, str], Tensor] = {}
        self.prompts("", "")  # Refuses unknown templates now.

    def skip(self, task: Task) -> str | None:
        if not task.has_class_names:
            return f"the classes of {task.dataset.partition('[')[0]} have no names in words"
        return None

    def train(self, source: TrainingSource) -> None:
        """CLIP's published recipe is for 400 million pairs; the tiny model's paper budget is the
        quick recipe with more steps.
        """
        backbone = create_backbone(self.backbone, source.image_shape, source.seed)
        if self.model != TINY:
            self.encoder = backbone
            fit_classifier(source, backbone)  # It leaves pre-trained weights as they are.
            return
        dataset = source.task.dataset
        texts = [text for name in source.class_names for text in self.prompts(name, dataset)]
        self.encoder = TinyEncoder(backbone, sorted(set(words_of(" ".join(texts)))))

        def loss(episode: LabelledEpisode) -> Tensor:
            self.embedded.clear()  # Each step changes the text encoder.
            names = [episode.support.class_names[slot] for slot in episode.query_labels]
            offered = [self.prompts(name, dataset) for name in names]
            texts = [prompts[source.rng.integers(len(prompts))] for prompts in offered]
            return self.loss(self.encoder(episode.query), self.encoder.encode_text(texts))

        fit(
            source,
            self.encoder,
            loss,
            # One image of each class, so that no two pairs share their text.
            source.episodes(source.budget.choose(smoke=32, quick=64, paper=256), shot=0, query=1),
            steps=source.budget.training_steps(smoke=40, quick=300, paper=20_000),
            lr=2e-3,
            weight_decay=0.05,
        )
        self.embedded.clear()  # The best weights need not be the last.

    def loss(self, images: Tensor, texts: Tensor) -> Tensor:
        # A cosine in bf16 is wrong by some thousandths, which the scale multiplies.
        with torch.autocast(images.device.type, enabled=False):
            return info_nce(images.float(), texts.float(), temperature(self.encoder))

    def adapt(self, support: Support) -> Classifier:
        classes = [self.embed_class(name, support.dataset) for name in support.class_names]
        centres = temperature(self.encoder) * torch.stack(classes)
        return lambda images: F.normalize(self.encoder(images), dim=1) @ centres.T

    def embed_class(self, name: str, dataset: str) -> Tensor:
        """The class's embedding [d] in the joint space; its text is embedded once."""
        if (dataset, name) not in self.embedded:
            with torch.no_grad():
                each = F.normalize(self.encoder.encode_text(self.prompts(name, dataset)), dim=1)
            self.embedded[dataset, name] = F.normalize(each.mean(0), dim=0)
        return self.embedded[dataset, name]

    def prompts(self, name: str, dataset: str) -> list[str]:
        return class_prompts(name, dataset, self.templates)


class TinyEncoder(nn.Module):
    """A small CLIP: a convolutional network for images, and two layers on the mean word vector.

    The order of words is lost, and words that training did not meet are left out.
    """

    def __init__(self, image: Backbone, words: list[str]) -> None:
        super().__init__()
        self.image = image
        self.projection = nn.Linear(image.feature_size, WIDTH, bias=False)
        self.number = {word: index for index, word in enumerate(words, start=1)}
        self.words = nn.EmbeddingBag(len(words) + 1, WIDTH, mode="mean", padding_idx=UNKNOWN)
        self.text = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH)
        )
        self.logit_scale = nn.Parameter(torch.tensor(log(1 / 0.07)))  # CLIP's section 2.5

    def forward(self, images: Images) -> Tensor:
        """Embeddings [n, WIDTH] in the joint space."""
        features: Tensor = self.projection(self.image(images))
        return features

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Embeddings [n, WIDTH] in the joint space."""
        numbers = [[self.number.get(word, UNKNOWN) for word in words_of(t)] for t in texts]
        length = max(map(len, numbers))
        padded = [line + [UNKNOWN] * (length - len(line)) for line in numbers]
        device = self.logit_scale.device
        features: Tensor = self.text(self.words(torch.tensor(padded, device=device)))
        return features


def info_nce(images: Tensor, texts: Tensor, scale: Tensor | float) -> Tensor:
    """The symmetric InfoNCE loss of n pairs [n, d], no two with the same text (CLIP, figure 3)."""
    logits = scale * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    pairs = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2


def temperature(encoder: Any) -> Tensor:
    """The factor on the cosines, at most 100."""
    scale: Tensor = encoder.logit_scale.exp().clamp(max=LARGEST_SCALE)
    return scale


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"\w+", text.lower())


def joint_space_of(model: str) -> str:
    """The spec of the backbone that embeds images and text.

    Raises BenchbenchError if no weights are named: random ones say nothing about names.
    """
    if "/" not in model.partition("[")[0] and "weights=" not in model:
        raise BenchbenchError(
            f"model={model} is neither {TINY} nor a network of open_clip with weights, such as "
            "ViT-B-32/openai or ViT-B-32[weights=FILE.safetensors]."
        )
    spec = model if model.startswith("open_clip:") else f"open_clip:{model}"
    return f"{spec[:-1]},projected=true]" if spec.endswith("]") else f"{spec}[projected=true]"


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(ClipZeroShot)
