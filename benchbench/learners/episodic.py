"""Methods that are trained on episodes like those they are tested on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.backbones.base import Backbone
from benchbench.method import Method, Task
from benchbench.training.fit import fit, learns
from benchbench.training.source import TrainingSource

Recipe: TypeAlias = dict[str, Any]
"""How to train: the `way`, `shot` and `query` of the episodes; `tasks`, if a step takes several;
`steps`, and further arguments of `fit` by name. If the test's way varies, the published recipe is
followed on episodes that vary like the test's, whatever `way`, `shot` and `query` say."""


@dataclass
class EpisodicMethod(Method):
    """A method whose network learns from episodes of the training classes.

    A subclass has a `loss` for `fit`, and says in `quick` and `published` how it is trained. It
    names in `extra_modules` what it learns in addition to a backbone.

    backbone: trained from scratch, unless it comes with weights; if there is nothing to learn, as
        with `pixels`, the method is evaluated as it is.
    """

    network: nn.ModuleDict = field(init=False, repr=False, compare=False)
    backbone: str = "conv4"

    @property
    def encoder(self) -> Backbone:
        """The backbone inside `network`."""
        backbone: Backbone = self.network["encoder"]  # type: ignore[assignment]
        return backbone

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        """The modules that are learned in addition to the backbone, by name in `network`."""
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

    def train(self, source: TrainingSource) -> None:
        recipe = self.recipe(source)
        shot = min(recipe.pop("shot"), source.most_shots)
        shape = recipe.pop("way"), shot, recipe.pop("query")
        as_tested = source.budget.name == "paper" and source.task.n_way is None
        encoder = create_backbone(self.backbone, source.image_shape, source.seed)
        extra = self.extra_modules(encoder.feature_size, source.task)
        self.network = nn.ModuleDict({"encoder": encoder, **extra})
        if not learns(self.network):  # it needs no training classes either
            fit(source, self.network, self.loss, (), steps=0)
            return
        episodes = source.task_episodes() if as_tested else source.episodes(*shape)
        tasks = recipe.pop("tasks", None)
        data = episodes if tasks is None else episodes.grouped(tasks)
        fit(source, self.network, self.loss, data, **recipe)

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
