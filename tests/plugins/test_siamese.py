from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.siamese import LEAST, Siamese
from support.learning import make_source
from support.pictures import SMALL, random_images, random_support
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.method import Support, Task
from benchbench.training.budget import Budget

TASK = Task("toy", "test", SMALL, 5, 1, 15)
SIZE = 6


def ready(width: int = 8) -> Siamese:
    torch.manual_seed(0)
    method = Siamese(width=width)
    method.network = nn.ModuleDict(method.extra_modules(SIZE, TASK)).requires_grad_(False)
    return method


def features(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, SIZE, generator=torch.Generator().manual_seed(seed))


def test_an_image_is_like_itself_as_much_as_the_bias_says() -> None:
    method = ready()
    odds = method.log_odds(features(5), features(5))
    bias = method.network["likeness"].bias
    torch.testing.assert_close(odds.diagonal(), bias.expand(5))
    torch.testing.assert_close(odds, odds.T)
    assert odds.unique().numel() > 5


def test_log_odds_are_those_of_the_paper() -> None:
    method = ready()
    layer = method.network["joint"][0]
    a, b = torch.sigmoid(features(2) @ layer.weight.T + layer.bias)
    weights, bias = method.network["likeness"].weight[0], method.network["likeness"].bias
    expected = ((a - b).abs() * weights).sum() + bias
    torch.testing.assert_close(method.log_odds(features(2)[:1], features(2)[1:])[0], expected)


def test_with_equal_weights_and_no_sigmoid_it_is_the_nearest_neighbour_in_city_blocks() -> None:
    method = Siamese()
    encoder = create_backbone("conv4[width=4]", SMALL).freeze()
    likeness = nn.Linear(4, 1)
    with torch.no_grad():
        likeness.weight.fill_(-1)
    parts = {"encoder": encoder, "joint": nn.Identity(), "likeness": likeness}
    method.network = nn.ModuleDict(parts).requires_grad_(False)
    support, queries = random_support(5, 1), random_images(60, seed=1)
    blocks = torch.cdist(encoder(queries), encoder(support.images), p=1)
    assert torch.equal(method.adapt(support)(queries).argmax(1), blocks.argmin(1))


def test_a_class_has_the_mean_of_its_images_and_one_without_any_the_least() -> None:
    method = ready()
    support = Support(random_images(3), torch.tensor([2, 0, 2]), 3, "toy")
    odds = method.log_odds(features(4, seed=1), features(3))
    scores = method.scores(features(4, seed=1), features(3), support)
    torch.testing.assert_close(scores[:, 2], (odds[:, 0] + odds[:, 2]) / 2)
    torch.testing.assert_close(scores[:, 0], odds[:, 1])
    assert scores[:, 1].tolist() == [LEAST] * 4


def test_a_collapsed_network_is_at_chance() -> None:
    """All scores are equal, so that what is right is in any slot."""
    method, support = ready(), random_support(4, 1)
    scores = method.scores(torch.ones(3, SIZE), torch.ones(4, SIZE), support)
    assert scores.unique().numel() == 1


def test_both_kinds_of_pairs_weigh_the_same() -> None:
    scores = torch.tensor([[0.3, -1.0, 2.0], [0.1, 0.2, -0.4]])
    labels, support = torch.tensor([2, 0]), random_support(3, 1)
    same = -(F.logsigmoid(scores[0, 2]) + F.logsigmoid(scores[1, 0])) / 2
    others = -F.logsigmoid(-scores[[0, 0, 1, 1], [0, 1, 1, 2]]).mean()
    expected = (same + others) * 2 / 3  # of the 3 pairs of a query 2 weigh 1, and one 2
    torch.testing.assert_close(Siamese().criterion(scores, labels, support), expected)
    moved = replace(support, labels=support.labels.flip(0))
    torch.testing.assert_close(Siamese().criterion(scores, labels, moved), expected)


def test_training_reaches_every_part(dataset: OpenDataset) -> None:
    torch.manual_seed(0)
    method = Siamese("conv4[width=4]", width=8)
    source = make_source(dataset, method, budget=Budget("smoke", 1))
    moved: dict[str, bool] = {}
    loss = method.loss

    def watched(episode):
        found = loss(episode)
        gradients = torch.autograd.grad(
            found, list(method.network.parameters()), retain_graph=True, allow_unused=True
        )
        names = [name for name, _ in method.network.named_parameters()]
        moved.update({n: bool(g.abs().sum() > 0) for n, g in zip(names, gradients, strict=True)})
        return found

    method.loss = watched  # type: ignore[method-assign]
    method.train(source)
    assert {n for n, m in moved.items() if m} >= {"joint.0.weight", "likeness.weight"}
    assert moved["encoder.layers.0.0.weight"]


def test_the_papers_recipe_ends_after_200_epochs() -> None:
    recipe = Siamese().published(TASK)
    epoch = recipe["validate_every"]
    assert recipe["steps"] == 200 * epoch
    assert recipe["schedule"](epoch) == pytest.approx(0.99)
    assert recipe["patience"] == 20
