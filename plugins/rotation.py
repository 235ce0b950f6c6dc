"""Rotations (Gidaris, Singh & Komodakis, ICLR 2018, arXiv:1803.07728)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench import Backbone, BenchbenchError, ObjectiveRecipe, Pretraining, Task, hookimpl

QUARTERS = 4


@dataclass
class Rotation(Pretraining):
    """Tells by how many quarters a view was turned, of four copies of each image in one pass.

    It takes square images. Views are not turned otherwise, unlike drawings under `auto`.
    """

    name = "rotation"
    paper = "arXiv:1803.07728"
    n_views = 1
    augment: str = "pad_crop[pad=4]+flip"
    select: Literal["last", "validation"] = "last"

    def further_modules(self, encoder: Backbone) -> dict[str, nn.Module]:
        height, width, _ = encoder.image_shape
        if height != width:
            raise BenchbenchError(
                f"rotation takes square images and these have {height} x {width} pixels; choose "
                "another objective."
            )
        return {"head": nn.Linear(encoder.feature_size, QUARTERS)}

    def embed(self, network: nn.ModuleDict, views: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Features of all copies, and the logits of their turns."""
        features: Tensor = network["encoder"].embed(turned(views[0]))  # type: ignore[operator]
        return features, network["head"](features)

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        return turn_loss(embedded[1])

    def published(self, task: Task) -> ObjectiveRecipe:
        """The authors' code on CIFAR-10, with half a cosine in place of three falls of the rate."""
        sgd = partial(torch.optim.SGD, momentum=0.9, nesterov=True)
        return ObjectiveRecipe(128, 0.1, epochs=200, weight_decay=5e-4, optimizer=sgd)


def turned(images: Tensor) -> Tensor:
    """Images [n, c, h, h], then all of them a quarter further, and so on: [4 n, c, h, h]."""
    return torch.cat([images.rot90(quarters, (2, 3)) for quarters in range(QUARTERS)])


def turn_loss(logits: Tensor) -> Tensor:
    """The mean cross-entropy of logits [4 n, 4] of what `turned` gives (eq. 3)."""
    turns = torch.arange(QUARTERS, device=logits.device)
    return F.cross_entropy(logits, turns.repeat_interleave(len(logits) // QUARTERS))


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(Rotation)
