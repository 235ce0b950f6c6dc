"""A linear classifier made of a support, through which a network learns."""

from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from support.learning import make_source
from support.pictures import SMALL, random_images, random_support
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.linear import LinearMethod
from benchbench.learners.metric import class_means
from benchbench.method import Support


@dataclass
class Means(LinearMethod):
    """Weights are the class means, times a number that is learned."""

    name = "means"
    added: tuple[float, ...] = ()

    def class_weights(
        self, features: Tensor, support: Support, *, training: bool
    ) -> tuple[Tensor, list[Tensor]]:
        assert torch.is_grad_enabled()
        weights = self.network["scale"].weight * class_means(features, support)
        return weights, [torch.tensor(number) for number in self.added]


@dataclass
class Penalised(Means):
    """The same with a penalty, and features that count half in training."""

    def step_penalty(self) -> Tensor:
        return self.network["scale"].weight.sum()

    def seen_in_training(self, features: Tensor) -> Tensor:
        return features / 2


def ready(cls: type[Means] = Means, added: tuple[float, ...] = ()) -> Means:
    method = cls(added=added)
    torch.manual_seed(0)
    encoder, scale = create_backbone("conv4[width=4]", SMALL).freeze(), nn.Linear(1, 1, bias=False)
    nn.init.constant_(scale.weight, 3.0)
    method.network = nn.ModuleDict({"encoder": encoder, "scale": scale})
    return method


def test_scores_are_products_of_features_of_unit_length() -> None:
    method, support, queries = ready(), random_support(), random_images(5, seed=1)
    scores = method.adapt(support)(queries)
    known, asked = (F.normalize(method.encoder(i), dim=1) for i in (support.images, queries))
    torch.testing.assert_close(scores, (asked @ (3 * class_means(known, support)).T).detach())
    assert not scores.requires_grad


@pytest.mark.parametrize(("cls", "share"), [(Means, 1.0), (Penalised, 0.5)])
def test_the_loss_is_the_queries_and_what_is_added(
    dataset: OpenDataset, cls: type[Means], share: float
) -> None:
    method = ready(cls, (0.25, 0.5))
    group = make_source(dataset, method).episodes(3, 2, 2).grouped(2)[0]
    losses = []
    for episode in group:
        known, asked = episode.split(F.normalize(method.encoder(episode.images), dim=1))
        scores = share * asked @ (3 * class_means(known, episode.support)).T
        losses.append(F.cross_entropy(scores, episode.query_labels) + 0.75)
    expected = torch.stack(losses).mean() + (3 if cls is Penalised else 0)
    loss = method.loss(group)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert method.network["scale"].weight.grad.abs().sum() > 0


def test_a_method_without_weights_says_so() -> None:
    with pytest.raises(NotImplementedError, match="LinearMethod has no class_weights"):
        LinearMethod().class_weights(torch.zeros(1, 2), random_support(), training=False)
