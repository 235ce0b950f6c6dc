"""ProtoCLR, the pre-training of ProtoTransfer (Medina et al., 2020, arXiv:2006.11325)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import AS_IT_IS, Backbone, Bounds, ObjectiveRecipe, Pretraining, Task, hookimpl


@dataclass
class ProtoCLR(Pretraining):
    """Prototypical networks without labels: each image of a batch is a class, with changed copies.

    The image as it is gives the prototype, and its views are the queries, which find it by squared
    Euclidean distance (algorithm 1). All are embedded in one pass, without a projector.

    queries: the views of each image.
    """

    name = "proto_clr"
    paper = "arXiv:2006.11325"
    augment: str = "auto"
    select: Literal["last", "validation"] = "last"
    queries: Annotated[int, Bounds(ge=1, le=16)] = 3

    @property
    def n_views(self) -> int:  # type: ignore[override]
        return 1 + self.queries

    def augmentations(self, channels: int) -> list[str]:
        return [AS_IT_IS, *super().augmentations(channels)[1:]]

    def embed(self, network: nn.ModuleDict, views: Sequence[Tensor]) -> tuple[Tensor, ...]:
        encoder: Backbone = network["encoder"]  # type: ignore[assignment]
        return encoder.embed(torch.cat(list(views))).chunk(len(views))

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        return proto_loss(*embedded)

    def quick(self, task: Task) -> ObjectiveRecipe:
        """Batches of 50 images, as published."""
        return replace(super().quick(task), batch=50)

    def published(self, task: Task) -> ObjectiveRecipe:
        """Adam at 1e-3 on 50 images; half a cosine of 100 000 steps is in the place of halvings.

        The paper ends by a validation loss, which is not used here.
        """
        return ObjectiveRecipe(50, 1e-3, steps=100_000, optimizer=torch.optim.Adam)


def proto_loss(prototypes: Tensor, *queries: Tensor) -> Tensor:
    """The mean cross-entropy of each query [n, d] among n prototypes (eq. 1)."""
    labels = torch.arange(len(prototypes), device=prototypes.device)
    losses = [
        F.cross_entropy(-(each[:, None] - prototypes).square().sum(2), labels) for each in queries
    ]
    return torch.stack(losses).mean()


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(ProtoCLR)
