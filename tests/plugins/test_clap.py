from dataclasses import replace

import torch
import torch.nn.functional as F
from benchbench_plugins.clap import CLAP, trust_in_texts
from support.joint import known_support, noisy_support


def test_a_stronger_constraint_is_nearer_to_the_texts_down_to_them() -> None:
    noisy = noisy_support()
    features = F.normalize(noisy.features + noisy.texts[noisy.labels], dim=1)
    known = replace(noisy, features=features, scale=torch.tensor(5.0))
    assert trust_in_texts(known).min() > 0.1
    moved = [
        float((CLAP(constraint=factor, lr=0.001).learned(known) - known.texts).norm())
        for factor in (0.0, 0.1, 1.0, 10.0, 1000.0)
    ]
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > 1.2 * moved[2] > 20 * moved[-1]


def test_the_trust_in_a_text_is_its_mean_probability_on_its_own_images() -> None:
    known = known_support(
        [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], [0, 0, 1], [[1.0, 0.0], [0.0, 1.0]], scale=2.0
    )
    first = torch.sigmoid(torch.tensor(2.0))
    second = torch.sigmoid(torch.tensor(2.0 * (0.6 - 0.8)))
    torch.testing.assert_close(trust_in_texts(known), torch.stack([(first + second) / 2, first]))


def test_a_class_without_images_is_trusted_as_the_others_are_on_average() -> None:
    known = known_support(
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0, 1], torch.eye(3).tolist(), scale=1.0
    )
    found = trust_in_texts(known)
    torch.testing.assert_close(found[2], found[:2].mean())


def test_the_loss_is_the_papers_and_so_are_its_steps() -> None:
    known = noisy_support()
    exact, vectors = known.double(), known.texts.double().clone().requires_grad_()
    optimizer = torch.optim.SGD([vectors], 0.1, momentum=0.9)
    rates = [1.0, *(0.5 * (1 + torch.cos(torch.pi * torch.arange(4) / 4))).tolist()]
    trust = trust_in_texts(exact)
    for rate in rates:
        optimizer.param_groups[0]["lr"] = 0.1 * rate
        cosines = torch.cosine_similarity(exact.features[:, None], vectors[None], dim=2)
        penalty = sum(trust[c] * (vectors[c] - exact.texts[c]).square().sum() for c in range(4)) / 4
        optimizer.zero_grad()
        (F.cross_entropy(20 * cosines, known.labels) + penalty).backward()
        optimizer.step()
    torch.testing.assert_close(CLAP(epochs=5).learned(exact), vectors.detach())
