"""Cross-modal adaptation, texts as one more shot of a probe (Lin et al., CVPR 2023)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import Bounds, Head, ImageTextMethod, JointSupport, cosine, hookimpl, take_steps

WARMUP = 50


@dataclass
class CrossModal(ImageTextMethod):
    """A probe on images and texts that begins with the texts, and is averaged with them at the end.

    A logit is the scale times f.w. The loss is half the support's mean cross-entropy and half that
    of the classes' texts, each class's prompts as one; a step takes all of both. The authors draw
    batches of 8 or 32 for 12 800 steps, choose rate, decay and batch on a validation set of up to 4
    shots and stop where that is best; here there are fewer steps, and one number is chosen.

    steps: of AdamW; 0 leaves the texts alone.
    lr: its rate, one of the authors' two, which rises for 50 steps and falls along half a cosine.
    weight_decay: apart from the gradient; one of the authors' three.
    ensemble: the share of the learned weights in the end, the rest being the texts (WiSE-FT); the
        authors' is 0.5. `val` takes that of 0.5, 0.1, 0.25 and 1 which is best on episodes of the
        validation classes; 0.5 if there are none. `sweep` takes the one that is best on official
        validation images of the episode's classes.
    """

    name = "cross_modal"
    paper = "arXiv:2301.06267"
    family = "image-text"
    steps: Annotated[int, Bounds(ge=0, le=10**6)] = 300
    lr: Annotated[float, Bounds(ge=0)] = 1e-3
    weight_decay: Annotated[float, Bounds(ge=0)] = 0.01
    candidates = {"ensemble": (0.5, 0.1, 0.25, 1.0)}
    ensemble: Annotated[float, Bounds(ge=0, le=1)] | Literal["val", "sweep"] = "val"

    def head(self, known: JointSupport) -> Head:
        if self.steps == 0 or self.ensemble == 0:
            return known.zero_shot
        learned = self.learned(known.double()).float()
        share = self.setting("ensemble")
        weights = share * learned + (1 - share) * known.texts
        return lambda features: features @ (known.scale * weights).T

    def learned(self, known: JointSupport) -> Tensor:
        """The weights [n_way, d] after all steps."""
        weights = known.texts.clone().requires_grad_()
        slots = torch.arange(len(weights), device=weights.device)

        def loss() -> Tensor:
            both = torch.cat([known.features, known.texts])
            images, texts = (known.scale * both @ weights.T).split([len(known.labels), len(slots)])
            return (F.cross_entropy(images, known.labels) + F.cross_entropy(texts, slots)) / 2

        optimizer = torch.optim.AdamW([weights], self.lr, weight_decay=self.weight_decay)
        warmup = min(WARMUP, self.steps // 2)
        take_steps(loss, optimizer, self.steps, cosine(self.steps, warmup=warmup))
        return weights.detach()


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(CrossModal)
