from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from benchbench_plugins.matchingnet import FullContext, MatchingNet
from support.learning import make_source
from support.pictures import random_images
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.method import Support, Task
from benchbench.system.compute import Compute


def support_of(labels: list[int], n_way: int, shape: tuple[int, int, int] = (1, 2, 1)) -> Support:
    """Random support images of these labels."""
    return Support(random_images(len(labels), shape), torch.tensor(labels), n_way, "toy")


def with_context(size: int = 6, steps: int = 3) -> MatchingNet:
    """FCE with random weights on top of features."""
    torch.manual_seed(0)
    method = MatchingNet(fce=True, fce_steps=steps)
    method.network = nn.ModuleDict(
        method.extra_modules(size, Task("toy", "test", (1, 2, 1), 5, 1, 1))
    )
    method.network.requires_grad_(False)
    return method


def test_scores_are_the_logarithms_of_the_attended_labels() -> None:
    method = MatchingNet(scale=2.0)
    features = torch.tensor([[3.0, 0.0], [0.0, 0.5], [1.0, 1.0]])
    scores = method.scores(torch.tensor([[5.0, 0.0]]), features, support_of([1, 0, 1], 2))
    weights = torch.softmax(2.0 * torch.tensor([1.0, 0.0, 0.5**0.5]), 0)
    expected = torch.stack([weights[1], weights[0] + weights[2]]).log()[None]
    torch.testing.assert_close(scores, expected)


def test_probabilities_sum_to_one() -> None:
    generator = torch.Generator().manual_seed(1)
    query, features = (torch.randn(n, 7, generator=generator) for n in (9, 12))
    scores = MatchingNet().scores(query, features, support_of([0, 1, 2, 3] * 3, 4))
    torch.testing.assert_close(scores.exp().sum(1), torch.ones(9))


def test_scores_are_finite_however_large_the_scale_and_without_any_support() -> None:
    query = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    features = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    scores = MatchingNet(scale=1e4).scores(query, features, support_of([0, 1, 3], 4))
    assert torch.isfinite(scores).all()
    assert scores[0].argmax() == 0
    assert (scores[:, 2] < scores[:, [0, 1, 3]].min(dim=1).values).all()


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0])
def test_one_shot_predicts_the_nearest_class_mean_in_cosine_distance(scale: float) -> None:
    method = MatchingNet(scale=scale)
    encoder = create_backbone("conv4[width=8]", (16, 16, 1)).freeze()
    method.network = nn.ModuleDict({"encoder": encoder})
    support = support_of([3, 0, 2, 4, 1], 5, (16, 16, 1))
    queries = random_images(200, seed=1)
    means = encoder(support.images)[support.labels.argsort()]
    cosines = torch.cosine_similarity(encoder(queries)[:, None], means[None], dim=2)
    assert torch.equal(method.adapt(support)(queries).argmax(1), cosines.argmax(1))


def test_only_full_context_depends_on_the_order_of_the_support() -> None:
    generator = torch.Generator().manual_seed(2)
    query, features = (torch.randn(n, 6, generator=generator) for n in (4, 5))
    support = support_of([0, 1, 2, 0, 1], 3)
    order = torch.tensor([4, 2, 0, 1, 3])
    turned = replace(support, labels=support.labels[order])
    for method in (MatchingNet(), with_context()):
        scores = method.scores(query, features, support)
        same = torch.allclose(method.scores(query, features[order], turned), scores, atol=1e-5)
        assert method.order_dependent == (not same)
    assert not MatchingNet.order_dependent


def test_full_context_treats_queries_one_by_one() -> None:
    generator = torch.Generator().manual_seed(3)
    query, features = (torch.randn(n, 6, generator=generator) for n in (4, 5))
    method, support = with_context(), support_of([0, 1, 2, 0, 1], 3)
    alone = torch.cat([method.scores(one[None], features, support) for one in query])
    torch.testing.assert_close(method.scores(query, features, support), alone)


@pytest.mark.parametrize("fce", [False, True])
@pytest.mark.parametrize("bf16", [False, True])
def test_the_loss_is_the_negative_log_likelihood_of_the_queries(dataset, fce, bf16) -> None:
    method = MatchingNet(backbone="conv4[width=8]", fce=fce)
    compute = Compute(bf16=bf16)
    source = make_source(dataset, method, steps=1, compute=compute)
    method.train(source)
    episode = source.episodes(5, 3, 4)[0]
    with compute.autocast():
        loss = method.loss(episode)
    assert loss.dtype == torch.float32
    log_p = method.adapt(episode.support)(episode.query)
    expected = -log_p[torch.arange(20), episode.query_labels].mean()
    torch.testing.assert_close(loss, expected, rtol=0.1 if bf16 else 1e-4, atol=1e-4)


@pytest.mark.parametrize("fce", [False, True])
def test_training_helps_and_reaches_every_weight(make_dataset, fce) -> None:
    dataset = make_dataset(classes=(30, 10, 10), noise=255)

    def train(steps: int) -> tuple[float, dict[str, torch.Tensor]]:
        torch.manual_seed(0)
        method = MatchingNet(backbone="conv4[width=16]", fce=fce)
        method.train(source := make_source(dataset, method, steps))
        return source.validate(), dict(method.network.named_parameters())

    (before, start), (after, end) = train(1), train(60)
    assert after > before + 0.1
    assert all(not torch.equal(start[name], end[name]) for name in start)
    assert any(name.startswith("context.query_lstm") for name in end) == fce


def test_any_training_classes_will_do(make_dataset: Callable[..., OpenDataset]) -> None:
    dataset = make_dataset(classes=(2, 2, 5), per_class=3, shape=(20, 33, 3))
    method = MatchingNet(fce=True)
    method.train(make_source(dataset, method, steps=2, shot=2))
    assert method.network["encoder"].feature_size == 64 * 1 * 2


@pytest.mark.parametrize(
    ("parameters", "word"), [({"scale": 0.0}, "scale"), ({"fce_steps": 0}, "fce_steps")]
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        MatchingNet(**parameters)


def test_full_context_is_that_of_the_papers_appendix() -> None:
    torch.manual_seed(0)
    context = FullContext(6, steps=2).requires_grad_(False)
    generator = torch.Generator().manual_seed(4)
    query, features = (torch.randn(n, 6, generator=generator) for n in (1, 5))
    hidden, found = context(query, features)
    there, back = context.support_lstm(features)[0].split(6, dim=1)
    torch.testing.assert_close(found, features + there + back)

    read = found.mean(0, keepdim=True)  # attention of h_0 = 0 is uniform
    first, cell = context.query_lstm(torch.cat([query, read], 1), (query * 0, query * 0))
    first = first + query
    weights = torch.softmax((first * found).sum(1), 0)
    read = (weights[:, None] * found).sum(0, keepdim=True)
    second, _ = context.query_lstm(torch.cat([query, read], 1), (first, cell))
    torch.testing.assert_close(hidden, second + query)
