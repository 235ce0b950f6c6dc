"""CLIP-Adapter, a small network on the features of images (Gao et al., IJCV 2024)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import (
    Bounds,
    Head,
    ImageTextMethod,
    JointSupport,
    cosine,
    hookimpl,
    steps_of,
    take_steps,
)

REDUCTION = 4
BATCH = 32


@dataclass
class ClipAdapter(ImageTextMethod):
    """Features of images that two layers correct, which are learned from the support.

    With A(f) = relu(relu(f W1) W2), of widths d, d / 4 and d and without biases, the corrected
    feature is (1 - ratio) f + ratio A(f), scaled to unit length. A step takes the whole support,
    and there are as many as in batches of 32. The authors' code gives A unnormalised features, and
    the ratio is searched for each data set.

    ratio: the share of the two layers; 0 leaves the texts alone. `val` takes that of 0.2, 0.1, 0.4,
        0.6 and 0.8 which is best on episodes of the validation classes; 0.2 if there are none.
        `sweep` takes the one that is best on official validation images of the episode's classes.
    lr: the rate of SGD with momentum, which falls along half a cosine, at CLIP's scale of 100. What
        a step moves in the logits grows with the square of the scale, so that for a scale of s the
        rate is divided by (s / 100)^2.
    epochs: by default CoOp's, 50 at 1 shot, 100 at 2 to 4 and 200 from 8 on.
    """

    name = "clip_adapter"
    paper = "arXiv:2110.04544"
    family = "image-text"
    candidates = {"ratio": (0.2, 0.1, 0.4, 0.6, 0.8)}
    ratio: Annotated[float, Bounds(ge=0, le=1)] | Literal["val", "sweep"] = 0.2
    lr: Annotated[float, Bounds(ge=0)] = 0.002
    epochs: Annotated[int, Bounds(ge=0, le=10**6)] | None = None

    def head(self, known: JointSupport) -> Head:
        if self.ratio == 0:
            return known.zero_shot
        exact = known.double()
        layers = first_layers(exact)
        rate = self.lr / exact.share_of_scale**2
        steps = steps_of(self.epochs_for(exact), len(exact.labels), BATCH)
        take_steps(
            lambda: F.cross_entropy(self.scores(exact.features, layers, exact), exact.labels),
            torch.optim.SGD(layers, rate, momentum=0.9, weight_decay=5e-4),
            steps,
            cosine(steps),
        )
        learned = [layer.detach().float() for layer in layers]
        return lambda features: self.scores(features, learned, known)

    def epochs_for(self, known: JointSupport) -> int:
        """The epochs of the parameter, or CoOp's by the mean number of shots."""
        if self.epochs is not None:
            return self.epochs
        shots = len(known.labels) / len(known.texts)
        return 50 if shots < 2 else 100 if shots < 8 else 200

    def scores(self, features: Tensor, layers: list[Tensor], known: JointSupport) -> Tensor:
        """Scores [m, n_way] of features [m, d] that the layers correct."""
        inner, outer = layers
        correction = F.relu(F.relu(features @ inner) @ outer)
        ratio = self.setting("ratio")
        mixed = (1 - ratio) * features + ratio * correction
        return known.zero_shot(F.normalize(mixed, dim=1))


def first_layers(known: JointSupport) -> list[Tensor]:
    """Two matrices as torch's linear layers begin with them, drawn by the episode's seed."""
    size = known.features.shape[1]
    generator = torch.Generator().manual_seed(known.seed)
    layers = []
    for shape in ((size, size // REDUCTION), (size // REDUCTION, size)):
        bound = shape[0] ** -0.5
        drawn = torch.rand(shape, generator=generator, dtype=torch.float64) * 2 * bound - bound
        layers.append(drawn.to(known.features).requires_grad_())
    return layers


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(ClipAdapter)
