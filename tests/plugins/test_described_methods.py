"""Zero-shot methods by vectors of classes: worked examples, and unseen combinations."""

from dataclasses import replace
from itertools import product
from math import log

import numpy as np
import pytest
import torch
from benchbench_plugins import ale, borrow, conse, devise, eszsl, gfzsl, sae, sync
from scipy.optimize import minimize
from support.sentences import one_sentence
from torch import Tensor

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.evaluation.participant import evaluate
from benchbench.images import Images
from benchbench.learners.attribute_rule import AttributeRule
from benchbench.learners.creation import create_methods
from benchbench.learners.described import DescribedMethod, SeenClasses
from benchbench.method import Support
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource

METHODS = (
    "dap",
    "iap",
    "eszsl",
    "sae",
    "devise",
    "ale",
    "conse",
    "borrow",
    "gfzsl",
    "sync",
    "synthesis",
)
SHADES = (40, 90, 140, 190, 240)
SIDES = ((slice(None), slice(4)), (slice(None), slice(4, 8)), (slice(4),), (slice(4, 8),))


def tensor(*rows: object) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


EXAMPLE = SeenClasses(
    features=tensor([1, 0], [0, 1], [1, 1], [1, -1]),
    labels=torch.tensor([0, 1, 2, 0]),
    vectors=tensor([1, 0], [0, 1], [1, 1]),
)


def close(found: Tensor, expected: object, atol: float = 1e-6) -> None:
    torch.testing.assert_close(
        found, torch.as_tensor(expected, dtype=torch.float64), atol=atol, rtol=0
    )


@pytest.mark.parametrize(
    ("signed", "expected"),
    [(False, [[0.25, 0], [-0.0625, 0.1875]]), (True, [[0.125, -0.375], [-0.25, 0.25]])],
)
def test_eszsl_of_the_worked_example(signed: bool, expected: list[list[float]]) -> None:
    close(eszsl.solution(EXAMPLE, EXAMPLE.vectors, 1.0, 1.0, signed), expected, 1e-12)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 1.0), (0.1, 10.0), (100.0, 0.01)])
def test_eszsl_solves_its_normal_equations(gamma: float, lam: float, signed: bool) -> None:
    y = 2 * EXAMPLE.one_hot - 1 if signed else EXAMPLE.one_hot
    left = EXAMPLE.gram + gamma * torch.eye(2).double()
    right = EXAMPLE.vectors.T @ EXAMPLE.vectors + lam * torch.eye(2).double()
    target = EXAMPLE.features.T @ y @ EXAMPLE.vectors
    direct = torch.linalg.solve(torch.kron(left, right), target.flatten()).reshape(2, 2)
    close(eszsl.solution(EXAMPLE, EXAMPLE.vectors, gamma, lam, signed), direct, 1e-12)


def test_eszsl_minimises_its_objective() -> None:
    x, y, s = EXAMPLE.features, EXAMPLE.one_hot, EXAMPLE.vectors
    gamma, lam = 0.5, 2.0

    def objective(flat: np.ndarray) -> float:
        v = torch.from_numpy(flat).reshape(2, 2)
        fit = (x @ v @ s.T - y).square().sum() + gamma * (v @ s.T).square().sum()
        return float(fit + lam * (x @ v).square().sum() + gamma * lam * v.square().sum())

    found = minimize(objective, np.zeros(4), tol=1e-12).x.reshape(2, 2)
    close(eszsl.solution(EXAMPLE, EXAMPLE.vectors, gamma, lam, signed=False), found, 1e-5)


def test_sae_of_the_worked_example() -> None:
    expected = [[0.971831, -0.084507], [0.253521, 0.760563]]
    w, s = sae.solution(EXAMPLE, EXAMPLE.vectors, 2.0), EXAMPLE.own_vectors.T
    close(w, expected)
    close(s @ s.T @ w + 2 * w @ EXAMPLE.gram, 3 * s @ EXAMPLE.features, 1e-12)


@pytest.mark.parametrize("lam", [0.01, 2.0, 1000.0])
def test_sae_solves_its_sylvester_equation(lam: float) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(60, 12, generator=generator, dtype=torch.float64)
    vectors = torch.randn(10, 7, generator=generator, dtype=torch.float64)
    seen = SeenClasses(features, torch.arange(60) % 10, vectors)
    w, s = sae.solution(seen, seen.vectors, lam), seen.own_vectors.T
    residual = s @ s.T @ w + w @ (lam * seen.gram) - (1 + lam) * s @ features
    assert float(residual.abs().max()) < 1e-10 * max(1.0, lam)


def test_sae_of_features_that_are_the_vectors_is_the_identity() -> None:
    same = replace(EXAMPLE, features=EXAMPLE.own_vectors)
    close(sae.solution(same, same.vectors, 2.0), np.eye(2), 1e-12)


def test_dap_of_the_worked_example() -> None:
    rule = AttributeRule(0.5, torch.tensor([0, 1]), tensor(0.5, 0.25))
    scores = rule.scores(tensor([0.9, 0.2]), tensor([1, 0], [0, 1], [1, 1]))
    close(scores.exp(), [[1.92, 0.16, 1.44]])


def test_attributes_that_tell_nothing_are_dropped_and_a_prior_may_be_a_half() -> None:
    vectors = tensor([1, 0, 0, 1], [1, 1, 0, 0], [1, 1, 0, 0])
    rule = AttributeRule.of(vectors)
    assert rule.kept.tolist() == [1, 3]
    close(rule.prior, [2 / 3, 1 / 3])
    close(AttributeRule.of(vectors, half=True).prior, [0.5, 0.5])
    with one_sentence("No attribute tells .*; at least one must be above the mean of all numbers"):
        AttributeRule.of(tensor([1, 0], [1, 0]))


def test_certain_attributes_leave_scores_finite() -> None:
    rule = AttributeRule(0.5, torch.tensor([0]), tensor(0.5))
    scores = rule.scores(tensor([0.0], [1.0]), tensor([0], [1]))
    close(scores, [[log(2 * (1 - 1e-6)), log(2e-6)], [log(2e-6), log(2 * (1 - 1e-6))]], 1e-9)


@pytest.mark.parametrize(
    ("classes", "expected"), [(1, (1, 0)), (2, (0.625, 0.375)), (3, (0.7, 0.5))]
)
def test_conse_of_the_worked_example(classes: int, expected: tuple[float, float]) -> None:
    found = conse.convex(tensor([0.5, 0.3, 0.2]), EXAMPLE.vectors, classes)
    close(found, [expected], 1e-12)


@pytest.mark.parametrize(("draws", "weight"), [(1, 2.828968), (3, 1.833333), (9, 1.0)])
def test_warp_weighs_by_the_rank_that_the_draws_suggest(draws: int, weight: float) -> None:
    """Of ten classes the own is the last; the violating one is drawn in turn `draws`."""
    scores = torch.zeros(1, 10).double()
    scores[0, draws - 1], scores[0, 9] = 2.0, 1.5
    keys = (torch.arange(10) / 10)[None]
    found = ale.warp(scores, torch.tensor([9]), keys, margin=0.1)
    close(found, weight * (0.1 - 1.5 + 2.0))


def test_warp_without_a_violation_is_zero() -> None:
    scores = tensor([0, 0, 5])
    assert float(ale.warp(scores, torch.tensor([2]), torch.rand(1, 3), margin=1.0)) == 0.0


def test_the_hinge_of_devise() -> None:
    scores = tensor([0.5, 0.45, 0.2], [0.1, 0.0, 0.3])
    found = devise.hinge(scores, torch.tensor([0, 2]), 0.1)
    close(found, (0.05 + 0.0) / 2, 1e-12)


@pytest.mark.parametrize(("lam", "expected"), [(0.0, (0.8, 1.6)), (1.0, (0.666667, 1.333333))])
def test_gfzsl_of_the_worked_example(lam: float, expected: tuple[float, float]) -> None:
    means = tensor([1, 0], [0, 2])
    seen = SeenClasses(means, torch.arange(2), torch.eye(2).double())
    score = gfzsl.GFZSL().rule(seen, lam)
    squared = (tensor([0, 0], [1, 1]) - tensor(expected)).square().sum(1)
    close(score(tensor([0, 0], [1, 1]), tensor([1, 1]))[:, 0], -squared, 1e-5)


def test_sync_solves_its_normal_equations() -> None:
    """For phantoms at the classes: shares are symmetric, and a class's weights sum to one."""
    unit = torch.nn.functional.normalize(EXAMPLE.vectors, dim=1)
    shares = sync.similarities(unit, unit, 0.5)
    near = torch.softmax(-tensor(0.0, 2.0, 2 - 2**0.5) / 0.5, 0)
    close(shares[0], near, 1e-7)
    close(shares.sum(1), [1, 1, 1], 1e-12)
    left = EXAMPLE.gram + 3 * torch.eye(2).double()
    right = shares.T @ shares + torch.eye(3).double()
    target = EXAMPLE.features.T @ EXAMPLE.one_hot @ shares
    phantoms = torch.linalg.solve(torch.kron(left, right), target.flatten()).reshape(2, 3)
    score = sync.SynC(width=0.5).rule(EXAMPLE, gamma=3.0)
    close(score(EXAMPLE.features, unit), EXAMPLE.features @ phantoms @ shares.T, 1e-9)


def test_borrowed_weights_are_a_softmax_over_the_nearest() -> None:
    known = tensor([1, 0, 0], [0.6, 0.8, 0], [0, 0, 1])
    weights = borrow.borrowed(tensor([1, 0, 0], [2, 1, 0]), known, 2, 1.0)
    near = torch.softmax(-tensor(0.0, 0.8**0.5), 0)
    close(weights[0], [float(near[0]), float(near[1]), 0], 1e-12)
    close(weights[:, 2], [0, 0], 1e-12)
    close(weights.sum(1), [1, 1], 1e-12)


def test_classes_as_near_as_the_last_neighbour_count_whatever_their_order() -> None:
    """Descriptions in words have many such: which of them count must not be that of their ids."""
    combinations = [(*a, *b) for a in np.eye(4) for b in np.eye(4)]
    vectors, known = tensor(combinations[0]), tensor(*combinations[1:])
    weights = borrow.borrowed(vectors, known, 2, 0.5)
    assert int((weights > 0).sum()) == 6
    close(weights[weights > 0], [1 / 6] * 6, 1e-12)
    order = torch.randperm(15, generator=torch.Generator().manual_seed(0))
    close(borrow.borrowed(vectors, known[order], 2, 0.5), weights[:, order], 1e-12)


@pytest.fixture(scope="module")
def combinations() -> OpenDataset:
    """Pictures of a half in a shade; a class has an attribute for its shade and for its half."""
    rng = np.random.default_rng(0)
    members = list(product(range(5), range(4)))
    pixels = rng.integers(0, 60, (20, 12, 8, 8, 1))
    for index, (shade, side) in enumerate(members):
        pixels[index][(slice(None), *SIDES[side])] += SHADES[shade] - 40
    values = np.array([[*np.eye(5)[shade], *np.eye(4)[side]] for shade, side in members])
    test, val = [0, 5, 10, 15, 16], [1, 6, 11]
    train = [index for index in range(20) if index not in (*test, *val)]
    return OpenDataset(
        name="combinations",
        fingerprint="cd" * 32,
        pixels=np.clip(pixels, 0, 255).astype(np.uint8).reshape(-1, 8, 8, 1),
        labels=np.repeat(np.arange(20), 12),
        class_names=[f"class {index}" for index in range(20)],
        splits={"train": np.array(train), "val": np.array(val), "test": np.array(test)},
        attributes=ClassAttributes(tuple("abcdefghi"), values.astype(np.float32)),
    )


def trained(spec: str, dataset: OpenDataset) -> DescribedMethod:
    from benchbench.datasets.problem import Problem
    from benchbench.evaluation.task import task_of

    (method,) = create_methods(spec)
    assert isinstance(method, DescribedMethod)
    episodes = FixedSampler(5, 0, 4).sample(ClassPool(dataset, "test"), 1)
    task = task_of(Problem.of(dataset), episodes)
    assert method.skip(task) is None
    method.train(TrainingSource(dataset, method, task, Budget("quick", 100)))
    return method


def accuracy(method: DescribedMethod, dataset: OpenDataset) -> float:
    episodes = FixedSampler(5, 0, 10).sample(ClassPool(dataset, "test"), 4)
    return float(np.mean([one.record["accuracy"] for one in evaluate(method, dataset, episodes)]))


@pytest.mark.parametrize("name", METHODS)
def test_unseen_combinations_are_told(name: str, combinations: OpenDataset) -> None:
    method = trained(f"{name}[backbone=pixels]", combinations)
    assert accuracy(method, combinations) > 0.4


@pytest.mark.parametrize("name", METHODS)
def test_vectors_are_all_that_tells_them(name: str, combinations: OpenDataset) -> None:
    """The test classes' vectors turned by one: what was learned is then wrong, not unused."""
    method = trained(f"{name}[backbone=pixels]", combinations)
    assert combinations.attributes is not None
    values, test = combinations.attributes.values.copy(), combinations.splits["test"]
    values[test] = values[np.roll(test, 1)]
    turned = replace(combinations, attributes=replace(combinations.attributes, values=values))
    assert accuracy(method, turned) < 0.3


@pytest.mark.parametrize("name", METHODS)
def test_scores_follow_the_slots_and_training_is_a_function_of_the_seed(
    name: str, combinations: OpenDataset
) -> None:
    first, second = (trained(f"{name}[backbone=pixels]", combinations) for _ in range(2))
    assert first.chosen is not None
    assert second.chosen is not None
    assert combinations.attributes is not None
    vectors = torch.from_numpy(combinations.attributes.values).double()
    features = torch.from_numpy(np.random.default_rng(1).normal(size=(6, 64)))
    if name in ("iap", "conse"):
        features = torch.softmax(features[:, :12], 1)
    scores = first.chosen(features, vectors)
    assert scores.shape == (6, 20)
    torch.testing.assert_close(second.chosen(features, vectors), scores)
    torch.testing.assert_close(first.chosen(features, vectors.flip(0)), scores.flip(1))


def test_strengths_are_chosen_on_validation_classes_and_the_choice_is_said(
    combinations: OpenDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    trained("gfzsl[backbone=pixels]", combinations)
    assert "of 7 is right on" in capsys.readouterr().err
    trained("gfzsl[backbone=pixels,lam=3]", combinations)
    none = {**combinations.splits, "val": np.array([], np.int64)}
    method = trained("gfzsl[backbone=pixels]", replace(combinations, splits=none))
    assert "right on" not in capsys.readouterr().err
    assert accuracy(method, combinations) > 0.5


def test_calibrated_stacking_lowers_the_scores_of_classes_learned_from(
    combinations: OpenDataset,
) -> None:
    method = trained("gfzsl[backbone=pixels,lam=1,stacking=0.5]", combinations)
    plain = trained("gfzsl[backbone=pixels,lam=1]", combinations)
    assert combinations.attributes is not None
    vectors = torch.from_numpy(combinations.attributes.values)
    train = combinations.splits["train"]
    images = Images.from_array(combinations.images(np.arange(3)))
    labels = torch.zeros(0, dtype=torch.int64)
    nothing = Images.from_array(combinations.images(np.arange(0)))
    support = Support(nothing, labels, 20, "x", described=vectors)
    before, after = plain.adapt(support)(images), method.adapt(support)(images)
    lowered = 0.5 * before.std(1, keepdim=True) * torch.from_numpy(np.isin(np.arange(20), train))
    torch.testing.assert_close(after, before - lowered)
