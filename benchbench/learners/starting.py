"""Methods whose backbone may first learn by an objective of pre-training."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from benchbench.learners.image_text_pretraining import without_words
from benchbench.learners.objective_training import create_objective
from benchbench.learners.pretraining import Pretraining
from benchbench.method import WITHOUT_SUPPORT, Method, Task


@dataclass
class ObjectiveFirst(Method):
    """What a method takes over from the objective that it starts from, named in `starts_from`."""

    adapts_by_names: bool = field(default=False, init=False, repr=False, compare=False)
    """Whether `adapt` reads names, if its objective does not: what `uses_class_names` is set to."""

    @property
    def starts_from(self) -> str:
        """The spec of the objective by which the backbone is trained first; empty for none."""
        raise NotImplementedError(f"{type(self).__name__} has no starts_from")

    @cached_property  # as what it declares is asked for each support
    def objective(self) -> Pretraining | None:
        """That of `starts_from`."""
        return create_objective(self.starts_from) if self.starts_from else None

    @property
    def further_code(self) -> tuple[type, ...]:  # type: ignore[override]
        return () if self.objective is None else (type(self.objective),)

    @property
    def uses_class_names(self) -> bool:  # type: ignore[override]
        """Whether `adapt` reads them, or the objective those of the training classes."""
        return self.adapts_by_names or self._learns_by_names

    @uses_class_names.setter
    def uses_class_names(self, own: bool) -> None:
        self.adapts_by_names = own

    @property
    def _learns_by_names(self) -> bool:
        return self.objective is not None and self.objective.uses_class_names

    def without_names(self, task: Task) -> str | None:
        """Why a method whose objective learns from names does not apply, if it does not."""
        if not self._learns_by_names:
            return None
        if not task.has_class_names:
            return without_words(task)
        if task.n_shot == 0 and not (self.adapts_by_names or self.uses_attributes):
            return WITHOUT_SUPPORT
        return None
