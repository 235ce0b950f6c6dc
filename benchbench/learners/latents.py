"""Latent codes of classes: found by relations, Gaussian, and decoded to a classifier's weights.

The formulas are those of Rusu et al. (ICLR 2019, arXiv:1807.05960).
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, pi

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.learners.adaptation import descend
from benchbench.learners.metric import class_means
from benchbench.method import Support

LEAST_DEVIATION = 1e-10


class LatentSpace(nn.Module):
    """Gaussian codes of a support's classes, and Gaussian weights of a classifier by these codes.

    Images are encoded linearly, a relation network of three layers compares each with each (Sung et
    al., CVPR 2018), and codes are decoded linearly; none has a bias. Each support image has a copy
    of its class's code and weights.

    size: of the features. latent: of a code. latent_rate, weight_rate: where learned rates of
        descent on codes and on weights begin, one for each element.
    """

    def __init__(
        self, size: int, latent: int, latent_rate: float = 1.0, weight_rate: float = 1e-3
    ) -> None:
        super().__init__()
        self.latent = latent
        self.encoder = nn.Linear(size, latent, bias=False)
        layers = [nn.Linear(2 * latent, 2 * latent, bias=False) for _ in range(3)]
        self.relation = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
        self.decoder = nn.Linear(latent, 2 * size, bias=False)
        self.latent_rate = nn.Parameter(torch.full((latent,), latent_rate))
        self.weight_rate = nn.Parameter(torch.full((size,), weight_rate))

    def encode(self, features: Tensor, support: Support) -> tuple[Tensor, Tensor]:
        """Means and log-deviations [n, latent] of a code for each support image.

        A class has the mean over its images' relations to all images, the same for each of them.
        """
        codes = self.encoder(features)
        shape = (len(codes), *codes.shape)
        pairs = torch.cat([codes[:, None].expand(shape), codes[None].expand(shape)], dim=2)
        relations = self.relation(pairs).mean(1)
        means, deviations = class_means(relations, support)[support.labels].chunk(2, dim=1)
        return means, deviations

    def decode(self, codes: Tensor, n_way: int, *, sample: bool) -> Tensor:
        """Weights [n, size] of codes [n, latent]: their means, or a sample.

        A decoder of zeros gives the deviation of Glorot and Bengio (2010).
        """
        means, log_deviations = self.decoder(codes).chunk(2, dim=1)
        glorot = (2 / (n_way + means.shape[1])) ** 0.5
        return draw_gaussian(means, log_deviations, at_zero=glorot, sample=sample)[0]

    def orthogonality(self) -> Tensor:
        """How far the directions that the codes decode to are from right angles."""
        directions = F.normalize(self.decoder.weight.T, dim=1)
        return (directions @ directions.T - torch.eye(self.latent).to(directions)).square().mean()


def draw_gaussian(
    means: Tensor, log_deviations: Tensor, *, at_zero: float = 0.0, sample: bool
) -> tuple[Tensor, Tensor]:
    """A sample of Gaussians of deviations exp(s) - 1 + at_zero, or their means; its log-densities.

    The densities are those of the noise: deviations are often far below what float32 can tell from
    zero in the difference of a sample and its mean. All are of one shape.
    """
    deviations = (log_deviations.exp() - (1 - at_zero)).clamp(min=LEAST_DEVIATION)
    noise = torch.randn_like(means) if sample else torch.zeros_like(means)
    densities = -(noise.square() + log(2 * pi)) / 2 - deviations.log()
    return means + deviations * noise, densities


def gaussian_divergence(samples: Tensor, log_densities: Tensor) -> Tensor:
    """log q - log p of samples of q on average, p being the standard Gaussian.

    Its expectation is the Kullback-Leibler divergence of q from p, the mean over elements.
    """
    prior = -(samples.square() + log(2 * pi)) / 2
    return (log_densities - prior).mean()


def descend_tensor(
    loss: Callable[[Tensor], Tensor],
    start: Tensor,
    steps: int,
    rate: float | Tensor,
    *,
    second_order: bool = False,
) -> Tensor:
    """`descend` for one tensor, such as codes: what it is after some steps on `loss`."""
    moved = descend(
        lambda weights: loss(weights["only"]),
        {"only": start},
        steps,
        rate,
        second_order=second_order,
    )
    return moved["only"]
