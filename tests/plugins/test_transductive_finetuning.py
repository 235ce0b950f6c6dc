from typing import Any

import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.transductive_finetuning import (
    TransductiveFinetuning,
)
from support.learning import make_source
from support.pictures import SMALL, pixel_pairs, random_images, random_support
from torch import Tensor, nn

from benchbench.augmentations import create_augmentation
from benchbench.backbones import create_backbone
from benchbench.backbones.blocks import parameter_blocks
from benchbench.errors import BenchbenchError, MethodError
from benchbench.images import Images
from benchbench.learners.metric import class_means
from benchbench.learners.tuning import TunedCopy, mean_entropy
from benchbench.method import Support, Task
from benchbench.training.budget import Budget


def ready(**parameters: Any) -> TransductiveFinetuning:
    method = TransductiveFinetuning(**({"lr": 0.01, "epochs": 2} | parameters))
    method.encoder = create_backbone("conv4[width=4]", SMALL).freeze()
    return method


def test_the_entropy_is_in_nats() -> None:
    assert float(mean_entropy(torch.full((3, 5), 7.0))) == pytest.approx(1.609438)
    assert float(mean_entropy(torch.tensor([[0.7, 0.2, 0.1]]).log())) == pytest.approx(0.801819)


def test_no_epoch_leaves_the_normalised_means_of_rectified_features() -> None:
    method, support, queries = ready(epochs=0), random_support(), random_images(9, seed=1)
    means = class_means(F.relu(method.encoder(support.images)), support)
    expected = F.normalize(F.relu(method.encoder(queries)), dim=1) @ F.normalize(means, dim=1).T
    torch.testing.assert_close(method.adapt(support)(queries), expected)


def linear(weight: list[list[float]] | Tensor) -> nn.Linear:
    """A frozen layer of these weights and no bias."""
    weight = torch.as_tensor(weight)
    layer = nn.Linear(weight.shape[1], weight.shape[0]).requires_grad_(False)
    layer.weight.copy_(weight)
    layer.bias.zero_()
    return layer


def test_logits_of_the_training_classes_are_rectified_and_then_scaled() -> None:
    """They are (1, -1, 1/2) and (-1, 1, 1/2): the cosine of what is left of them is 1/5."""
    method = TransductiveFinetuning(epochs=0)
    method.encoder = create_backbone("pixels", (1, 2, 1))
    method.logits = linear([[1.0, -1.0], [-1.0, 1.0], [0.5, 0.5]])
    pixels = pixel_pairs([[255, 0], [0, 255]])
    scores = method.adapt(Support(pixels, torch.arange(2), 2, "toy"))(pixels)
    torch.testing.assert_close(scores, torch.tensor([[1.0, 0.2], [0.2, 1.0]]))


@pytest.mark.parametrize(("depth", "moved"), [(0, False), (1, True), (None, True)])
def test_the_layer_of_the_logits_learns_with_the_last_block(depth, moved) -> None:
    method = ready(depth=depth)
    method.logits = linear(torch.randn(6, method.encoder.feature_size))
    before = method.logits.weight.clone()
    tuned = method.tuned(random_support(), random_images(4, seed=1))
    assert torch.equal(tuned.logits.weight, before) == (not moved)
    assert torch.equal(method.logits.weight, before)


@pytest.mark.parametrize(
    ("features", "budget", "by_logits"),
    [
        (None, "smoke", False),
        (None, "paper", True),
        ("logits", "smoke", True),
        ("penultimate", "paper", False),
    ],
)
def test_the_paper_budget_is_by_the_logits(dataset, features, budget, by_logits) -> None:
    method = TransductiveFinetuning(backbone="conv4[width=4]", features=features, epochs=1)
    source = make_source(dataset, method, budget=Budget(budget, 2))
    source.validate = lambda *given, **options: None  # type: ignore[method-assign]
    method.train(source)
    assert (method.logits is not None) == by_logits
    episode = source.episodes(5, 1, 2)[0]
    assert method.adapt(episode.support)(episode.query).shape == (10, 5)


def test_a_network_that_was_not_trained_here_has_no_logits(dataset) -> None:
    method = TransductiveFinetuning(backbone="pixels", features="logits")
    with pytest.raises(MethodError, match="features=penultimate"):
        method.train(make_source(dataset, method))
    by_default = TransductiveFinetuning(backbone="pixels")
    by_default.train(make_source(dataset, by_default, budget=Budget("paper")))
    assert by_default.logits is None


def test_the_papers_classifier_is_learned_in_two_cycles() -> None:
    recipe = TransductiveFinetuning().published(Task("cifar_fs", "test", (32, 32, 3), 5, 1, 15))
    assert recipe is not None
    assert [(each.epochs, each.lr, each.falls) for each in recipe.phases] == [
        (40, 0.1, True),
        (80, 0.01, True),
    ]
    assert recipe.augment is not None
    create_augmentation(recipe.augment)
    drawings = Task("omniglot", "test", (28, 28, 1), 5, 1, 15)
    assert TransductiveFinetuning().published(drawings) is None


@pytest.mark.parametrize("augment", [None, "flip"])
def test_two_calls_give_the_same_and_leave_the_network_as_it_was(augment: str | None) -> None:
    method, queries = ready(augment=augment), random_images(9, seed=1)
    before = method.encoder.weights_sha256()
    classify = method.adapt(random_support())
    assert torch.equal(classify(queries), classify(queries))
    assert method.encoder.weights_sha256() == before
    assert method.encoder.frozen


@pytest.mark.parametrize("query_weight", [0.0, 1.0])
def test_only_without_their_entropy_queries_do_not_depend_on_each_other(query_weight) -> None:
    method, queries = ready(query_weight=query_weight), random_images(6, seed=1).array
    classify = method.adapt(random_support())
    together = classify(Images.from_array(queries))
    halves = torch.cat([classify(Images.from_array(part)) for part in (queries[:3], queries[3:])])
    assert torch.allclose(together, halves, atol=1e-5) == (query_weight == 0)
    assert method.transductive == (query_weight > 0)
    assert not together.requires_grad


def test_without_an_epoch_it_declares_to_be_inductive() -> None:
    assert not TransductiveFinetuning(epochs=0).transductive
    assert not TransductiveFinetuning.transductive


def test_steps_make_the_support_likelier_and_the_answers_surer() -> None:
    support, queries = random_support(), random_images(12, seed=1)
    start, end = (ready(epochs=n, depth=None, lr=0.02).tuned(support, queries) for n in (0, 15))
    pixels = [start.backbone.prepare(images.array) for images in (support.images, queries)]

    def state(network: TunedCopy) -> tuple[float, float]:
        with torch.no_grad():
            known, asked = (network.train()(each) for each in pixels)
        return float(F.cross_entropy(known, support.labels)), float(mean_entropy(asked))

    assert all(after < before for before, after in zip(state(start), state(end), strict=True))


@pytest.mark.parametrize(("depth", "moved"), [(0, 0), (1, 1), (None, 4)])
def test_depth_counts_blocks_from_the_last(depth: int | None, moved: int) -> None:
    method = ready(depth=depth)
    tuned = method.tuned(random_support(), random_images(4, seed=1))
    found = [
        any(
            not torch.equal(tuned.backbone.get_parameter(name), tensor)
            for name, tensor in each.items()
        )
        for each in parameter_blocks(method.encoder)
    ]
    assert found == [False] * (4 - moved) + [True] * moved
    assert (tuned.bias != 0).any()


def test_a_class_without_support_has_finite_scores() -> None:
    support = Support(random_images(2), torch.tensor([0, 2]), 3, "toy")
    assert torch.isfinite(ready().adapt(support)(random_images(3, seed=1))).all()


def test_an_unknown_augmentation_is_refused() -> None:
    with pytest.raises(BenchbenchError, match="flop"):
        TransductiveFinetuning(augment="flop")
