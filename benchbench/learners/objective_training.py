"""Training a backbone by an objective, once for all methods that start from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchbench.augmentations import create_augmentation
from benchbench.backbones import backbone_arguments
from benchbench.backbones.base import Backbone
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.learners.health import said, warn_of_collapse
from benchbench.learners.image_text_pretraining import ImageTextPretraining, fit_dual_encoder
from benchbench.learners.network_needs import as_needed
from benchbench.learners.pretraining import ObjectiveRecipe, Pretraining
from benchbench.learners.shared_training import backbone_key, nearest_mean, shared_folder
from benchbench.registry import loading, specs
from benchbench.registry.hookspecs import hookimpl
from benchbench.runs.method_card import source_sha256
from benchbench.system.compute import separate_randomness
from benchbench.training.budget import FitRecord
from benchbench.training.fit import fit, learns
from benchbench.training.source import TrainingSource
from benchbench.training.streams import LabelledViewStream, ViewStream

SMOKE_STEPS = 30


@dataclass
class ClassificationObjective(Pretraining):
    """Classifies all training classes by a linear head, as `fit_classifier` has it."""

    name = "classification"
    uses_labels = True


def create_objective(text: str) -> Pretraining:
    """The objective of a spec such as `simclr[temperature=0.2]`.

    Raises BenchbenchError for a spec that is wrong.
    """
    spec = specs.parse(text)
    cls: type[Pretraining] = loading.load("pretraining", spec.name)
    objective = specs.configure(cls, spec)
    if spec.parameters.get("augment", "auto") != "auto":
        create_augmentation(objective.augment)  # Refuses a spec that is wrong now.
    return objective


def check_from_scratch(objective: Pretraining, backbone: str) -> None:
    """Raise BenchbenchError if the spec of a backbone is of one that no objective can train.

    `classification` leaves such a backbone as it is.
    """
    cls, arguments = backbone_arguments(backbone)
    reason = cls.why_not_from_scratch(arguments)
    if reason and not isinstance(objective, ClassificationObjective):
        raise _not_from_scratch(objective, backbone, reason)


def _not_from_scratch(objective: Pretraining, backbone: str, reason: str) -> BenchbenchError:
    return BenchbenchError(
        f"pretrain={objective.name} trains a backbone from scratch, and {backbone} {reason}; "
        "leave out one of the two."
    )


def fit_objective(source: TrainingSource, backbone: Backbone, objective: Pretraining) -> FitRecord:
    """Train the backbone by an objective, or load the result of such a training; it is then frozen.

    What the objective trains in addition is dropped. In the `shared` folder, if any, one training
    serves every method and task with the same data, backbone, objective, budget, seed and
    precision. Raises BenchbenchError for a backbone that has weights already, or learns nothing.
    """
    if backbone.pretrained_on or not learns(backbone):
        reason = "comes with weights" if backbone.pretrained_on else "has nothing to learn"
        raise _not_from_scratch(objective, specs.text_of(backbone), reason)
    if isinstance(objective, ImageTextPretraining):
        return fit_dual_encoder(source, backbone, objective)[1]
    return _fit_views(source, backbone, objective)


def _fit_views(source: TrainingSource, backbone: Backbone, objective: Pretraining) -> FitRecord:
    """`fit_objective` for an objective that compares views of images."""
    recipe = _recipe(source, objective)
    asked, objective = objective, recipe.settle(objective)
    with separate_randomness(source.seed):
        network = nn.ModuleDict({"encoder": backbone, **objective.further_modules(backbone)})
        if objective.uses_labels:
            network.update(objective.labelled_modules(backbone, source.n_classes))
    views = _views(source, objective, recipe.batch)
    whole = recipe.length(views.per_epoch)
    steps = source.budget.training_steps(smoke=SMOKE_STEPS, quick=whole, paper=whole)
    step = _Step(source.seed, network, objective)
    chosen = {
        "objective": specs.text_of(asked),
        "code": source_sha256(type(objective)),
        "moments": "of training",  # those of before had a batch more, of which health is told
    }
    key = backbone_key(source, backbone, chosen)
    with shared_folder(source, backbone.name, key) as folder:
        record = fit(
            source,
            network,
            step.loss,
            views,
            **as_needed(backbone, recipe.arguments(steps)),
            after_step=lambda progress: objective.after_step(network, progress),
            health=lambda: said(source, objective, step.health(views[0])),
            stage=objective.name,
            validate=_selection(source, backbone, objective),
            folder=folder,
        )
    warn_of_collapse(source, objective, record)
    return record


@dataclass(frozen=True)
class _Step:
    """What an objective makes of the data of a step; seed: of the batch whose health is told."""

    seed: int
    network: nn.ModuleDict
    objective: Pretraining

    @property
    def encoder(self) -> Backbone:
        encoder: Backbone = self.network["encoder"]  # type: ignore[assignment]
        return encoder

    def loss(self, data: Any) -> Tensor:
        """The loss for `fit`, in float32."""
        images, labels = self._parts(data)
        found = self._embedded(images)
        # A product of matrices is of 8 bits under autocast, even after `float()`.
        with torch.autocast(self.encoder.device.type, enabled=False):
            floats = [each.float() for each in found]
            total = self.objective.loss(self.network, *floats)
            if labels is None:
                return total
            own = labels.to(total.device)
            return total + self.objective.labelled_loss(self.network, own, *floats)

    def health(self, data: Any) -> dict[str, float]:
        """The objective's health of the data of one step, which leaves the network as it is."""
        self.network.train()
        images, _ = self._parts(data)
        kept = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        with torch.no_grad(), separate_randomness(self.seed):
            found = [each.float() for each in self._embedded(images)]
            health = self.objective.health(self.network, *found)
            for name, buffer in self.network.named_buffers():
                buffer.copy_(kept[name])  # batch norms have taken the moments of this batch
        return health

    def _embedded(self, images: list[Images]) -> tuple[Tensor, ...]:
        prepared = [self.encoder.prepare(view.array) for view in images]
        return self.objective.embed(self.network, prepared)

    def _parts(self, data: Any) -> tuple[list[Images], Tensor | None]:
        return data if self.objective.uses_labels else (data, None)


def _views(
    source: TrainingSource, objective: Pretraining, size: int
) -> ViewStream | LabelledViewStream:
    """The data of its steps; labels reach an objective only if it declares to use them."""
    augments = objective.augmentations(source.image_shape[2])
    if not objective.uses_labels:
        return source.views(size, augments)
    return source.labelled_views(size, augments, objective.labelled)


def _recipe(source: TrainingSource, objective: Pretraining) -> ObjectiveRecipe:
    """The recipe of the budget."""
    paper = source.budget.name == "paper"
    return objective.published(source.task) if paper else objective.quick(source.task)


def _selection(source: TrainingSource, backbone: Backbone, objective: Pretraining) -> Any:
    """What scores the weights: nothing where the last ones are kept, as labels would choose."""
    if objective.select == "last":
        return lambda: None
    return lambda: source.validate(nearest_mean(backbone), way=5, shot=1)


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(ClassificationObjective)
