"""Adaptation by gradient descent, seen through MAML, Proto-MAML and their first-order forms."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.maml import FOMAML, MAML
from benchbench_plugins.proto_maml import ProtoMAML
from support.inner_loops import ALL, BN, in_float64, training_episode, untrained
from support.pictures import SMALL, random_images, random_support

from benchbench.errors import MethodError
from benchbench.images import Images
from benchbench.learners.episodic import TASK_NORM
from benchbench.learners.gradient import InnerLoop
from benchbench.method import Task


@pytest.mark.parametrize("bn", ["support", "transductive", "task"])
@pytest.mark.parametrize("cls", [MAML, ProtoMAML])
def test_the_meta_gradient_equals_finite_differences(cls, bn, monkeypatch) -> None:
    method, episode = in_float64(cls, monkeypatch, bn=bn), training_episode()
    weights = method.weights()
    direction = {name: torch.randn_like(tensor) for name, tensor in weights.items()}
    gradients = torch.autograd.grad(method.query_loss(episode), list(weights.values()))
    slope = sum((g * direction[name]).sum() for g, name in zip(gradients, weights, strict=True))

    def shifted(by: float) -> float:
        with torch.no_grad():
            for name, tensor in weights.items():
                tensor += by * direction[name]
        loss = method.query_loss(episode).item()
        with torch.no_grad():
            for name, tensor in weights.items():
                tensor -= by * direction[name]
        return loss

    assert float(slope) == pytest.approx((shifted(1e-5) - shifted(-1e-5)) / 2e-5, rel=1e-5)


def test_the_first_order_gradient_is_that_at_the_adapted_weights(monkeypatch) -> None:
    method, episode = in_float64(FOMAML, monkeypatch), training_episode()
    initial = list(method.weights().values())
    gradients = torch.autograd.grad(method.query_loss(episode), initial)
    support_pixels = method.encoder.prepare(episode.support.images.array)
    query_pixels = method.encoder.prepare(episode.query.array)
    adapted = method.descend(
        method.weights(), support_pixels, episode.support, method.inner.steps, second_order=False
    )
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in adapted.items()}
    logits = method.query_logits(leaves, support_pixels, query_pixels)
    loss = F.cross_entropy(logits, episode.query_labels)
    expected = torch.autograd.grad(loss, list(leaves.values()))
    for ours, theirs in zip(gradients, expected, strict=True):
        torch.testing.assert_close(ours, theirs)

    method.second_order = True  # type: ignore[misc]
    exact = torch.autograd.grad(method.query_loss(episode), initial)
    assert not all(torch.allclose(a, b) for a, b in zip(exact, gradients, strict=True))


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("bn", BN)
def test_only_transductive_statistics_depend_on_the_other_queries(cls: type[MAML], bn: str) -> None:
    method, queries = untrained(cls, bn=bn), random_images(6, seed=1).array
    classify = method.adapt(random_support())
    together = classify(Images.from_array(queries))
    in_pairs = torch.cat([classify(Images.from_array(queries[i : i + 2])) for i in (0, 2, 4)])
    assert torch.allclose(together, in_pairs, atol=1e-4) == (bn != "transductive")
    assert method.transductive == (bn == "transductive")
    assert cls.transductive is False


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("bn", BN)
def test_adaptation_leaves_no_state_behind(cls: type[MAML], bn: str) -> None:
    method, queries = untrained(cls, bn=bn), random_images(6, seed=1)
    module = method.network
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    first = method.adapt(random_support())
    scores = first(queries)
    method.adapt(random_support(seed=5))(queries)
    assert torch.equal(method.adapt(random_support())(queries), scores)
    assert torch.equal(first(queries), scores)
    assert not scores.requires_grad
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in module.parameters())
    assert method.encoder.frozen


@pytest.mark.parametrize("bn", BN)
@pytest.mark.parametrize("cls", ALL)
def test_episodes_adapted_together_are_as_if_alone(cls, bn, monkeypatch) -> None:
    method = in_float64(cls, monkeypatch, bn=bn)
    method.network.eval().requires_grad_(False)
    order = torch.tensor([3, 1, 0, 5, 2, 4])
    second = random_support(seed=3)
    supports = [
        random_support(),
        replace(second, labels=second.labels[order]),
        random_support(seed=7),
    ]
    queries = random_images(6, seed=1)
    for classify, support in zip(method.adapt_together(supports), supports, strict=True):
        torch.testing.assert_close(classify(queries), method.adapt(support)(queries))


def test_episodes_of_different_shapes_are_adapted_one_by_one() -> None:
    method, queries = untrained(ProtoMAML), random_images(4, seed=1)
    supports = [random_support(), random_support(way=2), random_support(shot=1)]
    for classify, support in zip(method.adapt_many(supports), supports, strict=True):
        assert torch.equal(classify(queries), method.adapt(support)(queries))


def test_adaptation_is_for_the_support_that_it_is_given() -> None:
    method, support = untrained(MAML, test_steps=30, inner_lr=0.5), random_support()
    scores = method.adapt(support)(support.images)
    assert torch.equal(scores.argmax(1), support.labels)


def test_the_head_has_the_way_of_the_task() -> None:
    method = untrained(MAML, way=4)
    assert method.adapt(random_support(way=3))(random_images(2)).shape == (2, 3)
    with pytest.raises(MethodError, match="trained for 4 classes, not 5"):
        method.adapt(random_support(way=5))
    task = Task("toy", "variable", SMALL, None, 1, 15)
    assert "fixed way" in str(MAML().skip(task))
    assert ProtoMAML().skip(task) is None
    for cls in ALL:
        assert "0-shot" in str(cls().skip(Task("toy", "zero-shot", SMALL, 5, 0, 15)))


def test_negative_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        MAML(test_steps=-1)


def test_a_parameter_goes_before_the_recipe() -> None:
    method = MAML(inner_steps=0, inner_lr=0.5)
    method.settle(InnerLoop(5, 10, 0.1))
    assert method.inner == InnerLoop(0, 10, 0.5)


def test_the_shares_of_task_norm_learn_in_the_outer_loop_alone(monkeypatch) -> None:
    method, episode = in_float64(MAML, monkeypatch, bn="task"), training_episode()
    assert not [name for name in method.weights() if TASK_NORM in name]
    shares = method.network[TASK_NORM]
    method.query_loss(episode).backward()
    assert (shares.offset.grad != 0).all()
    torch.testing.assert_close(shares.scale.grad, 6 * shares.offset.grad)
