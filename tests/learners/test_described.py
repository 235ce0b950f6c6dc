"""What zero-shot methods share: features, the choice of a rule, and the code of the guide."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from support.sentences import one_sentence

from benchbench.learners.described import (
    SeenClasses,
    cosines,
    fit_on_features,
    share_right,
)

GUIDE = Path(__file__).parents[2] / "docs" / "zero-shot.md"


def seen(images: int = 40) -> SeenClasses:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(8, 5, generator=generator, dtype=torch.float64)
    labels = torch.arange(images) % 8
    noise = torch.randn(images, 6, generator=generator, dtype=torch.float64)
    mixed = vectors @ torch.randn(5, 6, generator=generator, dtype=torch.float64)
    return SeenClasses(mixed[labels] + 0.1 * noise, labels, vectors)


def test_sums_means_and_products_of_classes() -> None:
    classes = seen()
    own = [classes.features[classes.labels == label] for label in range(8)]
    torch.testing.assert_close(classes.means, torch.stack([one.mean(0) for one in own]))
    torch.testing.assert_close(classes.sums, torch.stack([one.sum(0) for one in own]))
    assert classes.counts.tolist() == [5.0] * 8
    products = sum(torch.outer(one, one) for one in classes.features)
    torch.testing.assert_close(classes.gram, products)
    torch.testing.assert_close(classes.own_vectors, classes.vectors[classes.labels])


def test_too_many_products_are_refused_before_they_are_made() -> None:
    features = torch.zeros(2, 21_168, dtype=torch.float64)
    classes = SeenClasses(features, torch.arange(2), torch.eye(2).double())
    with one_sentence("Features of 21168 numbers have 21168 x 21168 products, 3.3 GiB"):
        _ = classes.gram


def test_being_right_counts_in_the_mean_over_classes() -> None:
    """Four images of the first class and one of the second: each class counts the same."""
    held_out = SeenClasses(torch.zeros(5, 1), torch.tensor([0, 0, 0, 0, 1]), torch.eye(2).double())
    for answers, share in (([1, 1, 1, 1, 0], 0.0), ([0, 0, 0, 1, 0], 0.375), ([1] * 5, 0.5)):
        assert share_right(lambda *_, slots=answers: torch.eye(2)[slots], held_out) == share


def test_cosines() -> None:
    first, second = torch.tensor([[3.0, 0.0]]).double(), torch.tensor([[1.0, 1.0], [0, 2]]).double()
    torch.testing.assert_close(cosines(first, second), torch.tensor([[0.5**0.5, 0.0]]).double())


def test_training_on_features_lowers_a_loss_and_is_a_function_of_the_seed() -> None:
    classes, found = seen(), []
    for seed in (0, 0, 1):
        weight = torch.zeros(6, 5, dtype=torch.float64, requires_grad=True)

        def loss(
            features: torch.Tensor, labels: torch.Tensor, _: Any, weight: torch.Tensor = weight
        ) -> torch.Tensor:
            return (features @ weight - classes.vectors[labels]).square().mean()

        fit_on_features(classes, [weight], loss, steps=50, lr=0.05, seed=seed, batch=16)
        found.append(weight.detach())
        left = (classes.features @ found[-1] - classes.own_vectors).square().mean()
        assert float(left) < 0.3 * float(classes.own_vectors.square().mean())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.fixture
def guide() -> dict[str, Any]:
    """What the code of the guide defines."""
    defined: dict[str, Any] = {}
    code = "from benchbench import DescribedMethod, choices, powers_of_ten\nimport torch\n"
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    exec(blocks[0] + code + blocks[1], defined)
    return defined


def test_the_vectors_of_the_guide_are_vectors(guide: dict[str, Any]) -> None:
    found = guide["Letters"]().vectors(["abba", "z"])
    assert found.shape == (2, 26)
    assert found[0, :3].tolist() == [2.0, 2.0, 0.0]


def test_the_method_of_the_guide_learns(guide: dict[str, Any]) -> None:
    method, classes = guide["Regression"](), seen()
    assert len(method.candidates()) > 1
    shares = [share_right(method.rule(classes, **one), classes) for one in method.candidates()]
    assert max(shares) > 0.9
