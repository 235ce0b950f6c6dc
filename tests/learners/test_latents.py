"""Latent codes: relations, golden densities, and what codes decode to."""

import pytest
import torch
import torch.nn.functional as F
from support.pictures import random_images
from torch import nn

from benchbench.learners.adaptation import descend
from benchbench.learners.latents import (
    LatentSpace,
    descend_tensor,
    draw_gaussian,
    gaussian_divergence,
)
from benchbench.method import Support


def features(count: int, seed: int = 0) -> torch.Tensor:
    found = torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))
    return F.normalize(found, dim=1)


def test_a_class_has_the_mean_of_its_images_relations_to_all_images() -> None:
    space, known = LatentSpace(8, 64), features(4)
    support = Support(random_images(4), torch.tensor([1, 0, 1, 1]), 2, "toy")
    codes = space.encoder(known)
    pairs = [[space.relation(torch.cat([a, b])) for b in codes] for a in codes]
    images = torch.stack([torch.stack(row).mean(0) for row in pairs])
    expected = torch.stack([images[1], images[[0, 2, 3]].mean(0)])[support.labels]
    found = torch.cat(space.encode(known, support), dim=1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_samples_have_the_codes_deviation() -> None:
    torch.manual_seed(0)
    means, log_deviations = torch.full((20_000, 1), 3.0), torch.full((20_000, 1), 0.5)
    samples, densities = draw_gaussian(means, log_deviations, at_zero=0.2, sample=True)
    deviation = 2.718281828**0.5 - 0.8
    assert float(samples.mean()) == pytest.approx(3, abs=0.03)
    assert float(samples.std()) == pytest.approx(deviation, rel=0.03)
    expected = torch.distributions.Normal(3.0, deviation).log_prob(samples)
    torch.testing.assert_close(densities, expected, rtol=1e-4, atol=1e-4)


def test_the_least_deviation_is_told_from_zero() -> None:
    means, log_deviations = torch.full((9, 1), 3.0), torch.full((9, 1), -99.0)
    samples, densities = draw_gaussian(means, log_deviations, sample=True)
    assert torch.equal(samples, means)  # which is all that float32 has of it
    assert torch.isfinite(densities).all()
    still, densities = draw_gaussian(means, log_deviations, sample=False)
    assert torch.equal(still, means)
    assert densities.unique().tolist() == pytest.approx([10 * 2.302585 - 0.918939])


def test_the_divergence_is_that_of_gaussians_on_average() -> None:
    torch.manual_seed(0)
    means, log_deviations = torch.full((50_000,), 0.5), torch.full((50_000,), 3.0).log()
    closed = (4 + 0.25 - 1) / 2 - 0.693147  # of a deviation of 2
    found = gaussian_divergence(*draw_gaussian(means, log_deviations, sample=True))
    assert float(found) == pytest.approx(closed, abs=0.03)


def test_orthogonality_is_between_the_directions_of_two_latents() -> None:
    space = LatentSpace(3, 2)
    space.decoder.weight = nn.Parameter(torch.tensor([[1.0, 0, 0], [1, 1, 0]]).T)
    assert float(space.orthogonality().detach()) == pytest.approx(0.25)


def test_a_decoder_of_zeros_has_the_deviation_of_glorot() -> None:
    space = LatentSpace(500, 4).requires_grad_(False)
    space.decoder.weight.zero_()
    torch.manual_seed(0)
    weights = space.decode(torch.randn(20, 4), n_way=5, sample=True)
    assert weights.shape == (20, 500)
    assert float(weights.std()) == pytest.approx((2 / 505) ** 0.5, rel=0.03)
    assert (space.decode(torch.randn(20, 4), n_way=5, sample=False) == 0).all()


def test_rates_begin_where_they_are_told_to() -> None:
    space = LatentSpace(3, 2, latent_rate=0.5, weight_rate=0.25)
    assert (space.latent_rate.tolist(), space.weight_rate.tolist()) == ([0.5] * 2, [0.25] * 3)


@pytest.mark.parametrize("second_order", [False, True])
def test_descent_of_one_tensor_is_that_of_weights(second_order: bool) -> None:
    start, rate = torch.randn(3, requires_grad=True), torch.tensor([0.1, 0.2, 0.3])

    def loss(x: torch.Tensor) -> torch.Tensor:
        return x.pow(4).sum()

    found = descend_tensor(loss, start, 3, rate, second_order=second_order)
    expected = descend(lambda w: loss(w["x"]), {"x": start}, 3, rate, second_order=second_order)[
        "x"
    ]
    assert torch.equal(found, expected)
    gradients = [torch.autograd.grad(end.sum(), start)[0] for end in (found, expected)]
    assert torch.equal(*gradients)
