"""LP++, a linear probe beside the texts with rates from the support (Huang et al., CVPR 2024)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import Bounds, Head, ImageTextMethod, JointSupport, hookimpl, take_steps

FIRST_ALPHA = 250.0
BLOCK = 10
"""Epochs from one step on the texts' weights to the next."""


@dataclass
class LPPlusPlus(ImageTextMethod):
    """A linear probe plus each class's text at a learned weight, without a rate to choose.

    A logit is f.w + b + alpha f.t with w, b and alpha of its class. w begins with the sum of the
    class's support features, b with 0, and alpha for all classes with 250 times the mean cosine of
    an image and its text, times the share that the model's scale is of CLIP's 100. A step takes the
    whole support: SGD with momentum on w and b, at 4 n over the largest eigenvalue of the features'
    second moments, and every tenth epoch one on alpha, at n / (4 max of a class's summed squared
    cosines), by the sum of its gradients so far, as the authors' code does. There b begins at
    random, and of the epochs the one counts that is best on a validation set of the same classes.
    Specs cannot hold the + of the method's own name, LP++.

    epochs: of the whole support; 0 leaves w, b and alpha as they begin. `val` takes that of 300, 0,
        10, 30 and 100 which is best on episodes of the validation classes; 300 if there are none.
        `sweep` takes the one that is best on official validation images of the episode's classes.
    """

    name = "lpplusplus"
    paper = "arXiv:2404.02285"
    family = "image-text"
    candidates = {"epochs": (300, 0, 10, 30, 100)}
    epochs: Annotated[int, Bounds(ge=0, le=10**6)] | Literal["val", "sweep"] = "val"

    def head(self, known: JointSupport) -> Head:
        weights, biases, alphas = (part.float() for part in self.learned(known.double()))
        return lambda f: f @ weights.T + biases + alphas * (f @ known.texts.T)

    def learned(self, known: JointSupport) -> tuple[Tensor, Tensor, Tensor]:
        """Weights [n_way, d], biases [n_way] and the texts' weights [n_way] after all epochs."""
        features, cosines = known.features, known.features @ known.texts.T
        weights = first_weights(known).requires_grad_()
        biases = torch.zeros_like(weights[:, 0]).requires_grad_()
        alphas = first_alphas(known).requires_grad_()

        def loss() -> Tensor:
            logits = features @ weights.T + biases + alphas * cosines
            return F.cross_entropy(logits, known.labels)

        probe = torch.optim.SGD([weights, biases], weights_rate(known), momentum=0.9)
        total = int(self.setting("epochs"))
        for start in range(0, total, BLOCK):
            epochs = min(BLOCK, total - start)
            take_steps(loss, probe, epochs)
            if epochs == BLOCK and alphas.grad is not None:
                alphas.data -= alphas_rate(known) * alphas.grad
        return weights.detach(), biases.detach(), alphas.detach()


def first_weights(known: JointSupport) -> Tensor:
    """The sums [n_way, d] of the support's features by class."""
    return known.one_hot.T @ known.features


def first_alphas(known: JointSupport) -> Tensor:
    """One number [n_way] for all classes, by the mean over classes of their images' cosines."""
    own = (known.features * known.texts[known.labels]).sum(1)
    counts = known.one_hot.sum(0)
    means = (known.one_hot.T @ own)[counts > 0] / counts[counts > 0]
    return torch.full_like(counts, FIRST_ALPHA * known.share_of_scale * float(means.mean()))


def weights_rate(known: JointSupport) -> float:
    """The rate of SGD on the probe, by the largest eigenvalue of the features' second moments."""
    largest = torch.linalg.matrix_norm(known.features, ord=2).square()
    return 4 * len(known.features) / float(largest)


def alphas_rate(known: JointSupport) -> float:
    """The rate of the steps on the texts' weights."""
    largest = (known.features @ known.texts.T).square().sum(0).max()
    return len(known.features) / (4 * float(largest))


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(LPPlusPlus)
