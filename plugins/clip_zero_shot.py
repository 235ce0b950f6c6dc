"""CLIP's zero-shot classifier (Radford et al., arXiv:2103.00020), and a small CLIP to train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import (
    BenchbenchError,
    Classifier,
    DualEncoder,
    Method,
    Support,
    Task,
    TrainingSource,
    class_embedding,
    class_prompts,
    cosine_scale,
    create_backbone,
    fit_classifier,
    fit_image_text,
    hookimpl,
    pair_loss,
    words_of,
)

TINY = "tiny"


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
        self.encoder = DualEncoder(backbone, sorted(set(words_of(" ".join(texts)))))
        fit_image_text(
            source,
            self.encoder,
            lambda name: self.prompts(name, dataset),
            self.loss,
            pairs=source.budget.choose(smoke=32, quick=64, paper=256),
            steps=source.budget.training_steps(smoke=40, quick=300, paper=20_000),
            lr=2e-3,
            weight_decay=0.05,
        )
        self.embedded.clear()  # The best weights need not be the last.

    def loss(self, images: Tensor, texts: Tensor) -> Tensor:
        self.embedded.clear()  # Each step changes the text encoder.
        return pair_loss(self.encoder, images, texts)

    def adapt(self, support: Support) -> Classifier:
        classes = [self.embed_class(name, support.dataset) for name in support.class_names]
        centres = cosine_scale(self.encoder) * torch.stack(classes)
        return lambda images: F.normalize(self.encoder(images), dim=1) @ centres.T

    def embed_class(self, name: str, dataset: str) -> Tensor:
        """The class's embedding [d] in the joint space; its text is embedded once."""
        if (dataset, name) not in self.embedded:
            prompts = self.prompts(name, dataset)
            self.embedded[dataset, name] = class_embedding(self.encoder, prompts)
        return self.embedded[dataset, name]

    def prompts(self, name: str, dataset: str) -> list[str]:
        return class_prompts(name, dataset, self.templates)


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
