"""Methods that start from an encoder of images and texts, and may adapt it to a support set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.backbones import create_backbone
from benchbench.datasets.prompts import class_prompts
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.learners.image_text import (
    LARGEST_SCALE,
    JointEncoder,
    class_embedding,
    cosine_scale,
)
from benchbench.learners.image_text_pretraining import (
    PLAIN,
    ImageTextPretraining,
    fit_dual_encoder,
    without_words,
)
from benchbench.learners.pretrained import fit_classifier
from benchbench.learners.validated import SWEPT, ValidatedMethod
from benchbench.method import Classifier, Support, Task
from benchbench.training.source import TrainingSource

TINY = "tiny"
Head: TypeAlias = Callable[[Tensor], Tensor]
"""Features [n, d] of unit length to scores [n, n_way]."""


@dataclass(frozen=True)
class JointSupport:
    """The support of an episode in the joint space of images and texts.

    features: of the images, of unit length, float32 [n, d]. labels: int64 [n], of class slots.
    texts: the classes by their prompts, of unit length, float32 [n_way, d]. scale: on cosines.
    seed: as `Support.seed`.
    """

    features: Tensor
    labels: Tensor
    texts: Tensor
    scale: Tensor
    seed: int = 0

    @property
    def one_hot(self) -> Tensor:
        """The labels as float32 [n, n_way]."""
        return F.one_hot(self.labels, len(self.texts)).to(self.features)

    @property
    def share_of_scale(self) -> float:
        """The scale over CLIP's 100, with which the authors chose numbers in units of logits."""
        return float(self.scale) / LARGEST_SCALE

    def zero_shot(self, features: Tensor) -> Tensor:
        """Scores [m, n_way] by the texts alone, of features [m, d] of unit length."""
        return features @ (self.scale * self.texts).T

    def double(self) -> JointSupport:
        """The same in float64, so that the order of images leaves no trace in what is learned."""
        tensors = self.features.double(), self.labels, self.texts.double(), self.scale.double()
        return JointSupport(*tensors, self.seed)


@dataclass
class ImageTextMethod(ValidatedMethod):
    """A method that starts from `encoder`, which embeds images and texts in one space.

    Without support images its scores are those of the texts alone.

    model: `tiny` trains a small dual encoder on the training classes' images and names, by the
        objective `ImageTextPretraining` and once for all methods; others are networks of open_clip
        with their weights, such as `ViT-B-32/laion2b_s34b_b79k` or
        `open_clip:ViT-B-32[weights=FILE.safetensors]`.
    templates: `auto` takes CLIP's prompts and class names for data sets that it was measured on,
        found by name, and else "a photo of a {}."; or the name of such a data set, whose prompts
        are then taken; or a template, in which {} is replaced by the class name.
    """

    uses_class_names = True
    encoder: JointEncoder = field(init=False, repr=False, compare=False)
    model: str = TINY
    templates: str = "auto"

    def __post_init__(self) -> None:
        self.backbone = PLAIN if self.model == TINY else joint_space_of(self.model)
        self.embedded: dict[tuple[str, str], Tensor] = {}
        self.nothing_chosen()
        self.prompts("", "")  # Refuses unknown templates now.

    @property
    def pretrains(self) -> bool:
        """Whether the encoder is trained here, once for all methods of this kind."""
        return self.model == TINY

    def skip(self, task: Task) -> str | None:
        if not task.has_class_names:
            return without_words(task)
        if self.model == TINY and not task.has_training_classes:
            cure = "use a model with weights, such as model=ViT-B-32/openai"
            return f"it learns from training classes and this task has none; {cure}"
        return super().skip(task)

    def train(self, source: TrainingSource) -> None:
        backbone = create_backbone(self.backbone, source.image_shape, source.seed)
        self.embedded.clear()
        if self.model == TINY:
            objective = ImageTextPretraining(templates=self.templates)
            self.encoder, _ = fit_dual_encoder(source, backbone, objective)
        else:
            self.encoder = backbone  # type: ignore[assignment]  # it is one with `projected`
            fit_classifier(source, backbone)  # It leaves pre-trained weights as they are.
        self.choose(source)

    def zero_shot(self, support: Support) -> Classifier:
        """The classifier by the classes' texts alone, which looks at no support image."""
        centres = cosine_scale(self.encoder) * self.class_texts(support)
        return lambda images: self.features(images) @ centres.T

    def adapt(self, support: Support) -> Classifier:
        if len(support.images) == 0:
            return self.zero_shot(support)
        known = self.joint(support)
        head = self._swept(known, support).head(known)
        return lambda images: head(self.features(images))

    def _swept(self, known: JointSupport, support: Support) -> Self:
        """The method whose parameters are those that are right about most validation images.

        Parameters that are `sweep` are settled one after the other; of equals the first counts.
        """
        method = self
        for name, values in self.of_value(SWEPT).items():
            images, labels = support.validation
            features = self.features(images)
            tried = [method.with_choice(name, value) for value in values]
            answers = [one.head(known)(features).argmax(1).cpu() for one in tried]
            right = [int((answer == labels).sum()) for answer in answers]
            method = tried[right.index(max(right))]
        return method

    def head(self, known: JointSupport) -> Head:
        """What turns features of queries into scores; all that an adapter has to say."""
        raise NotImplementedError(f"{type(self).__name__} has no head(known)")

    def joint(self, support: Support) -> JointSupport:
        """The support in the joint space, without a gradient."""
        with torch.no_grad():
            features = self.features(support.images)
            scale = cosine_scale(self.encoder).detach()
        labels = support.labels.to(features.device)
        return JointSupport(features, labels, self.class_texts(support), scale, support.seed)

    def features(self, images: Images) -> Tensor:
        """Features [n, d] of images, of unit length."""
        return F.normalize(self.encoder(images), dim=1)

    def class_texts(self, support: Support) -> Tensor:
        """The embeddings [n_way, d] of the classes' prompts, of unit length; each is made once."""
        return torch.stack([self._embed(name, support.dataset) for name in support.class_names])

    def _embed(self, name: str, dataset: str) -> Tensor:
        if (dataset, name) not in self.embedded:
            prompts = self.prompts(name, dataset)
            self.embedded[dataset, name] = class_embedding(self.encoder, prompts)
        return self.embedded[dataset, name]

    def prompts(self, name: str, dataset: str) -> list[str]:
        """The texts of a class by its name and data set."""
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
