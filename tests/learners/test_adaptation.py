import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.learners.adaptation import Weights, descend, embed_with
from benchbench.learners.normalisation import BatchMoments


def quadratic(weights: Weights) -> Tensor:
    return (weights["a"] ** 2).sum() * weights["b"].sum()


def start() -> Weights:
    return {
        "a": torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True),
        "b": torch.tensor([3.0], dtype=torch.float64, requires_grad=True),
    }


def test_a_step_follows_the_gradient_of_all_weights() -> None:
    stepped = descend(quadratic, start(), 1, 0.1)
    torch.testing.assert_close(stepped["a"].tolist(), [1 - 0.6, -2 + 1.2])
    torch.testing.assert_close(stepped["b"].tolist(), [3 - 0.5])


def test_no_step_changes_nothing() -> None:
    weights = start()
    assert all(
        torch.equal(t, weights[name]) for name, t in descend(quadratic, weights, 0, 1).items()
    )


@pytest.mark.parametrize("steps", [1, 3])
def test_second_order_is_the_derivative_of_the_whole_loop(steps: int) -> None:
    def after(a: Tensor, b: Tensor) -> Tensor:
        stepped = descend(quadratic, {"a": a, "b": b}, steps, 0.05, second_order=True)
        return torch.cat([stepped["a"], stepped["b"]])

    assert torch.autograd.gradcheck(after, tuple(start().values()))


def test_first_order_takes_the_steps_for_constants() -> None:
    weights = start()
    stepped = descend(quadratic, weights, 3, 0.05)
    gradient = torch.autograd.grad(stepped["a"].sum(), weights["a"], retain_graph=True)[0]
    assert gradient.tolist() == [1, 1]
    assert torch.autograd.grad(stepped["a"].sum(), weights["b"], allow_unused=True)[0] is None


def test_a_step_takes_the_partial_gradient_where_weights_depend_on_others() -> None:
    a = torch.tensor([1.0, -2.0], requires_grad=True)
    stepped = descend(quadratic, {"a": a, "b": 3 * a[:1]}, 1, 0.1, second_order=True)
    torch.testing.assert_close(stepped["a"].tolist(), [1 - 0.6, -2 + 1.2])


def test_rates_by_name_move_what_they_name() -> None:
    stepped = descend(quadratic, start(), 1, {"a": torch.tensor([0.1, 0.0])})
    torch.testing.assert_close(stepped["a"].tolist(), [1 - 0.6, -2.0])
    assert stepped["b"].tolist() == [3]
    assert list(stepped) == ["a", "b"]
    with pytest.raises(ValueError, match="a rate for 'c'"):
        descend(quadratic, start(), 1, {"c": 0.1})


def test_rates_that_are_tensors_are_learned_through_the_steps() -> None:
    weights = start()
    rates = {name: torch.full_like(t, 0.05, requires_grad=True) for name, t in weights.items()}

    def after(a: Tensor, b: Tensor) -> Tensor:
        stepped = descend(quadratic, weights, 2, {"a": a, "b": b}, second_order=True)
        return torch.cat([stepped["a"], stepped["b"]])

    assert torch.autograd.gradcheck(after, tuple(rates.values()))


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4, 4)])
def test_statistics_of_the_first_rows_normalise_all(shape: tuple[int, ...]) -> None:
    norm = nn.BatchNorm1d(3) if len(shape) == 2 else nn.BatchNorm2d(3)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    batch = torch.randn(shape)
    before = {name: tensor.clone() for name, tensor in norm.eval().state_dict().items()}
    with BatchMoments(4):
        some, one = norm(batch), norm(batch[[0, 1, 2, 3, 5]])
    with BatchMoments():
        first = norm(batch[:4])
    torch.testing.assert_close(some[:4], first)
    torch.testing.assert_close(some[5], one[4])
    assert all(torch.equal(tensor, before[name]) for name, tensor in norm.state_dict().items())
    expected = F.batch_norm(batch[:4], None, None, norm.weight, norm.bias, training=True)
    torch.testing.assert_close(first, expected)


def test_a_norm_without_weights_has_statistics_as_well() -> None:
    norm = nn.BatchNorm1d(3, affine=False).double()
    batch = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)

    def normalised(batch: Tensor) -> Tensor:
        with BatchMoments(4):
            return norm(batch)

    assert torch.autograd.gradcheck(normalised, batch)


def test_other_weights_leave_the_backbone_and_the_cache_alone() -> None:
    backbone = create_backbone("conv4[width=4]", (16, 16, 1)).freeze()
    pixels = torch.rand(3, 1, 16, 16)
    plain, key = backbone.embed(pixels), backbone.weights_key()
    own = dict(backbone.named_parameters())
    assert torch.equal(embed_with(backbone, own, pixels), plain)
    doubled = {name: 2 * tensor for name, tensor in own.items()} | {"head.weight": plain}
    assert not torch.equal(embed_with(backbone, doubled, pixels), plain)
    assert torch.equal(backbone.embed(pixels), plain)
    assert backbone.weights_key() == key
