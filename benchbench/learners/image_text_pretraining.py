"""The objective of images and their texts, and the training of a small encoder of both by it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones.base import Backbone, module_sha256
from benchbench.datasets.prompts import class_prompts
from benchbench.learners.health import said, warn_of_collapse
from benchbench.learners.image_text import (
    DualEncoder,
    JointEncoder,
    class_embedding,
    cosine_scale,
    fit_image_text,
    pair_loss,
    words_of,
)
from benchbench.learners.network_needs import as_needed
from benchbench.learners.pretraining import AS_IT_IS, COLLAPSED, ObjectiveRecipe, Pretraining
from benchbench.learners.shared_training import shared_folder, training_key
from benchbench.method import Classifier, Support, Task
from benchbench.registry import specs
from benchbench.runs.method_card import source_sha256
from benchbench.system.compute import separate_randomness
from benchbench.training.budget import FitRecord
from benchbench.training.source import TrainingSource

HEALTH_BATCH = 128
"""The images whose embeddings tell the health of an encoder."""
Adapt = Callable[[Support], Classifier]
PLAIN = "conv4"
"""The backbone of image-text methods, which was the only one at first, so that the key of
its training does not name it."""


@dataclass
class ImageTextPretraining(Pretraining):
    """Tells an image's text from those of other classes, and an image by its text, by cosines.

    The symmetric InfoNCE loss at a learned temperature, of images of different classes and one of
    the prompts of each; no two images of a step share their text. Texts are the mean of word
    vectors, learned from scratch in two layers, and images are not augmented, as a flip would turn
    one class into another on some data.

    templates: the prompts of a class by its name: `auto` takes CLIP's for data sets that it was
        measured on, and else "a photo of a {}."; or the name of such a data set, or a template.
    select: the weights whose texts are right about most of the validation classes' images, at the
        task's way and shot, are kept; or the `last`.
    """

    name = "clip"
    paper = "arXiv:2103.00020"
    uses_labels = True
    uses_class_names = True
    augment = ""
    select: Literal["last", "validation"] = "validation"
    templates: str = "auto"

    def __post_init__(self) -> None:
        self.prompts("", "")  # Refuses unknown templates now.

    def prompts(self, name: str, dataset: str) -> list[str]:
        """The texts of a class by its name and data set."""
        return class_prompts(name, dataset, self.templates)

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        """The loss of embeddings [n, d] of images and of their texts, at the encoder's scale."""
        encoder: Any = network["encoder"]
        return pair_loss(encoder, *embedded)

    def sickness(self, health: dict[str, float]) -> str:
        """As for views, from a smaller spread: embeddings of images and of texts begin in cones."""
        return super().sickness(health) * (health.get("spread", 1.0) < COLLAPSED / 10)

    def smoke(self, task: Task) -> ObjectiveRecipe:
        """A recipe for seconds."""
        return replace(self.quick(task), batch=32, steps=40)

    def quick(self, task: Task) -> ObjectiveRecipe:
        return ObjectiveRecipe(64, 2e-3, steps=300, weight_decay=0.05)

    def published(self, task: Task) -> ObjectiveRecipe:
        """The quick recipe with more steps, as CLIP's own is for 400 million pairs."""
        return replace(self.quick(task), batch=256, steps=20_000)


def fit_dual_encoder(
    source: TrainingSource, backbone: Backbone, objective: ImageTextPretraining
) -> tuple[DualEncoder, FitRecord]:
    """Train a `DualEncoder` of the backbone by an objective, or load the result of such a training.

    It is then frozen. In the `shared` folder, if any, one training serves every method with the
    same data, backbone, prompts, objective, budget, seed and precision; also the same way and shot,
    where validation chooses. Raises MethodError if the source's method does not declare that it
    uses class names.
    """
    dataset = source.task.dataset
    texts = {name: objective.prompts(name, dataset) for name in source.class_names}
    words = {word for prompts in texts.values() for text in prompts for word in words_of(text)}
    with separate_randomness(source.seed):
        encoder = DualEncoder(backbone, sorted(words))
    network = nn.ModuleDict({"encoder": encoder})
    recipe = _recipe(source, objective)
    whole = recipe.length(per_epoch=max(1, len(source.images) // recipe.batch))
    steps = source.budget.training_steps(smoke=whole, quick=whole, paper=whole)
    key = training_key(source, _facts(source, encoder, objective, texts))
    # Named as the model that image-text methods make of it.
    with shared_folder(source, "tiny", key) as folder:
        record = fit_image_text(
            source,
            encoder,
            lambda name: objective.prompts(name, dataset),
            lambda images, texts: objective.loss(network, images, texts),
            pairs=recipe.batch,
            **as_needed(backbone, recipe.arguments(steps)),
            stage="image_text",
            health=lambda: said(source, objective, _health(source, network, objective)),
            validate=_selection(source, encoder, objective),
            folder=folder,
        )
    warn_of_collapse(source, objective, record)
    return encoder, record


def _health(
    source: TrainingSource, network: nn.ModuleDict, objective: ImageTextPretraining
) -> dict[str, float]:
    """The objective's health of embeddings of a batch of training images."""
    encoder: Any = network["encoder"].eval()
    images = source.views(HEALTH_BATCH, [AS_IT_IS])[0][0]
    with torch.no_grad():
        return objective.health(network, encoder(images).float())


def without_words(task: Task) -> str:
    """Why a task is skipped whose classes have no names in words."""
    return f"the classes of {task.dataset.partition('[')[0]} have no names in words"


def by_texts(encoder: JointEncoder, prompts: Callable[[str, str], list[str]]) -> Adapt:
    """`adapt` of the nearest texts, by a class's prompts, which looks at no support image."""
    text = cache(lambda name, dataset: class_embedding(encoder, prompts(name, dataset)))

    def adapt(support: Support) -> Classifier:
        texts = torch.stack([text(name, support.dataset) for name in support.class_names])
        centres = cosine_scale(encoder) * texts
        return lambda images: F.normalize(encoder(images), dim=1) @ centres.T

    return adapt


def _recipe(source: TrainingSource, objective: ImageTextPretraining) -> ObjectiveRecipe:
    """The recipe of the budget."""
    made = source.budget.choose(
        smoke=objective.smoke, quick=objective.quick, paper=objective.published
    )
    return made(source.task)


def _facts(
    source: TrainingSource,
    encoder: DualEncoder,
    objective: ImageTextPretraining,
    texts: dict[str, list[str]],
) -> dict[str, Any]:
    """What the training is known by; what is as in the plain objective leaves it as it was."""
    task, backbone = source.task, encoder.image
    facts: dict[str, Any] = {
        "initial": module_sha256(encoder),
        "texts": hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest(),
    }
    if objective.select == "validation":
        varying = None if task.n_way else task.protocol
        facts["validation"] = [task.n_way, task.n_shot, varying]
    if specs.text_of(backbone) != PLAIN:
        facts["backbone"] = specs.text_of(backbone)
    if type(objective) is not ImageTextPretraining:
        facts["objective"] = specs.text_of(objective)
        facts["code"] = source_sha256(type(objective))
    if backbone.training_needs is not None:
        facts["needs"] = asdict(backbone.training_needs)
    return facts


def _selection(
    source: TrainingSource, encoder: DualEncoder, objective: ImageTextPretraining
) -> Callable[[], float | None]:
    """What scores the weights: nothing where the last ones are kept."""
    if objective.select == "last":
        return lambda: None
    return lambda: source.validate(by_texts(encoder, objective.prompts))
