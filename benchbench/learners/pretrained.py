"""Pre-training by classification of the training classes, once for all methods that need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.backbones.base import Backbone
from benchbench.backbones.feature_cache import embedded
from benchbench.images import Images
from benchbench.learners.classifier_recipe import ClassifierRecipe
from benchbench.learners.network_needs import as_needed
from benchbench.learners.objective_training import (
    ClassificationObjective,
    create_objective,
    fit_objective,
)
from benchbench.learners.shared_training import backbone_key, nearest_mean, shared_folder
from benchbench.learners.starting import ObjectiveFirst
from benchbench.method import Task
from benchbench.system.compute import separate_randomness
from benchbench.training.budget import FitRecord
from benchbench.training.fit import fit, learns
from benchbench.training.labelled import Batch
from benchbench.training.schedules import cosine
from benchbench.training.source import TrainingSource
from benchbench.training.streams import BatchStream

EMBEDDED_TOGETHER = 256
"""Images in one pass when many are embedded."""


@dataclass
class PretrainedMethod(ObjectiveFirst):
    """A method that starts from `encoder`, a network trained once for all methods of this kind.

    backbone: trained to classify the training classes, unless it comes with weights.
    pretrain: what the backbone is trained by; other objectives than `classification` take no
        labels, a fraction of them, or the classes' names as well, see `benchbench list
        pretrainings`.
    """

    pretrains: ClassVar[bool] = True
    encoder: Backbone = field(init=False, repr=False, compare=False)
    classification: Classification | None = field(
        default=None, init=False, repr=False, compare=False
    )
    """The head of the training classes; None where the encoder was not trained here. It is no
    parameter of a method that does not keep `classification.head` as an attribute."""
    backbone: str = "conv4"
    pretrain: str = "classification"

    @property
    def training_labels(self) -> str:  # type: ignore[override]
        """As the objective has it; weights from elsewhere count as learned from labels."""
        objective = self.objective
        if objective is None or objective.uses_labels:
            return "all" if self.labelled >= 1 else "fraction"
        return "none" if objective.select == "last" else "validation only"

    @property
    def labelled(self) -> float:  # type: ignore[override]
        """As the objective has it."""
        return 1.0 if self.objective is None else float(self.objective.labelled)

    @property
    def starts_from(self) -> str:
        return self.pretrain

    def skip(self, task: Task) -> str | None:
        return super().skip(task) or self._without_images(task) or self.without_names(task)

    def _without_images(self, task: Task) -> str | None:
        """Why it does not apply, if there is nothing that its objective could learn from."""
        if task.has_unlabelled_part and self.training_labels == "none":
            return None
        reason = without_training_classes(task, self.backbone, weights=True)
        cure = ", or an objective of pre-training that takes no labels"
        return reason and reason + cure * task.has_unlabelled_part

    def published(self, task: Task) -> ClassifierRecipe | None:
        """How the paper learns the training classes, for the paper budget; None is as all do."""
        return None

    def train(self, source: TrainingSource) -> None:
        self.encoder = create_backbone(self.backbone, source.image_shape, source.seed)
        recipe = self.published(source.task) if source.budget.name == "paper" else None
        self.classification = fit_start(source, self.encoder, self.pretrain, recipe)


def without_training_classes(task: Task, backbone: str, *, weights: bool) -> str | None:
    """Why a method with this backbone does not apply, if the task has no training classes.

    weights: whether it is content with a backbone that comes with weights, or has none.
    """
    if task.has_training_classes:
        return None
    made = create_backbone(backbone, task.image_shape, seed=0)
    if not learns(made) or (weights and made.pretrained_on):
        return None
    cure = "; use a backbone with weights, or pixels" if weights else ""
    return f"it learns from training classes and this task has none{cure}"


@dataclass(frozen=True)
class Classification:
    """What `fit_classifier` has learned in addition to the backbone.

    head: from its features to the logits of the training classes, by label of a batch; frozen.
    """

    head: nn.Linear
    record: FitRecord


def fit_start(
    source: TrainingSource, backbone: Backbone, pretrain: str, recipe: ClassifierRecipe | None
) -> Classification | None:
    """Train the backbone by the objective of this spec; recipe: as in `fit_classifier`.

    The result is None for other objectives than `classification`.
    """
    objective = create_objective(pretrain)
    if isinstance(objective, ClassificationObjective):
        return fit_classifier(source, backbone, recipe)
    fit_objective(source, backbone, objective)
    return None


def fit_classifier(
    source: TrainingSource, backbone: Backbone, recipe: ClassifierRecipe | None = None
) -> Classification | None:
    """Train the backbone to classify all training classes, or load the result of such a training.

    A backbone without parameters, or with pre-trained weights, is frozen and the result is None.
    The loss is the cross-entropy of a linear head; the weights kept are those whose nearest class
    means classify 5-way 1-shot validation episodes best, so that they depend neither on the method,
    as in Triantafillou et al. (Meta-Dataset, ICLR 2020) and Chen et al. (A Closer Look, ICLR 2019),
    nor on the test's way and shot. In the `shared` folder, if any, one training serves every method
    and task with the same data, backbone, budget, seed and precision, and the same recipe.

    recipe: by default that of the budget, which all methods share.
    """
    if backbone.pretrained_on or not learns(backbone):
        source.compute.place(backbone)
        backbone.freeze()
        return None
    with separate_randomness(source.seed):
        head = nn.Linear(backbone.feature_size, source.n_classes)
    module = nn.ModuleDict({"backbone": backbone, "head": head})
    smoothing = 0.0 if recipe is None else recipe.label_smoothing

    def loss(batch: Batch) -> Tensor:
        logits: Tensor = head(backbone(batch.images))
        labels = batch.labels.to(logits.device)
        return F.cross_entropy(logits, labels, label_smoothing=smoothing)

    batches, arguments = _training(source, recipe)
    further = {} if recipe is None else {"recipe": asdict(recipe)}
    key = backbone_key(source, backbone, further)
    with shared_folder(source, backbone.name, key) as folder:
        record = fit(
            source,
            module,
            loss,
            batches,
            **as_needed(backbone, arguments),
            stage="classification",
            validate=lambda: source.validate(nearest_mean(backbone), way=5, shot=1),
            folder=folder,
        )
    return Classification(head, record)


def _training(
    source: TrainingSource, recipe: ClassifierRecipe | None
) -> tuple[BatchStream, dict[str, Any]]:
    """The batches, and arguments of `fit`."""
    if recipe is None:
        size = source.budget.choose(smoke=32, quick=128, paper=256)
        return source.batches(size), {**_shared_recipe(source), "weight_decay": 1e-4}
    batches = source.batches(recipe.batch, augment=recipe.augment)
    return batches, recipe.arguments(batches.per_epoch)


def _shared_recipe(source: TrainingSource) -> dict[str, Any]:
    """Steps and rates; drawings need a third of the steps of images in colour, at a higher rate."""
    drawings = source.image_shape[2] == 1
    quick = 700 if drawings else 2000
    steps = source.budget.training_steps(smoke=30, quick=quick, paper=75_000)
    if drawings and source.budget.name != "paper":
        return {"steps": steps, "lr": 4e-3, "schedule": cosine(steps, warmup=steps // 10)}
    return {"steps": steps, "lr": 1e-3, "schedule": cosine(steps)}


def training_mean(source: TrainingSource, encoder: Backbone) -> Tensor:
    """The mean feature [feature_size] of all training images, each once and as it is, in float32.

    encoder: frozen, as `fit_classifier` leaves it. None of the features is kept.
    """
    images = source.images
    total = torch.zeros(encoder.feature_size, dtype=torch.float64, device=encoder.device)
    for block in in_blocks(images):
        total += embedded(encoder, block).double().sum(0)
    return (total / len(images)).float()


def in_blocks(images: Images) -> Iterator[Images]:
    """The images in blocks that are embedded in one pass each."""
    source, rows = images.block()
    for start in range(0, len(rows), EMBEDDED_TOGETHER):
        yield Images(source, rows[start : start + EMBEDDED_TOGETHER])
