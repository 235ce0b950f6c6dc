import pytest
import torch
from benchbench_plugins.knn import KNN
from support.pictures import pixel_pairs as images

from benchbench.method import Support


def trained(method: KNN) -> KNN:
    """The method on pixels of 1 x 2 images."""
    from benchbench.backbones import create_backbone

    method.encoder = create_backbone("pixels", (1, 2, 1))
    return method


def answers(
    method: KNN, support_values: list[list[int]], labels: list[int], query_values: list[list[int]]
) -> list[int]:
    support = Support(images(support_values), torch.tensor(labels), max(labels) + 1, "toy")
    scores = trained(method).adapt(support)(images(query_values))
    assert scores.shape == (len(query_values), max(labels) + 1)
    return scores.argmax(1).tolist()


def test_the_nearest_neighbour_decides() -> None:
    knn, support_values = KNN(distance="euclidean"), [[0, 0], [200, 0], [0, 200]]
    queries = [[10, 5], [150, 20], [30, 255]]
    assert answers(knn, support_values, [2, 0, 1], queries) == [2, 0, 1]


def test_the_cosine_sees_directions_only() -> None:
    support_values, query_values = [[10, 0], [200, 200]], [[255, 20], [3, 3]]
    assert answers(KNN(), support_values, [0, 1], query_values) == [0, 1]
    assert answers(KNN(distance="euclidean"), support_values, [0, 1], query_values) == [1, 0]


def test_the_majority_of_k_decides_and_the_nearer_breaks_ties() -> None:
    support_values, labels = [[0, 0], [20, 0], [24, 0], [200, 0]], [0, 1, 1, 0]
    for k, answer in ((1, 0), (3, 1), (2, 0), (4, 0), (99, 0)):
        knn = KNN(k=k, distance="euclidean")
        assert answers(knn, support_values, labels, [[8, 0]]) == [answer]


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="k must be at least 1"):
        KNN(k=0, distance="euclidean")
