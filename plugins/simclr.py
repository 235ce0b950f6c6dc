"""SimCLR (Chen, Kornblith, Norouzi & Hinton, ICML 2020, arXiv:2002.05709)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import Backbone, Bounds, ObjectiveRecipe, Pretraining, Task, hookimpl, mlp


@dataclass
class SimCLR(Pretraining):
    """Tells the other view of an image from all other images of a batch, by cosines.

    The loss is the mean over all views of a batch (the authors' code adds the means of the two
    halves, which is twice that). Both views are embedded together, as there.

    temperature: of the cosines; none is 0.2, as solo-learn has it on CIFAR-10, and 0.5 in the paper
        budget. Quick trainings on CIFAR-FS are the better with 0.2 on its validation classes.
    width: of the projector's hidden layer; none is 512, and 1024 in the paper budget.
    size: of its output.
    """

    name = "simclr"
    paper = "arXiv:2002.05709"
    augment: str = "auto"
    select: Literal["last", "validation"] = "last"
    temperature: Annotated[float, Bounds(gt=0)] | None = None
    width: Annotated[int, Bounds(ge=1)] | None = None
    size: Annotated[int, Bounds(ge=1)] = 128

    def further_modules(self, encoder: Backbone) -> dict[str, nn.Module]:
        sizes = encoder.feature_size, self.width or 512, self.size
        return {"projector": mlp(*sizes, batch_norm=False)}

    def embed(self, network: nn.ModuleDict, views: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return super().embed(network, [torch.cat(list(views))])[0].chunk(len(views))

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        return nt_xent(*embedded, temperature=self.temperature or 0.2)

    def published(self, task: Task) -> ObjectiveRecipe:
        """A reproduction's on CIFAR-10 (dkobak/simclr-cifar-10), whose optimizer is plain SGD."""
        sgd = partial(torch.optim.SGD, momentum=0.9)
        return ObjectiveRecipe(
            512,
            0.06,
            epochs=1000,
            weight_decay=5e-4,
            optimizer=sgd,
            parameters={"temperature": 0.5, "width": 1024},
        )


def nt_xent(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """The mean cross-entropy of each view's partner among all others of both [n, d] (eq. 1)."""
    unit = F.normalize(torch.cat([one, other]), dim=1)
    cosines = (unit @ unit.T / temperature).fill_diagonal_(-torch.inf)
    partners = torch.arange(len(unit), device=unit.device).roll(len(one))
    return F.cross_entropy(cosines, partners)


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(SimCLR)
