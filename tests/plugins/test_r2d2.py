"""R2-D2: the regression against scikit-learn's, its calibration, its recipes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.r2d2 import R2D2, Calibration, with_constant
from sklearn.linear_model import Ridge
from support.learning import make_source
from support.pictures import random_images
from torch import Tensor, nn

from benchbench.method import Support, Task
from benchbench.training.budget import Budget

LABELS = torch.tensor([0, 0, 1, 2, 2, 2])


def features(n: int = 6, size: int = 4, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, size)))


def method_with(lam: float = 50.0, scale: float = 1.0) -> R2D2:
    method = R2D2()
    method.penalty = lam
    method.network = nn.ModuleDict({"calibration": Calibration(scale)})
    return method


def support(way: int = 3) -> Support:
    return Support(random_images(6), LABELS, way, "toy")


@pytest.mark.parametrize("lam", [0.2, 50.0])
def test_it_is_the_ridge_on_a_penalised_constant_with_n_times_the_penalty(lam: float) -> None:
    known, asked = features(), features(3, seed=1)
    labels = F.one_hot(LABELS).double()
    scores = method_with(lam).scores(asked, known, support())
    theirs = Ridge(alpha=6 * lam, fit_intercept=False).fit(with_constant(known), labels)
    np.testing.assert_allclose(scores.detach(), theirs.predict(with_constant(asked)), atol=1e-12)


def test_dividing_by_the_root_of_the_number_is_the_same() -> None:
    """As the authors' code does it; the queries are not divided there."""
    known, asked, root = features(), features(3, seed=1), 6**0.5
    labels = F.one_hot(LABELS).double()
    theirs = Ridge(alpha=50.0, fit_intercept=False)
    theirs.fit(with_constant(known) / root, labels / root)
    scores = method_with().scores(asked, known, support())
    np.testing.assert_allclose(scores.detach(), theirs.predict(with_constant(asked)), atol=1e-12)


def test_scores_are_scaled_and_shifted() -> None:
    plain = method_with().scores(features(3), features(), support())
    method = method_with(scale=10.0)
    nn.init.constant_(method.network["calibration"].shift, 0.5)
    scaled = method.scores(features(3), features(), support())
    torch.testing.assert_close(scaled, 10 * plain + 0.5)


def test_the_gradient_is_that_of_finite_differences() -> None:
    known, asked = features().requires_grad_(), features(2, seed=1).requires_grad_()
    method = method_with(lam=0.5)
    assert torch.autograd.gradcheck(lambda k, a: method.scores(a, k, support()), (known, asked))


def test_a_class_without_support_scores_nothing_but_the_shift() -> None:
    scores = method_with().scores(features(3), features(), support(way=4))
    assert (scores[:, 3] == 0).all()


def test_it_learns(make_dataset) -> None:
    dataset = make_dataset(classes=(12, 5, 5), per_class=12, noise=255)
    losses: list[float] = []
    method = R2D2("conv4[width=8]")
    whole = method.criterion
    method.criterion = lambda *given: losses.append(whole(*given).item()) or whole(*given)  # type: ignore[method-assign]
    source = make_source(dataset, method, budget=Budget("smoke", 40))
    source.validate = lambda: None  # type: ignore[method-assign]
    method.train(source)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert method.penalty == 1


def test_the_published_recipe_is_that_of_the_code() -> None:
    def facts(name: str) -> tuple[int, tuple[int, int], float]:
        task = Task(name, "", (28, 28, 1), 5, 1, 15)
        recipe, method = R2D2().published(task), R2D2()
        scale = method.extra_modules(64, task)["calibration"].scale.item()
        return recipe["way"], recipe["shot"], scale

    assert facts("omniglot") == (60, (1, 9), 10)
    assert facts("cifar_fs") == (20, (1, 9), 10)
    assert facts("miniimagenet") == (16, (1, 9), pytest.approx(1e-4))
