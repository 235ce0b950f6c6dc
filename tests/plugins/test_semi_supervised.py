"""UDA, FixMatch and pseudo-labels: the papers' losses in numbers, and their classifiers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from benchbench_plugins.fixmatch import FixMatch, fixmatch_loss
from benchbench_plugins.linear_probe import LinearProbe
from benchbench_plugins.pseudo_label import PseudoLabel, guessed
from benchbench_plugins.uda import UDA, uda_loss
from sklearn.linear_model import LogisticRegression
from support.pictures import pixel_pairs, random_images

from benchbench.backbones import create_backbone
from benchbench.learners.creation import create_method
from benchbench.method import Support

SURE, UNSURE = [5.0, 0.0, 0.0], [2.0, 0.0, 0.0]
VIEW = [1.0, 1.0, 0.0]


def test_uda_masks_by_the_probability_before_it_is_sharpened() -> None:
    view, unsure = torch.tensor([VIEW]), torch.tensor([UNSURE])
    assert unsure.softmax(1).max().item() == pytest.approx(0.786986, abs=1e-6)
    assert (unsure / 0.4).softmax(1).max().item() == pytest.approx(0.986703, abs=1e-6)
    assert uda_loss(unsure, view, 0.8, 0.4) == 0
    assert uda_loss(unsure, view, 0.7, 0.4).item() == pytest.approx(0.788774, abs=1e-6)


def test_uda_takes_the_mean_over_all_images() -> None:
    plain, views = torch.tensor([SURE, UNSURE]), torch.tensor([VIEW, VIEW])
    alone = uda_loss(plain[:1], views[:1], 0.8, 0.4)
    assert uda_loss(plain, views, 0.8, 0.4).item() == pytest.approx(alone.item() / 2)


def test_fixmatch_takes_the_likeliest_class_of_sure_images() -> None:
    plain, views = torch.tensor([SURE, UNSURE]), torch.tensor([VIEW, VIEW])
    assert fixmatch_loss(plain[:1], views[:1], 0.95).item() == pytest.approx(0.861995, abs=1e-6)
    assert fixmatch_loss(plain, views, 0.95).item() == pytest.approx(0.861995 / 2, abs=1e-6)
    assert fixmatch_loss(plain[1:], views[1:], 0.95) == 0


def test_views_and_not_the_images_themselves_get_the_gradient() -> None:
    for loss in (uda_loss, fixmatch_loss):
        view = torch.tensor([VIEW], requires_grad=True)
        more = (0.8, 0.4) if loss is uda_loss else (0.95,)
        loss(torch.tensor([SURE]), view, *more).backward()  # type: ignore[operator]
        # Of the cross-entropy and of the divergence alike: p - target.
        target = torch.tensor([SURE]) / 0.4 if loss is uda_loss else torch.tensor([[1e3, 0, 0]])
        expected = torch.tensor([VIEW]).softmax(1) - target.softmax(1)
        torch.testing.assert_close(view.grad, expected)


def test_each_has_its_published_confidence() -> None:
    assert (UDA().confidence, UDA().temperature, FixMatch().confidence) == (0.8, 0.4, 0.95)


def test_guesses_are_the_likeliest_classes_that_are_sure_enough() -> None:
    logits = torch.tensor([SURE, UNSURE, VIEW]).double()
    expected = torch.tensor([[1, 0, 0], [1, 0, 0], [1, 0, 0]]).double()
    assert torch.equal(guessed(logits, 0.0), expected)
    expected[1:] = 0
    assert torch.equal(guessed(logits, 0.8), expected)


def pairs(seed: int = 0) -> tuple[PseudoLabel, Support]:
    method = PseudoLabel(normalise=False, rounds=2, c=0.7)
    method.encoder = create_backbone("pixels", (1, 2, 1))
    known = pixel_pairs([[40, 50], [200, 60], [90, 220]])
    values = np.random.default_rng(seed).integers(0, 256, (9, 2)).tolist()
    return method, Support(known, torch.arange(3), 3, "toy", pool=pixel_pairs(values))


def test_rounds_are_solved_with_a_rising_weight_as_scikit_learn_does() -> None:
    method, support = pairs()
    x = method.features(support.images).numpy()
    pool, queries = method.features(support.unlabelled).numpy(), pixel_pairs([[10, 99], [180, 140]])
    labels, weights, seen = np.arange(3), np.ones(3), x
    for number in (0, 1, 2):
        if number:
            guesses = solved.predict(pool)  # noqa: F821
            labels = np.concatenate([np.arange(3), guesses])
            weights = np.r_[np.ones(3), np.full(9, 3.0 * number / 2 * 3 / 9)]
            seen = np.concatenate([x, pool])
        solved = LogisticRegression(C=0.7, tol=1e-10, max_iter=10_000)
        solved.fit(seen, labels, weights)
    expected = solved.predict_proba(method.features(queries).numpy())
    found = torch.softmax(method.adapt(support)(queries), 1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_without_unlabelled_images_it_is_the_linear_probe_bit_for_bit() -> None:
    method, support = pairs()
    probe = create_method(method.without_pool)
    assert isinstance(probe, LinearProbe)
    assert (probe.c, probe.normalise) == (0.7, False)
    probe.encoder = method.encoder
    support.pool, queries = pixel_pairs([[0, 0]]), pixel_pairs([[10, 99], [180, 140]])
    support.pool = type(support.pool).from_array(support.pool.array[:0])
    scores = [one.adapt(support)(queries) for one in (method, probe)]
    assert torch.equal(*scores)
    assert not PseudoLabel(rounds=0).uses_unlabelled


@pytest.mark.parametrize("method", [UDA(steps=60), FixMatch(steps=60), PseudoLabel()])
def test_unlabelled_images_help_where_a_class_is_a_cluster(method) -> None:
    method.encoder = create_backbone("pixels", (16, 16, 1))
    method.encoder.freeze()
    if not isinstance(method, PseudoLabel):
        method.augment, method.confidence = "shift", 0.4
    rng = np.random.default_rng(3)
    templates = random_images(3, seed=5).array.astype(float)

    def images(each: int):
        noise = rng.normal(0, 170, (3 * each, 16, 16, 1))
        pixels = (templates.repeat(each, 0) + noise).clip(0, 255).astype(np.uint8)
        return type(random_images(1)).from_array(pixels)

    gains = []
    for _ in range(25):
        support, query = Support(images(1), torch.arange(3), 3, "toy", pool=images(10)), images(15)
        truth = torch.arange(3).repeat_interleave(15)
        taught = (method.adapt(support)(query).argmax(1) == truth).double().mean()
        support.pool = type(query).from_array(query.array[:0])
        alone = (method.adapt(support)(query).argmax(1) == truth).double().mean()
        gains.append(float(taught - alone))
    assert np.mean(gains) > 2 * np.std(gains) / math.sqrt(len(gains))
