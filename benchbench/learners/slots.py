"""Methods with a learned output for each class slot."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from benchbench.errors import MethodError
from benchbench.method import Method, Support, Task
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
    fixed_way = True
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

    @staticmethod
    def must_have_slots(support: Support, n_slots: int) -> None:
        """Raise MethodError if the support has more classes than there are slots."""
        if support.n_way > n_slots:
            raise MethodError(f"the head was trained for {n_slots} classes, not {support.n_way}")


@dataclass(frozen=True)
class Shuffle:
    """A random order of a support's images, and random slots of its classes.

    order: int64 [n], as in `features[shuffle.order]`. labels: int64 [n], the images' slots in this
    order. slots: int64 [n_way], the slot of each class, as in `outputs[:, shuffle.slots]`.
    """

    order: Tensor
    labels: Tensor
    slots: Tensor


class ShuffledSlots(FixedSlots):
    """`FixedSlots` for methods that see each support in random order and random slots.

    The classes are then exchangeable, and neither an image's place nor its slot tells anything: the
    check `class_slots` must pass, in distribution.
    """

    expected_failures = MappingProxyType({})

    def shuffle(self, support: Support) -> Shuffle:
        """An order and slots that depend on `support.seed` alone, for `loss` and `adapt` alike.

        The slots are below `n_slots`. Raises MethodError for too many classes.
        """
        self.must_have_slots(support, self.n_slots)
        order = torch.from_numpy(permutation(len(support.images), support.seed))
        chosen = permutation(self.n_slots, support.seed, counter=SLOTS_APART)
        slots = torch.from_numpy(chosen[: support.n_way])
        return Shuffle(order, slots[support.labels[order]], slots)
