"""Scores that are bilinear in features and vectors, given and trained."""

import torch
import torch.nn.functional as F

from benchbench.learners.bilinear import bilinear, fit_bilinear
from benchbench.learners.described import SeenClasses


def test_vectors_count_by_their_direction_alone() -> None:
    rule = bilinear(torch.tensor([[1.0, 0.0], [0.0, 2.0]]).double())
    features = torch.tensor([[3.0, 1.0]]).double()
    vectors = torch.tensor([[5.0, 0.0], [0.0, 0.5]]).double()
    torch.testing.assert_close(rule(features, vectors), torch.tensor([[3.0, 2.0]]).double())


def test_a_trained_rule_tells_the_seen_classes_apart_and_starts_at_zero() -> None:
    features = torch.eye(3).double()
    seen = SeenClasses(features, torch.arange(3), 4 * torch.eye(3).double())
    first: list[torch.Tensor] = []

    def loss(scores: torch.Tensor, labels: torch.Tensor, _: torch.Generator) -> torch.Tensor:
        first.append(scores.detach())
        return F.cross_entropy(scores, labels)

    rule = fit_bilinear(seen, loss, steps=50, lr=0.1, seed=0)
    assert first[0].abs().max() == 0
    scores = rule(features, seen.vectors)
    assert not scores.requires_grad
    assert scores.argmax(1).tolist() == [0, 1, 2]
