"""Tip-Adapter, a cache of the support beside the texts (Zhang et al., ECCV 2022)."""

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

ALPHA, BETA = 1.17, 1.0
"""Where the authors' code begins, on ImageNet."""
ALPHAS = (0.0, 0.3, 1.17, 3.0, 10.0, 30.0, 100.0)
BETAS = (1.0, 3.0, 6.0, 12.0, 24.0)
BATCH = 256


@dataclass
class TipAdapter(ImageTextMethod):
    """Scores of the texts, and of a cache whose keys are the support images' features.

    A logit is s f.t + alpha s / 100 * sum over a class's keys k of exp(-beta (1 - f.k)), where s is
    the model's scale and 100 that of CLIP. The authors choose alpha and beta on the whole
    validation set, on ImageNet on the test set, and the epoch of the tuned keys on the test set;
    here alpha is chosen on other classes, and the last epoch counts. Keys are of images as they
    are, where the authors take the mean of ten crops and flips.

    alpha: the weight of the cache; 0 leaves the texts alone. `auto` takes alpha, and beta if that
        is `auto`, under which support images are likeliest by a cache without them; at one shot the
        values where the authors' search begins. `val` takes that of 1.17, 0.3, 3, 10 and 30 which
        is best on episodes of the validation classes; 1.17 if there are none. `sweep` takes the one
        that is best on official validation images of the episode's classes.
    beta: how fast the weight of a key falls with its distance.
    finetune: whether the keys are then learned from the support (Tip-Adapter-F). A step takes the
        whole support, and there are as many as in batches of 256.
    epochs: of this learning; the authors have 20, and 100 on EuroSAT.
    lr: its rate of AdamW.
    """

    name = "tip_adapter"
    paper = "arXiv:2207.09519"
    family = "image-text"
    candidates = {"alpha": (ALPHA, 0.3, 3.0, 10.0, 30.0)}
    alpha: Annotated[float, Bounds(ge=0)] | Literal["auto", "val", "sweep"] = "val"
    beta: Annotated[float, Bounds(ge=0)] | Literal["auto"] = BETA
    finetune: bool = False
    epochs: Annotated[int, Bounds(ge=0, le=10**6)] = 20
    lr: Annotated[float, Bounds(ge=0)] = 1e-3

    def head(self, known: JointSupport) -> Head:
        alpha, beta = self.strengths(known)
        keys = self.tuned(known.double(), alpha, beta) if self.finetune else known.features
        return lambda features: with_cache(features, keys, known, alpha, beta)

    def strengths(self, known: JointSupport) -> tuple[float, float]:
        """Alpha and beta, chosen on the support where they are `auto`."""
        alphas = ALPHAS if self.alpha == "auto" else (self.setting("alpha"),)
        betas = BETAS if self.beta == "auto" else (self.beta,)
        if len(alphas) == len(betas) == 1:
            return alphas[0], betas[0]
        if known.one_hot.sum(0).min() < 2:
            return (ALPHA if len(alphas) > 1 else alphas[0]), (BETA if len(betas) > 1 else betas[0])
        grid = [(alpha, beta) for alpha in alphas for beta in betas]
        return max(grid, key=lambda pair: likelihood_without_itself(known.double(), *pair))

    def tuned(self, known: JointSupport, alpha: float, beta: float) -> Tensor:
        """The keys [n, d] after learning, which are not normalised again."""
        keys = known.features.clone().requires_grad_()
        steps = steps_of(self.epochs, len(keys), BATCH)
        take_steps(
            lambda: F.cross_entropy(
                with_cache(known.features, keys, known, alpha, beta), known.labels
            ),
            torch.optim.AdamW([keys], lr=self.lr, eps=1e-4),
            steps,
            cosine(steps),
        )
        return keys.detach().float()


def with_cache(
    features: Tensor, keys: Tensor, known: JointSupport, alpha: float, beta: float
) -> Tensor:
    """Scores [m, n_way] of features [m, d] by the texts and by keys [n, d] of the support."""
    cached = affinities(features, keys, beta) @ known.one_hot
    return known.zero_shot(features) + alpha * known.share_of_scale * cached


def affinities(features: Tensor, keys: Tensor, beta: float) -> Tensor:
    """The weights [m, n] of keys [n, d] for features [m, d]."""
    return torch.exp(-beta * (1 - features @ keys.T))


def likelihood_without_itself(known: JointSupport, alpha: float, beta: float) -> float:
    """The log-likelihood of the support, each image by the keys of the others."""
    others = affinities(known.features, known.features, beta).fill_diagonal_(0)
    cached = alpha * known.share_of_scale * others @ known.one_hot
    logits = known.zero_shot(known.features) + cached
    return -float(F.cross_entropy(logits, known.labels))


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(TipAdapter)
