"""CLAP, a probe that begins with the texts and is held near them (Silva-Rodriguez et al., 2024)."""

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

BATCH = 256


@dataclass
class CLAP(ImageTextMethod):
    """Class vectors that begin with the texts and learn from the support, each held by a penalty.

    A logit is the scale times the cosine of a feature and a class vector w. To the support's mean
    cross-entropy the mean over classes of lambda |w - t|^2 is added, where lambda is the mean
    probability that the texts give to the class on its own support images. A step takes the whole
    support, and there are as many as in batches of 256; the authors also crop and flip, which may
    change what is to be told, and is left out here. A class without support images has the mean
    lambda of the others.

    constraint: a factor on the penalty; 0 is the probe that only begins with the texts (ZS-LP), 1
        the paper's method, in which nothing is chosen on validation data. `val` takes that of 1, 10
        and 100 which is best on episodes of the validation classes, never of those that are tested;
        1 if there are none. `sweep` takes the one that is best on official validation images of the
        episode's classes.
    epochs: of the support; 0 leaves the texts alone.
    lr: the rate of SGD with momentum, which rises for an epoch and falls along half a cosine.
    """

    name = "clap"
    paper = "arXiv:2312.12730"
    family = "image-text"
    candidates = {"constraint": (1.0, 10.0, 100.0)}
    constraint: Annotated[float, Bounds(ge=0)] | Literal["val", "sweep"] = "val"
    epochs: Annotated[int, Bounds(ge=0, le=10**6)] = 300
    lr: Annotated[float, Bounds(ge=0)] = 0.1

    def head(self, known: JointSupport) -> Head:
        if self.epochs == 0:
            return known.zero_shot
        centres = known.scale * F.normalize(self.learned(known.double()), dim=1).float()
        return lambda features: features @ centres.T

    def learned(self, known: JointSupport) -> Tensor:
        """The class vectors [n_way, d] after all epochs."""
        vectors = known.texts.clone().requires_grad_()
        penalties = self.setting("constraint") * trust_in_texts(known)

        def loss() -> Tensor:
            logits = known.scale * known.features @ F.normalize(vectors, dim=1).T
            moved = (vectors - known.texts).square().sum(1)
            return F.cross_entropy(logits, known.labels) + (penalties * moved).mean()

        steps = steps_of(self.epochs, len(known.labels), BATCH)
        rising = steps_of(1, len(known.labels), BATCH)
        optimizer = torch.optim.SGD([vectors], self.lr, momentum=0.9)
        take_steps(loss, optimizer, steps, cosine(steps, warmup=rising))
        return vectors.detach()


def trust_in_texts(known: JointSupport) -> Tensor:
    """The mean probability [n_way] that the texts give to each class on its support images."""
    given = known.zero_shot(known.features).softmax(1)
    counts = known.one_hot.sum(0)
    means = (given * known.one_hot).sum(0) / counts.clamp(min=1)
    return torch.where(counts > 0, means, means[counts > 0].mean())


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(CLAP)
