"""Methods with a learned output for each class slot."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import torch
from torch import Tensor

from benchbench.errors import MethodError
from benchbench.method import Images, Method, Support, Task
from benchbench.system.randomness import permutation
from benchbench.training.source import TrainingSource

SLOTS_APART = 1 << 64
"""Between the random numbers of the images and those of the slots."""


class FixedSlots(Method):
    """A mixin for methods whose outputs are learned slot by slot, so that the way is fixed.

    Put it before the class that trains. An episode of fewer classes uses some of the slots. Tasks
    whose way varies are skipped. The scores of a class depend on its slot, so that the check
    `class_slots` must fail; a method that shuffles them is a `ShuffledSlots`.
    """

    n_slots: int
    """The number of slots, from `train` on: the way of the test, or 5."""
    expected_failures = MappingProxyType(
        {"class_slots": "its head has learned rows, one for each slot"}
    )

    def train(self, source: TrainingSource) -> None:
        self.n_slots = self.slots_for(source.task)
        super().train(source)

    @staticmethod
    def slots_for(task: Task) -> int:
        """The number of slots for a task, for `extra_modules`."""
        return task.n_way or 5

    def skip(self, task: Task) -> str | None:
        varies = "its head has a fixed way and this task's varies" if task.n_way is None else None
        return super().skip(task) or varies

    @staticmethod
    def must_have_slots(support: Support, n_slots: int) -> None:
        """Raise MethodError if the support has more classes than there are slots."""
        if support.n_way > n_slots:
            raise MethodError(f"the head was trained for {n_slots} classes, not {support.n_way}")


class ShuffledSlots(FixedSlots):
    """`FixedSlots` for methods that see each support in random order and random slots.

    The classes are then exchangeable, and neither an image's place nor its slot tells anything: the
    check `class_slots` must pass, in distribution.
    """

    expected_failures = MappingProxyType({})

    def drawn(self, support: Support) -> tuple[Tensor, Tensor]:
        """A random order of the support, int64 [n], and a random slot of each class, int64 [n_way].

        Both depend on `support.seed` alone. It is for a method whose features are known already:
        the support is `features[order]` with labels `slots[support.labels[order]]`, and scores are
        `outputs[:, slots]`. Raises MethodError for too many classes.
        """
        self.must_have_slots(support, self.n_slots)
        order = permutation(len(support.images), support.seed)
        chosen = permutation(self.n_slots, support.seed, counter=SLOTS_APART)
        return torch.from_numpy(order), torch.from_numpy(chosen[: support.n_way])

    def shuffled(self, support: Support) -> tuple[Support, Tensor]:
        """The support in random order, its classes in random slots, and these slots, as `drawn`.

        Call it in `loss` and `adapt` alike, and return `outputs[:, slots]` as scores. The support
        has labels below `n_slots`, which is its `n_way`. Raises MethodError for too many classes.
        """
        order, slots = self.drawn(support)
        source, rows = support.images.block()
        images, labels = Images(source, rows[order.numpy()]), slots[support.labels[order]]
        return replace(support, images=images, labels=labels, n_way=self.n_slots, names=None), slots
