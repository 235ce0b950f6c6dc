"""A random network, the baseline of every pre-training (Jarrett et al., ICCV 2009)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from benchbench import AS_IT_IS, Backbone, ObjectiveRecipe, Pretraining, Task, hookimpl


@dataclass
class RandomNetwork(Pretraining):
    """Leaves the weights as they are drawn; batch norms take the moments of training images alone.

    What an objective is worth is its gain over this. Without the moments a network of many layers
    answers in numbers that are all alike.
    """

    name = "random"
    n_views = 1
    augment: str = AS_IT_IS
    select: Literal["last", "validation"] = "last"

    def embed(self, network: nn.ModuleDict, views: Sequence[Tensor]) -> tuple[Tensor, ...]:
        encoder: Backbone = network["encoder"]  # type: ignore[assignment]
        return (encoder.embed(views[0]),)

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        return embedded[0].sum() * 0

    def sickness(self, health: dict[str, float]) -> str:
        """None: features of random weights may be near one another."""
        return ""

    def quick(self, task: Task) -> ObjectiveRecipe:
        """Batches for moments that are means over some thousand images; the rate is zero."""
        return ObjectiveRecipe(128, lr=0.0, steps=100)

    def published(self, task: Task) -> ObjectiveRecipe:
        return self.quick(task)


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(RandomNetwork)
