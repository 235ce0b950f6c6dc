"""MetaOptNet: its scores, their gradients, and its recipes."""

import pytest
import torch
from benchbench_plugins.metaoptnet import MetaOptNet
from support.features import overlapping_classes
from support.learning import make_source
from support.pictures import random_images
from torch import Tensor, nn

from benchbench.learners.scaling import Scale
from benchbench.method import Support, Task
from benchbench.training.budget import Budget


def support_for(labels: Tensor, way: int) -> Support:
    return Support(random_images(len(labels)), labels, way, "toy")


def method_with(**parameters: object) -> MetaOptNet:
    method = MetaOptNet(**parameters)  # type: ignore[arg-type]
    method.network = nn.ModuleDict({"scale": Scale()})
    return method


@pytest.mark.parametrize(("lam", "expected"), [(1.0, [1.5, 0.5]), (50.0, [3 / 51, 1 / 51])])
def test_scores_are_twice_those_of_the_usual_ridge(lam: float, expected: list[float]) -> None:
    method, support = method_with(head="ridge", lam=lam), support_for(torch.tensor([0, 1]), 2)
    scores = method.scores(torch.tensor([[3.0, 1.0]]), torch.eye(2), support)
    torch.testing.assert_close(scores, 2 * torch.tensor([expected]))


@pytest.mark.parametrize("head", ["ridge", "svm"])
def test_gradients_are_those_of_finite_differences(head: str) -> None:
    features, labels = overlapping_classes(n=7, way=3)
    method, support = method_with(head=head, lam=2.0, c=0.3), support_for(labels, 3)
    queries = torch.randn(2, 6, dtype=torch.float64)

    def scores(known: Tensor, asked: Tensor) -> Tensor:
        return method.scores(asked, known, support)

    inputs = features.requires_grad_(), queries.requires_grad_()
    assert torch.autograd.gradcheck(scores, inputs, atol=1e-5)


@pytest.mark.parametrize("head", ["ridge", "svm"])
def test_classes_swap_and_one_without_support_has_finite_scores(head: str) -> None:
    features, labels = overlapping_classes()
    queries = torch.randn(5, 6, dtype=torch.float64)
    method = method_with(head=head)
    scores = method.scores(queries, features, support_for(labels, 5))
    swap = torch.tensor([2, 0, 3, 1, 4])
    swapped = method.scores(queries, features, support_for(swap[labels], 5))
    torch.testing.assert_close(swapped[:, swap], scores, atol=1e-5, rtol=0)
    assert scores.isfinite().all()
    if head == "ridge":
        assert (scores[:, 4] == 0).all()


@pytest.mark.parametrize(("head", "steps"), [("ridge", 40), ("svm", 12)])
def test_it_learns(make_dataset, head: str, steps: int) -> None:
    dataset = make_dataset(classes=(12, 5, 5), per_class=12, noise=255)
    losses: list[float] = []
    method = MetaOptNet("conv4[width=8]", head=head)  # type: ignore[arg-type]
    whole = method.criterion
    method.criterion = lambda *given: losses.append(whole(*given).item()) or whole(*given)  # type: ignore[method-assign]
    source = make_source(dataset, method, budget=Budget("smoke", steps))
    source.validate = lambda: None  # type: ignore[method-assign]
    method.train(source)
    assert len(losses) == steps
    assert sum(losses[-3:]) < 0.95 * sum(losses[:3])
    assert method.network["scale"].factor != 1


def test_the_published_recipe_is_that_of_the_code() -> None:
    def recipe(name: str, backbone: str = "resnet12[pool=false]", side: int = 84) -> tuple:
        found = MetaOptNet(backbone).published(Task(name, "", (side, side, 3), 5, 1, 15))
        return found["shot"], found["augment"].partition("+")[0]

    assert recipe("miniimagenet") == (15, "pad_crop[pad=8]")
    assert recipe("miniimagenet", "conv4") == (5, "pad_crop[pad=8]")
    assert recipe("tieredimagenet") == (10, "pad_crop[pad=8]")
    assert recipe("cifar_fs", side=32) == (5, "pad_crop[pad=4]")
    schedule = MetaOptNet().published(Task("fc100", "", (32, 32, 3), 5, 1, 15))["schedule"]
    assert [schedule(e * 1000) for e in (0, 20, 40, 50)] == [1, 0.06, 0.012, 0.0024]


def test_labels_are_smoothed_on_miniimagenet_alone() -> None:
    scores, labels = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    plain = MetaOptNet().criterion(scores, labels, support_for(labels, 2))
    support = Support(random_images(1), labels, 2, "miniimagenet[size=84]")
    smooth = MetaOptNet().criterion(scores, labels, support)
    assert plain.item() == pytest.approx(0.126928, abs=1e-6)
    assert smooth.item() == pytest.approx(0.126928 + 0.1 * 2, abs=1e-6)
