from typing import Any

import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.transductive_finetuning import (
    TransductiveFinetuning,
    Tuned,
    entropy,
)
from support.pictures import SMALL, random_images, random_support

from benchbench.backbones import create_backbone
from benchbench.backbones.blocks import parameter_blocks
from benchbench.errors import BenchbenchError
from benchbench.learners.metric import class_means
from benchbench.method import Images, Support


def ready(**parameters: Any) -> TransductiveFinetuning:
    method = TransductiveFinetuning(**({"lr": 0.01, "epochs": 2} | parameters))
    method.encoder = create_backbone("conv4[width=4]", SMALL).freeze()
    return method


def test_the_entropy_is_in_nats() -> None:
    assert float(entropy(torch.full((3, 5), 7.0))) == pytest.approx(1.609438)
    assert float(entropy(torch.tensor([[0.7, 0.2, 0.1]]).log())) == pytest.approx(0.801819)


def test_no_epoch_leaves_the_normalised_means_of_rectified_features() -> None:
    method, support, queries = ready(epochs=0), random_support(), random_images(9, seed=1)
    means = class_means(F.relu(method.encoder(support.images)), support)
    expected = F.normalize(F.relu(method.encoder(queries)), dim=1) @ F.normalize(means, dim=1).T
    torch.testing.assert_close(method.adapt(support)(queries), expected)


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

    def state(network: Tuned) -> tuple[float, float]:
        with torch.no_grad():
            known, asked = (network.train()(each) for each in pixels)
        return float(F.cross_entropy(known, support.labels)), float(entropy(asked))

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
