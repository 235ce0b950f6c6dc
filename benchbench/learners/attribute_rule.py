"""Classes by the probabilities of their attributes, and pictures by those of seen classes."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.learners.described import DescribedMethod, SeenClasses
from benchbench.method import Support

LEAST = 1e-6
"""Probabilities are at least this and at most one minus this."""


@dataclass(frozen=True)
class AttributeRule:
    """How classes follow from probabilities of attributes (Lampert et al., TPAMI 2014, eq. 2).

    threshold: above it an attribute counts as present. kept: the places of the attributes that some
    training classes have and some have not. prior: of each of those, float64 [kept].
    """

    threshold: float
    kept: Tensor
    prior: Tensor

    @classmethod
    def of(cls, vectors: Tensor, *, half: bool = False) -> AttributeRule:
        """Of the training classes' vectors [c, a]; half: whether every prior is a half.

        Raises BenchbenchError if no attribute tells one class from another.
        """
        threshold = float(vectors.mean())
        shares = (vectors > threshold).double().mean(0)
        kept = torch.nonzero((shares > 0) & (shares < 1))[:, 0]
        if len(kept) == 0:
            raise BenchbenchError(
                "No attribute tells one training class from another; at least one must be above "
                f"the mean of all numbers, {threshold:.3g}, for some of them and not for others."
            )
        prior = torch.full_like(shares, 0.5) if half else shares
        return cls(threshold, kept, prior[kept])

    def signatures(self, vectors: Tensor) -> Tensor:
        """Which attributes classes have: 0 and 1, float64 [c, kept]."""
        return (vectors[:, self.kept] > self.threshold).double()

    def scores(self, probabilities: Tensor, vectors: Tensor) -> Tensor:
        """The logarithms [n, c] of products over attributes of p / prior.

        probabilities: [n, kept] that an attribute is present.
        """
        signatures, p = self.signatures(vectors), probabilities.clamp(LEAST, 1 - LEAST)
        present = (p / self.prior).log() @ signatures.T
        return present + ((1 - p) / (1 - self.prior)).log() @ (1 - signatures).T


@dataclass
class SeenPosteriorMethod(DescribedMethod):
    """A method that sees a picture as probabilities of the training classes.

    They are those of the classifier that the backbone was trained with. A backbone without one, as
    it came with weights, has Gaussians of equal variance in all directions around the class means.
    """

    means: Tensor | None = field(default=None, init=False, repr=False, compare=False)
    variance: float = field(default=1.0, init=False, repr=False, compare=False)

    def prepare(self, learned: Support) -> None:
        super().prepare(learned)
        if self.classification is None:
            seen = SeenClasses(
                super().features(learned.images), learned.labels, self.vectors_of(learned)
            )
            self.means = seen.means
            self.variance = float((seen.features - seen.means[seen.labels]).square().mean())

    def features(self, images: Images) -> Tensor:
        """Probabilities [n, c] of the training classes."""
        if self.classification is not None:
            head = self.classification.head
            weight, bias = (
                one.detach().to("cpu", torch.float64) for one in (head.weight, head.bias)
            )
            return torch.softmax(self.embedded(images) @ weight.T + bias, dim=1)
        assert self.means is not None, "a method is trained before it is asked"
        distances = torch.cdist(super().features(images), self.means).square()
        return torch.softmax(-distances / (2 * self.variance), dim=1)
