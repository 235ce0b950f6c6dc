"""The losses of pre-training against values that were computed by hand, and what they keep to."""

import math

import pytest
import torch
from benchbench_plugins.barlow_twins import barlow_loss
from benchbench_plugins.byol import squared_distance
from benchbench_plugins.proto_clr import ProtoCLR, proto_loss
from benchbench_plugins.rotation import Rotation, turn_loss, turned
from benchbench_plugins.simclr import nt_xent
from benchbench_plugins.simsiam import cosine
from benchbench_plugins.tico import TiCo
from benchbench_plugins.vicreg import VICReg, covariance_loss, variance_loss
from torch import Tensor, nn
from torch.testing import assert_close

from benchbench import RunningCovariance
from benchbench.backbones import create_backbone
from benchbench.errors import BenchbenchError
from benchbench.learners.pretraining import Pretraining, Teacher, mlp, spread


def rows(*values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


EYE = torch.eye(2, dtype=torch.float64)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (torch.ones(4, 3).double(), torch.ones(4, 3).double(), math.log(7)),
        (EYE, EYE, math.log(1 + 2 * math.exp(-2))),
        (EYE, EYE.flip(0), math.log(2 + math.exp(2))),
        (torch.eye(4).double(), torch.eye(4).double(), math.log(1 + 6 * math.exp(-2))),
    ],
)
def test_nt_xent(one: Tensor, other: Tensor, expected: float) -> None:
    found = nt_xent(one, other, temperature=0.5)
    assert_close(float(found), expected, atol=1e-6, rtol=0)


def test_nt_xent_knows_neither_lengths_nor_order_nor_which_view_is_first() -> None:
    torch.manual_seed(0)
    one, other = torch.randn(2, 6, 5).double()
    expected = nt_xent(one, other, 0.3)
    order = torch.randperm(6)
    turn = torch.linalg.qr(torch.randn(5, 5).double()).Q
    assert_close(nt_xent(other, one, 0.3), expected)
    assert_close(nt_xent(one[order], other[order], 0.3), expected)
    assert_close(nt_xent(one @ turn, other @ turn, 0.3), expected)
    assert_close(nt_xent(one * torch.rand(6, 1).double(), other, 0.3), expected)


SIGNS = rows((1, 1), (1, -1), (-1, 1), (-1, -1))
RISING = rows((1, 2), (2, 4), (3, 6), (4, 8))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (SIGNS, SIGNS, 0.0),
        (SIGNS, SIGNS.flip(1), 2.01),
        (SIGNS, -SIGNS, 8.0),
        (RISING, RISING, 0.01),
    ],
)
def test_barlow_twins(one: Tensor, other: Tensor, expected: float) -> None:
    found = barlow_loss(one, other, redundancy=0.005)
    assert_close(float(found), expected, atol=2e-4, rtol=0)
    changed = barlow_loss(3 * one + 5, other * rows((2, 0.5)) - 1, redundancy=0.005)
    assert_close(float(changed), expected, atol=2e-4, rtol=0)


Z, OTHER = rows((0, 0), (1, 1), (2, 2)), rows((0, 0), (0.5, -0.5), (1, -1))


def test_the_terms_of_vicreg() -> None:
    assert float(variance_loss(Z)) == 0
    assert_close(float(variance_loss(OTHER)), 0.499900, atol=1e-6, rtol=0)
    assert float(covariance_loss(Z)) == 1
    assert float(covariance_loss(OTHER)) == 0.0625
    circle = rows((1, 0), (0, 1), (-1, 0), (0, -1))
    assert_close(float(variance_loss(circle)), 0.183442, atol=1e-6, rtol=0)
    assert_close(float(variance_loss(torch.ones(5, 3).double())), 0.99, atol=1e-6, rtol=0)


def test_vicreg_in_all() -> None:
    plain = VICReg()
    assert_close(float(plain.loss(nn.ModuleDict(), Z, OTHER)), 59.394583, atol=1e-5, rtol=0)
    shifted = plain.loss(nn.ModuleDict(), Z + 3, OTHER + 3)
    assert_close(float(shifted), 59.394583, atol=1e-5, rtol=0)


def test_the_covariance_of_tico_in_vicreg() -> None:
    centred = Z - Z.mean(0)
    running = RunningCovariance(2).double()
    assert_close(float(running.penalty(centred)), 0.177778, atol=1e-6, rtol=0)
    for _ in range(300):
        steady = running.penalty(centred)
    assert_close(float(steady), 16 / 9, atol=1e-6, rtol=0)
    hybrid = VICReg(covariance="tico", invariance=0, variance=0, decorrelation=1, width=2)
    both = nn.ModuleDict(
        {"covariances": nn.ModuleList(RunningCovariance(2).double() for _ in "ab")}
    )
    # Each branch of two features has half of the term above.
    assert_close(float(hybrid.loss(both, Z + 7, Z)), 0.177778, atol=1e-6, rtol=0)


@pytest.mark.parametrize("covariance", ["batch", "tico"])
def test_a_weight_of_zero_leaves_the_third_term_of_vicreg_out(covariance: str) -> None:
    weights = {"invariance": 0.0, "variance": 0.0, "decorrelation": 0.0}
    objective = VICReg(covariance=covariance, width=2, **weights)  # type: ignore[arg-type]
    both = nn.ModuleDict(
        {"covariances": nn.ModuleList(RunningCovariance(2).double() for _ in "ab")}
    )
    assert float(objective.loss(both, Z, OTHER)) == 0


def tico(size: int = 2) -> tuple[TiCo, nn.ModuleDict]:
    return TiCo(size=size), nn.ModuleDict({"covariance": RunningCovariance(size).double()})


def test_two_steps_of_tico() -> None:
    objective, network = tico()
    first = rows((1, 0), (1, 0)).requires_grad_()
    loss = objective.loss(network, first, first.detach())
    assert_close(float(loss.detach()), 0.8)
    moments = network["covariance"].moments
    assert_close(moments, rows((0.1, 0), (0, 0)))
    assert not moments.requires_grad
    second = objective.loss(network, rows((3, 4), (0, 2)), rows((1, 0), (0, 1)))
    assert_close(network["covariance"].moments, rows((0.108, 0.024), (0.024, 0.082)))
    assert_close(float(second), 0.9856)
    loss.backward()  # What a step has taken is not changed by the next one.
    assert first.grad is not None


@pytest.mark.parametrize(("steps", "expected"), [(1, 0.8), (2, 1.52), (10, 5.2106), (30, 7.6609)])
def test_a_collapsed_tico_nears_rho_and_is_told(steps: int, expected: float) -> None:
    objective, network = tico()
    point = rows((1, 0), (1, 0), (1, 0))
    for _ in range(steps):
        loss = objective.loss(network, point, point)
    assert_close(float(loss), expected, atol=1e-4, rtol=0)
    before = network["covariance"].moments.clone()
    health = objective.health(network, point, point)
    assert_close(network["covariance"].moments, before)
    assert ("near rho = 8" in objective.sickness(health)) == (steps == 30)


def test_a_small_rho_is_no_sign_of_a_collapse() -> None:
    assert not TiCo(rho=0.5).sickness({"loss": 0.4, "rho": 0.5, "spread": 0.9})
    assert TiCo(rho=0.5).sickness({"loss": 0.4, "rho": 0.5, "spread": 0.01})


def test_tico_of_all_directions_alike() -> None:
    objective, network = tico(size=4)
    for _ in range(300):
        loss = objective.loss(network, torch.eye(4).double(), torch.eye(4).double())
    assert_close(float(loss), 2.0, atol=1e-6, rtol=0)


def test_cosines_of_predictions() -> None:
    one = rows((2, 0), (0, 3))
    assert float(cosine(one, 5 * one)) == 1
    assert float(cosine(one, one.flip(1))) == 0
    assert float(squared_distance(one, 5 * one)) == 0
    assert float(squared_distance(one, one.flip(1))) == 2


def test_a_teacher_follows_without_gradients() -> None:
    class Point(nn.Module):
        def __init__(self, at: float) -> None:
            super().__init__()
            self.at = nn.Parameter(torch.tensor(at))

        def embed(self, pixels: Tensor) -> Tensor:
            return pixels * self.at

    student = Point(0.0)
    teacher = Teacher([student, nn.Identity()])
    with torch.no_grad():
        student.at.fill_(1.0)
    teacher.follow([student, nn.Identity()], momentum=0.99)
    found = teacher(torch.ones(1))
    assert_close(float(found), 0.01)
    assert not found.requires_grad


def test_the_spread_of_features() -> None:
    torch.manual_seed(0)
    assert spread(torch.randn(4096, 256)) == pytest.approx(1, abs=0.02)
    assert spread(torch.ones(10, 5)) == pytest.approx(0, abs=1e-6)
    assert "nearly one point (spread 0.050)" in Pretraining().sickness({"spread": 0.05})
    assert not Pretraining().sickness({"spread": 0.9})


def test_a_projector_has_biases_where_no_norm_follows() -> None:
    layers = mlp(4, 8, 8, 2)
    assert [type(layer).__name__ for layer in layers] == [
        *("Linear", "BatchNorm1d", "ReLU") * 2,
        "Linear",
    ]
    assert [layer.bias is not None for layer in layers if isinstance(layer, nn.Linear)] == [
        False,
        False,
        True,
    ]
    last = mlp(4, 8, 2, last_norm=True)[-1]
    assert isinstance(last, nn.BatchNorm1d)
    assert not last.affine


def test_prototypes_are_found_by_squared_distances() -> None:
    prototypes, query = rows((0, 0), (2, 0)), rows((1, 0), (2, 1))
    # Squared distances 1 and 1, and 5 and 1.
    expected = (math.log(2) + math.log(1 + math.exp(-4))) / 2
    assert_close(float(proto_loss(prototypes, query)), expected)
    far = math.log(1 + math.exp(-4))
    assert_close(float(proto_loss(prototypes, query, prototypes)), (expected + far) / 2)


def test_the_first_view_is_the_image_itself() -> None:
    objective = ProtoCLR(queries=2)
    changed = Pretraining.augmentations(objective, 1)[0]
    assert objective.augmentations(1) == ["flip[share=0]", changed, changed]
    assert objective.n_views == len(objective.augmentations(3)) == 3


def test_all_turns_of_all_images() -> None:
    images = torch.arange(8).reshape(2, 1, 2, 2)
    found = turned(images)[:, 0]
    assert found[0].tolist() == [[0, 1], [2, 3]]
    assert found[2].tolist() == [[1, 3], [0, 2]]  # anticlockwise
    assert found[5].tolist() == [[7, 6], [5, 4]]
    assert found[7].tolist() == [[6, 4], [7, 5]]


def test_the_loss_of_turns() -> None:
    assert_close(float(turn_loss(torch.zeros(12, 4))), math.log(4))
    right = torch.eye(4).repeat_interleave(3, 0)
    assert_close(float(turn_loss(right)), math.log(1 + 3 * math.exp(-1)))
    assert float(turn_loss(right.flip(0))) > float(turn_loss(right))


def test_images_that_are_not_square_are_not_turned() -> None:
    backbone = create_backbone("conv4[width=8]", (20, 33, 3))
    with pytest.raises(BenchbenchError, match="20 x 33 pixels"):
        Rotation().further_modules(backbone)
