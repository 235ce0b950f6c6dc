"""Methods that are trained on episodes like those they are tested on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, TypeAlias

from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.backbones.base import Backbone
from benchbench.learners.classifier_recipe import ClassifierRecipe
from benchbench.learners.network_needs import as_needed
from benchbench.learners.normalisation import BatchMoments, TaskMoments, TaskNorm
from benchbench.learners.pretrained import fit_start, without_training_classes
from benchbench.learners.starting import ObjectiveFirst
from benchbench.method import Task
from benchbench.registry.specs import ADDED_LATER
from benchbench.training.fit import fit, learns
from benchbench.training.source import TrainingSource

Recipe: TypeAlias = dict[str, Any]
"""How to train: the `way`, `shot` and `query` of the episodes, where a pair of shots is a range of
which each step draws one; `tasks`, if a step takes several; `augment`, `unlabelled` and
`distractors`, as `source.episodes` takes them; `validate_on`, the way, shot and numbers of
unlabelled images of validation, as far as they are not the test's; `frozen_classifier`,
if the backbone is that of `fit_classifier` and stays as it is, whatever `pretrained` and
`trains_encoder` say; `classifier`, the `ClassifierRecipe` of a pre-trained backbone if it is not
the shared one; `steps`, and further arguments of `fit` by name. If the test's way varies, the
published recipe is followed on episodes that vary like the test's, whatever `way`, `shot` and
`query` say."""

CLASSIFICATION = "classification"
AUTO = "auto"
"""The `pretrain` of a method that starts as its authors have it."""
TASK_NORM = "task_norm"
"""The name in `network` of what TaskNorm learns."""


@dataclass
class EpisodicMethod(ObjectiveFirst):
    """A method whose network learns from episodes of the training classes.

    A subclass has a `loss` for `fit`, and says in `quick` and `published` how it is trained. It
    names in `extra_modules` what it learns in addition to a backbone. What `loss` counts, as the
    weights of tasks, belongs in buffers of these modules, which outlive an interruption.

    backbone: trained from scratch, unless it comes with weights; if there is nothing to learn, as
        with `pixels`, the method is evaluated as it is.
    pretrain: what the backbone is trained by before any episode, see `benchbench list
        pretrainings`; `auto` is nothing, or `classification` where the method begins with that.
    """

    pretrained: ClassVar[bool] = False
    """Whether the backbone first learns to classify the training classes, as `fit_classifier` has
    it: once for all methods, of which each goes on with a copy."""
    trains_encoder: ClassVar[bool] = True
    """Whether the backbone learns from episodes as well. One that does not is frozen, so that each
    training image is embedded once."""
    bn = "running"
    """Which statistics normalise an episode, one of `BatchNormBy`. A subclass that leaves this to
    the user declares a field, `bn: BatchNormBy = "running"`, and embeds within `moments`."""
    network: nn.ModuleDict = field(init=False, repr=False, compare=False)
    backbone: str = "conv4"
    pretrain: str = field(default=AUTO, metadata=ADDED_LATER)

    def __post_init__(self) -> None:
        if self.bn == "transductive":
            self.transductive = True  # type: ignore[misc]

    @property
    def pretrains(self) -> bool:
        """Whether it may need a training that others share, by which a grid plans."""
        return bool(self.starts_from)

    @property
    def starts_from(self) -> str:
        own = CLASSIFICATION if self.pretrained else ""
        return own if self.pretrain == AUTO else self.pretrain

    @property
    def encoder(self) -> Backbone:
        """The backbone inside `network`."""
        backbone: Backbone = self.network["encoder"]  # type: ignore[assignment]
        return backbone

    def skip(self, task: Task) -> str | None:
        unlearned = without_training_classes(task, self.backbone, weights=False)
        return super().skip(task) or unlearned or self.without_names(task)

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        """The modules that are learned in addition to the backbone, by name in `network`.

        `encoder` is there already, for a method that needs to know its `map_shape`.
        """
        return {}

    def quick(self, task: Task) -> Recipe:
        """A recipe for minutes on two cores; the smoke budget takes a hundredth of its steps."""
        raise NotImplementedError(f"{type(self).__name__} has no quick(task)")

    def published(self, task: Task) -> Recipe:
        """The recipe of the paper."""
        raise NotImplementedError(f"{type(self).__name__} has no published(task)")

    def loss(self, data: Any) -> Tensor:
        """The loss of an episode, or of a list of them if the recipe has `tasks`, for `fit`."""
        raise NotImplementedError(f"{type(self).__name__} has no loss(episode)")

    def moments(self, rows: int | None = None) -> AbstractContextManager[Any]:
        """A context in which batch norm takes the statistics that `bn` says.

        rows: the number of support images, which come first in the batch; by default all are.
        """
        if self.bn == "running":
            return nullcontext()
        if self.bn == "task":
            shares: TaskNorm = self.network[TASK_NORM]  # type: ignore[assignment]
            return TaskMoments(rows, shares)
        return BatchMoments(rows if self.bn == "support" else None)

    def train(self, source: TrainingSource) -> None:
        recipe = self.recipe(source)
        shape = recipe.pop("way"), _possible(recipe.pop("shot"), source), recipe.pop("query")
        classifier = recipe.pop("classifier", None)
        learned = self._build(source, classifier, recipe.pop("frozen_classifier", False))
        if not learns(learned):  # it needs no training classes either
            fit(source, learned, self.loss, (), steps=0)
            return
        augment = recipe.pop("augment", None)
        pool = {name: recipe.pop(name, 0) for name in ("unlabelled", "distractors")}
        as_tested = source.budget.name == "paper" and source.task.n_way is None
        episodes = (
            source.task_episodes(augment=augment)
            if as_tested
            else source.episodes(*shape, **pool, augment=augment)
        )
        tasks = recipe.pop("tasks", None)
        data = episodes if tasks is None else episodes.grouped(tasks)
        if validate_on := recipe.pop("validate_on", None):
            recipe["validate"] = partial(source.validate, **validate_on)
        if learned is self.network:
            recipe = as_needed(self.encoder, recipe)
        fit(source, learned, self.loss, data, **recipe)

    def _build(
        self, source: TrainingSource, classifier: ClassifierRecipe | None, frozen: bool
    ) -> nn.ModuleDict:
        """Make `network`; returns the part of it that learns from episodes."""
        encoder = create_backbone(self.backbone, source.image_shape, source.seed)
        learns_encoder = self.trains_encoder and not frozen
        if start := self.starts_from or CLASSIFICATION * frozen:
            fit_start(source, encoder, start, classifier)
        elif not learns_encoder:
            source.compute.place(encoder)
            encoder.freeze()
        self.network = nn.ModuleDict({"encoder": encoder})
        extra = self.extra_modules(encoder.feature_size, source.task)
        if self.bn == "task":
            extra = {**extra, TASK_NORM: TaskNorm(encoder)}
        self.network.update(extra)
        return self.network if learns_encoder else nn.ModuleDict(extra)

    def recipe(self, source: TrainingSource) -> Recipe:
        """The recipe of the budget, with its number of steps."""
        if source.budget.name == "paper":
            return dict(self.published(source.task))
        recipe = dict(self.quick(source.task))
        steps = recipe["steps"]
        recipe["steps"] = source.budget.training_steps(
            smoke=max(1, steps // 100), quick=steps, paper=steps
        )
        return recipe


def _possible(shot: int | tuple[int, int], source: TrainingSource) -> int | tuple[int, int]:
    """The shot of a recipe, or its range, with no more shots than the training classes offer."""
    if isinstance(shot, tuple):
        fewest, most = (min(number, source.most_shots) for number in shot)
        return fewest, most
    return min(shot, source.most_shots)
