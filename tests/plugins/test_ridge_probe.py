"""Ridge regression against scikit-learn's, and against a case that is solved by hand."""

import numpy as np
import pytest
import sklearn.linear_model
import torch
from benchbench_plugins.ridge_probe import RidgeProbe, ridge_weights
from support.pictures import pixel_pairs, random_images, random_support

from benchbench.backbones import create_backbone


@pytest.mark.parametrize(("n", "d"), [(6, 20), (40, 5), (5, 5)])
@pytest.mark.parametrize("l2", [0.01, 1024.0])
def test_both_systems_are_the_one_of_scikit_learn(n: int, d: int, l2: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(n, 3))
    ours = ridge_weights(torch.from_numpy(x), torch.from_numpy(y), l2).numpy()
    theirs = sklearn.linear_model.Ridge(alpha=l2, fit_intercept=False).fit(x, y)
    np.testing.assert_allclose(ours, theirs.coef_.T, atol=1e-9)


@pytest.mark.parametrize("shot", [1, 3])
def test_scores_are_those_of_scikit_learn_on_standardised_features(shot: int) -> None:
    support, queries = random_support(3, shot), random_images(7, seed=1)
    method = RidgeProbe(backbone="pixels")
    method.encoder = create_backbone("pixels", (16, 16, 1))
    scores = method.adapt(support)(queries)
    assert scores.shape == (7, 3)
    x, q = (method.encoder(images).double().numpy() for images in (support.images, queries))
    mean, deviation = x.mean(0), x.std(0) + 1e-5
    x, q = (np.insert((f - mean) / deviation, f.shape[1], 100.0, axis=1) for f in (x, q))
    y = np.where(np.eye(3)[support.labels.numpy()] == 1, 1.0, -1.0)
    theirs = sklearn.linear_model.Ridge(alpha=1024.0, fit_intercept=False).fit(x, y)
    np.testing.assert_allclose(scores.numpy(), theirs.predict(q), rtol=1e-6, atol=1e-8)


def test_two_images_are_solved_by_hand() -> None:
    # Standardised they are 1 and -1 (short of 1e-5), targets 1 and -1: w = 2 / (2 + l2), bias 0.
    from benchbench.method import Support

    method = RidgeProbe(backbone="pixels", l2=2.0)
    method.encoder = create_backbone("pixels", (1, 2, 1))
    support = Support(pixel_pairs([[255, 0], [0, 0]]), torch.tensor([0, 1]), 2, "toy")
    scores = method.adapt(support)(support.images)
    expected = torch.tensor([[0.5, -0.5], [-0.5, 0.5]]).double()
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-4)
