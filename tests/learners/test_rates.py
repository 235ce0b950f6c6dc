"""Learned rates of the inner loop, seen through MAML, Proto-MAML and their first-order forms."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from benchbench_plugins.maml import FOMAML, MAML
from benchbench_plugins.proto_maml import ProtoMAML
from safetensors.torch import load_file
from support.inner_loops import ALL, BN, in_float64, training_episode, untrained
from support.learning import make_source
from support.pictures import pixel_pairs, random_images, random_support
from torch import Size, Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.gradient import InnerLoop
from benchbench.learners.rates import INNER_RATES, LearnedRates
from benchbench.method import Support
from benchbench.training.budget import Budget


def rates_of(method: MAML) -> LearnedRates:
    rates: LearnedRates = method.network[INNER_RATES]  # type: ignore[assignment]
    return rates


def make_random(rates: LearnedRates) -> None:
    torch.manual_seed(0)
    for rate in rates.parameters():
        nn.init.uniform_(rate, -0.02, 0.06)


def test_each_element_of_the_head_takes_a_step_of_its_own_rate() -> None:
    """From a head of zeros both classes have probability 1/2, so that the gradient of the mean
    cross-entropy is (-1/4, 1/4) in the first row and (1/4, -1/4) in the second."""
    method = MAML(rates="learned", test_steps=1, bn="running")
    method.settle(InnerLoop(1, 1, 0.1))
    head = nn.Linear(2, 3)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    encoder = create_backbone("pixels", (1, 2, 1))
    method.network = nn.ModuleDict({"encoder": encoder, "head": head})
    method.network[INNER_RATES] = rates = method.initial_rates()
    own = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    rates.by_name()["head.weight"].data.copy_(own)
    method.network.requires_grad_(False)

    pixels = pixel_pairs([[255, 0], [0, 255]])
    scores = method.adapt(Support(pixels, torch.arange(2), 2, "toy"))(pixels)
    torch.testing.assert_close(scores, torch.tensor([[0.25, -0.75], [-0.5, 1.0]]))


@pytest.mark.parametrize("bn", BN)
@pytest.mark.parametrize("cls", ALL)
def test_equal_learned_rates_are_a_fixed_one_bit_for_bit(cls: type[MAML], bn: str) -> None:
    support, queries = random_support(), random_images(6, seed=1)
    scores, losses = [], []
    for rates in ("fixed", "learned"):
        method = untrained(cls, bn=bn, rates=rates, inner_steps=2)
        scores.append(method.adapt(support)(queries))
        method.network.requires_grad_(True)
        losses.append(method.query_loss(training_episode()))
    assert torch.equal(*scores)
    assert torch.equal(*losses)


@pytest.mark.parametrize(
    ("cls", "bn", "steps"),
    [(MAML, "support", 2), (MAML, "task", 2), (ProtoMAML, "transductive", 2), (FOMAML, "task", 1)],
)
def test_the_gradient_of_the_rates_equals_finite_differences(cls, bn, steps, monkeypatch) -> None:
    """In first order as well, where the only step has a gradient that depends on no rate."""
    method = in_float64(cls, monkeypatch, bn=bn, rates="learned")
    method.inner = InnerLoop(steps, 1, 0.1)
    make_random(rates_of(method))
    rates, episode = list(rates_of(method).parameters()), training_episode()
    gradients = torch.autograd.grad(method.query_loss(episode), rates)
    directions = [torch.randn_like(rate) for rate in rates]
    slope = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))

    @torch.no_grad()
    def move(by: float) -> None:
        for rate, direction in zip(rates, directions, strict=True):
            rate += by * direction

    losses = []
    for by in (1e-5, -2e-5):
        move(by)
        losses.append(method.query_loss(episode).item())
    assert float(slope) == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-5)
    # The biases under a batch norm change nothing, and so do their rates.
    assert all((g != 0).any() for g, rate in zip(gradients, rates, strict=True) if rate.ndim > 1)


@pytest.mark.parametrize("bn", BN)
@pytest.mark.parametrize("cls", ALL)
def test_episodes_adapted_together_have_the_same_rates_as_alone(cls, bn, monkeypatch) -> None:
    method = in_float64(cls, monkeypatch, bn=bn, rates="learned")
    make_random(rates_of(method))
    method.network.eval().requires_grad_(False)
    supports, queries = [random_support(), random_support(seed=3)], random_images(6, seed=1)
    for classify, support in zip(method.adapt_together(supports), supports, strict=True):
        torch.testing.assert_close(classify(queries), method.adapt(support)(queries))


def test_a_head_of_prototypes_has_the_same_rates_for_all_classes() -> None:
    method = untrained(ProtoMAML, rates="learned")
    rates = rates_of(method).by_name()
    assert rates["head.weight"].shape == (1, method.encoder.feature_size)
    assert rates["head.bias"].shape == (1,)
    make_random(rates_of(method))
    support, slots, queries = random_support(), torch.tensor([1, 2, 0]), random_images(5, seed=1)
    renamed = Support(support.images, slots[support.labels], 3, "toy")
    ours, theirs = (method.adapt(each)(queries) for each in (support, renamed))
    torch.testing.assert_close(theirs[:, slots], ours, rtol=1e-4, atol=1e-4)
    assert method.adapt(random_support(way=5))(queries).shape == (5, 5)


def test_they_are_no_weights_and_their_names_are_those_of_weights() -> None:
    method = untrained(MAML, rates="learned", bn="task")
    assert set(rates_of(method).by_name()) == set(method.weights())
    assert all(r.shape == method.weights()[n].shape for n, r in rates_of(method).by_name().items())


def test_an_episode_of_fewer_classes_has_the_rates_of_the_first_rows() -> None:
    method = untrained(MAML, way=4, rates="learned")
    assert method.adapt(random_support(way=3))(random_images(2)).shape == (2, 3)


@pytest.mark.parametrize("cls", ALL)
def test_they_learn_from_the_inner_rate_on_and_are_stored(
    make_dataset: Callable[..., OpenDataset], tmp_path: Path, cls: type[MAML]
) -> None:
    dataset = make_dataset(classes=(6, 2, 2))

    def trained() -> dict[str, Tensor]:
        method = cls(backbone="conv4[width=4]", rates="learned", inner_lr=0.25)
        source = make_source(dataset, method, budget=Budget("smoke", 2), folder=tmp_path)
        source.validate = lambda: None  # type: ignore[method-assign]
        method.train(source)
        assert not any(rate.requires_grad for rate in rates_of(method).parameters())
        return {name: rate.clone() for name, rate in rates_of(method).state_dict().items()}

    rates = trained()
    stored = load_file(tmp_path / "training.safetensors")
    assert all(torch.equal(stored[f"{INNER_RATES}.{name}"], rate) for name, rate in rates.items())
    assert all(((rate - 0.25).abs() < 0.1).all() for rate in rates.values())
    assert all((rate != 0.25).any() for rate in rates.values() if rate.ndim > 1)
    again = trained()
    assert all(torch.equal(again[name], rate) for name, rate in rates.items())


def test_there_are_rates_by_the_names_of_weights() -> None:
    rates = LearnedRates({"layers.0.weight": Size([2, 3]), "layers.0.bias": Size([2])}, 0.5)
    assert {name: rate.shape for name, rate in rates.by_name().items()} == {
        "layers.0.weight": (2, 3),
        "layers.0.bias": (2,),
    }
    assert all((rate == 0.5).all() for rate in rates.parameters())
