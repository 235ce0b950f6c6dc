from collections.abc import Callable

import pytest
import torch
from benchbench_plugins.protonet import ProtoNet
from support.learning import make_source
from support.pictures import pixel_pairs as images
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.method import Support


def test_scores_are_minus_the_squared_distance_neither_rooted_nor_divided() -> None:
    method = ProtoNet()
    method.network = nn.ModuleDict({"encoder": create_backbone("pixels", (1, 2, 1))})
    support = Support(images([[0, 0], [255, 0], [255, 255]]), torch.tensor([0, 1, 1]), 2, "toy")
    scores = method.adapt(support)(images([[255, 255]]))
    torch.testing.assert_close(scores, torch.tensor([[-2.0, -0.25]]))


def test_the_cosine_is_scaled() -> None:
    method = ProtoNet(distance="cosine", scale=4.0)
    method.network = nn.ModuleDict({"encoder": create_backbone("pixels", (1, 2, 1))})
    support = Support(images([[255, 0], [9, 9]]), torch.tensor([0, 1]), 2, "toy")
    scores = method.adapt(support)(images([[0, 7]]))
    torch.testing.assert_close(scores, torch.tensor([[0.0, 4 * 0.5**0.5]]))


def test_the_loss_is_the_cross_entropy_of_the_queries(dataset: OpenDataset) -> None:
    method = ProtoNet()
    source = make_source(dataset, method, steps=1)
    encoder = create_backbone("conv4[width=8]", dataset.image_shape)
    method.network = nn.ModuleDict({"encoder": encoder})
    episode = source.episodes(5, 3, 4)[0]
    features = method.encoder(episode.images)
    support, query = features[:15], features[15:]
    centres = torch.stack([support[episode.support.labels == k].mean(0) for k in range(5)])
    log_p = torch.log_softmax(-(torch.cdist(query, centres) ** 2), dim=1)
    expected = -log_p[torch.arange(20), episode.query_labels].mean()
    torch.testing.assert_close(method.loss(episode), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_training_helps(make_dataset: Callable[..., OpenDataset], distance: str) -> None:
    dataset = make_dataset(classes=(30, 10, 10), noise=255)

    def accuracy(steps: int) -> float:
        method = ProtoNet(backbone="conv4[width=16]", distance=distance)  # type: ignore[arg-type]
        method.train(source := make_source(dataset, method, steps))
        return source.validate()

    assert accuracy(60) > accuracy(1) + 0.1


def test_any_training_classes_will_do(make_dataset: Callable[..., OpenDataset]) -> None:
    dataset = make_dataset(classes=(2, 2, 5), per_class=3, shape=(20, 33, 3))
    method = ProtoNet()
    method.train(make_source(dataset, method, steps=2, shot=2))
    assert method.encoder.feature_size == 64 * 1 * 2
