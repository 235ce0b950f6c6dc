"""Methods that start from an encoder of images and texts, and may adapt it to a support set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.backbones import create_backbone
from benchbench.backbones.base import Backbone, module_sha256
from benchbench.datasets.prompts import class_prompts
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.learners.image_text import (
    LARGEST_SCALE,
    DualEncoder,
    JointEncoder,
    class_embedding,
    cosine_scale,
    fit_image_text,
    pair_loss,
    words_of,
)
from benchbench.learners.pretrained import fit_classifier
from benchbench.learners.shared_training import shared_folder, training_key
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

    model: `tiny` trains a small dual encoder on the training classes' images and names, once for
        all methods of this kind; others are networks of open_clip with their weights, such as
        `ViT-B-32/laion2b_s34b_b79k` or `open_clip:ViT-B-32[weights=FILE.safetensors]`.
    templates: `auto` takes CLIP's prompts and class names for data sets that it was measured on,
        found by name, and else "a photo of a {}."; or the name of such a data set, whose prompts
        are then taken; or a template, in which {} is replaced by the class name.
    """

    uses_class_names = True
    encoder: JointEncoder = field(init=False, repr=False, compare=False)
    model: str = TINY
    templates: str = "auto"

    def __post_init__(self) -> None:
        self.backbone = "conv4" if self.model == TINY else joint_space_of(self.model)
        self.embedded: dict[tuple[str, str], Tensor] = {}
        self.nothing_chosen()
        self.prompts("", "")  # Refuses unknown templates now.

    @property
    def pretrains(self) -> bool:
        """Whether the encoder is trained here, once for all methods of this kind."""
        return self.model == TINY

    def skip(self, task: Task) -> str | None:
        if not task.has_class_names:
            return f"the classes of {task.dataset.partition('[')[0]} have no names in words"
        if self.model == TINY and not task.has_training_classes:
            cure = "use a model with weights, such as model=ViT-B-32/openai"
            return f"it learns from training classes and this task has none; {cure}"
        return super().skip(task)

    def train(self, source: TrainingSource) -> None:
        """CLIP's published recipe is for 400 million pairs; the tiny model's paper budget is the
        quick recipe with more steps.
        """
        backbone = create_backbone(self.backbone, source.image_shape, source.seed)
        if self.model == TINY:
            self._train_tiny(source, backbone)
        else:
            self.encoder = backbone  # type: ignore[assignment]  # it is one with `projected`
            fit_classifier(source, backbone)  # It leaves pre-trained weights as they are.
        self.choose(source)

    def _train_tiny(self, source: TrainingSource, backbone: Backbone) -> None:
        """Train a `DualEncoder`, or load the result of such a training.

        The best weights are those whose texts classify the validation classes best, at the task's
        way and shot: they do not depend on what a method makes of the support.
        """
        dataset = source.task.dataset
        texts = {name: self.prompts(name, dataset) for name in source.class_names}
        words = {word for prompts in texts.values() for text in prompts for word in words_of(text)}
        self.encoder = encoder = DualEncoder(backbone, sorted(words))
        task = source.task
        facts = {
            "initial": module_sha256(encoder),
            "texts": hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest(),
            "validation": [task.n_way, task.n_shot, None if task.n_way else task.protocol],
        }
        with shared_folder(source, TINY, training_key(source, facts)) as folder:
            fit_image_text(
                source,
                encoder,
                lambda name: self.prompts(name, dataset),
                self._loss,
                pairs=source.budget.choose(smoke=32, quick=64, paper=256),
                steps=source.budget.training_steps(smoke=40, quick=300, paper=20_000),
                lr=2e-3,
                weight_decay=0.05,
                stage="image_text",
                validate=lambda: source.validate(self.zero_shot),
                folder=folder,
            )
        self.embedded.clear()  # The best weights need not be the last.

    def _loss(self, images: Tensor, texts: Tensor) -> Tensor:
        self.embedded.clear()  # Each step changes the text encoder.
        return pair_loss(self.encoder, images, texts)

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
