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


@pytest.mark.parametrize("k", [1, 4, 20])
def test_with_a_temperature_a_vote_is_that_of_dino(k: int) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(1, 256, (18, 2), generator=generator).tolist()
    labels = [number % 3 for number in range(12)]
    method = trained(KNN(k=k, temperature=0.07))
    support = Support(images(values[:12]), torch.tensor(labels), 3, "toy")
    scores = method.adapt(support)(images(values[12:]))
    known, asked = (torch.tensor(part).double() for part in (values[:12], values[12:]))
    for query, score in zip(asked, scores, strict=True):
        cosines = torch.cosine_similarity(query[None], known)
        votes = torch.zeros(3).double()
        for place in cosines.argsort(descending=True)[:k].tolist():
            votes[labels[place]] += (cosines[place] / 0.07).exp()
        ours = score.double() / score.sum()
        torch.testing.assert_close(ours, votes / votes.sum(), rtol=1e-5, atol=1e-6)


def test_a_high_temperature_counts_votes_and_a_low_one_is_the_nearest() -> None:
    support_values, labels, query = [[9, 1], [8, 2], [7, 3]], [0, 1, 1], [[10, 0]]
    for temperature, answer in ((1e-6, 0), (1e6, 1)):
        knn = KNN(k=3, temperature=temperature)
        assert answers(knn, support_values, labels, query) == [answer]


def test_a_temperature_of_distances_is_refused() -> None:
    with pytest.raises(ValueError, match="a temperature needs distance=cosine"):
        KNN(distance="euclidean", temperature=0.1)
