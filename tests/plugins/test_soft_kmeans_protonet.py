"""Prototypes by unlabelled images: the numbers of the paper's formulas, and what they come to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from benchbench_plugins.protonet import ProtoNet
from benchbench_plugins.soft_kmeans_protonet import Mask, SoftKMeansProtoNet
from scipy.special import expit
from scipy.stats import kurtosis, skew
from support.learning import make_source
from support.pictures import pixel_pairs
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.images import Images
from benchbench.method import Support
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.training.streams import support_of

PROTOTYPES, SHOTS = torch.tensor([[0.0], [4.0]]), torch.ones(2)
POOL = torch.tensor([[1.0], [2.0], [9.0]])


def refined(refine: str, pool: Tensor = POOL, **parameters: float) -> Tensor:
    method = SoftKMeansProtoNet(refine=refine, **parameters)  # type: ignore[arg-type]
    return method.refined(PROTOTYPES, SHOTS, pool)


def test_a_step_of_soft_k_means() -> None:
    torch.testing.assert_close(refined("plain")[:, 0], torch.tensor([0.799973, 5.599383]))


def test_a_cluster_takes_what_is_far_from_all() -> None:
    method = SoftKMeansProtoNet(refine="cluster")
    weights = method.assigned(POOL, (POOL[:, None] - PROTOTYPES).square().sum(2))
    expected = [[0.966368, 0.017700], [0.482189, 0.482189], [0, 0.000374]]
    torch.testing.assert_close(weights, torch.tensor(expected), atol=1e-6, rtol=0)
    torch.testing.assert_close(refined("cluster")[:, 0], torch.tensor([0.788524, 3.323047]))


def test_a_mask_that_is_not_learned_is_by_distances_in_units_of_their_mean() -> None:
    pool = POOL[:, 0].double().numpy()
    squared = (pool[:, None] - np.array([0.0, 4.0])) ** 2
    weights = np.exp(-squared) / np.exp(-squared).sum(1, keepdims=True)
    weights *= expit(-10 * (squared / squared.mean(0) - 1))
    expected = (np.array([0.0, 4.0]) + weights.T @ pool) / (1 + weights.sum(0))
    found = refined("masked", sharpness=10.0)[:, 0]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)
    assert found[1] < refined("plain")[1, 0] - 1  # 9 is far from both


def test_a_learned_mask_sees_five_statistics() -> None:
    mask, seen = Mask(), []
    mask.layers.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    relative = torch.tensor(np.random.default_rng(0).gamma(2, size=(9, 2)), dtype=torch.float32)
    found = mask(relative)
    x = relative.double().numpy()
    expected = np.stack([x.min(0), x.max(0), x.var(0), skew(x), kurtosis(x)], axis=1)
    np.testing.assert_allclose(seen[0].numpy(), expected, rtol=1e-4)
    threshold, slope = mask.layers(seen[0]).exp().unbind(1)
    torch.testing.assert_close(found, torch.sigmoid(slope * (threshold - relative)))


@pytest.mark.parametrize("refine", ["plain", "cluster", "masked"])
def test_without_unlabelled_images_it_is_protonet_bit_for_bit(
    dataset: OpenDataset, refine: str
) -> None:
    mine, other = SoftKMeansProtoNet(refine=refine), ProtoNet()  # type: ignore[arg-type]
    for method in (mine, other):
        method.backbone = "conv4[width=8]"
        method.train(make_source(dataset, method, steps=2))
    episode = make_source(dataset, mine).episodes(5, 2, 3)[1]
    assert len(episode.support.unlabelled) == 0
    scores = [one.adapt(episode.support)(episode.query) for one in (mine, other)]
    assert torch.equal(*scores)


def test_copies_of_the_support_leave_distant_prototypes_where_they_are() -> None:
    pool = torch.tensor([[0.0], [4.0], [4.0]])
    torch.testing.assert_close(refined("plain", pool), PROTOTYPES, atol=1e-5, rtol=0)


def test_scores_are_by_the_refined_prototypes_of_the_pool_in_any_order() -> None:
    method = SoftKMeansProtoNet()
    method.network = nn.ModuleDict({"encoder": create_backbone("pixels", (1, 2, 1))})
    support = Support(pixel_pairs([[0, 0], [255, 255]]), torch.tensor([0, 1]), 2, "toy")
    pool = [[255, 255], [0, 255], [0, 0]]
    found = []
    for images in (pool, pool[::-1]):
        support.pool = pixel_pairs(images)
        found.append(method.adapt(support)(pixel_pairs([[0, 255]])))
    torch.testing.assert_close(*found)
    encoded = torch.tensor(pool).float() / 255
    centres = method.refined(torch.tensor([[0.0, 0], [1, 1]]), SHOTS, encoded)
    expected = -(torch.tensor([[0.0, 1]]) - centres).square().sum(1)
    torch.testing.assert_close(found[0][0], expected)


@pytest.mark.parametrize("refine", ["plain", "cluster", "masked"])
def test_all_that_it_has_learns_from_training_episodes_with_a_pool(
    dataset: OpenDataset, refine: str
) -> None:
    method = SoftKMeansProtoNet("conv4[width=8]", refine=refine, trained=True)  # type: ignore[arg-type]
    method.train(make_source(dataset, method, steps=1))
    episode = make_source(dataset, method).episodes(4, 1, 2, unlabelled=2, distractors=1)[0]
    method.network.requires_grad_(True)
    method.network.train()
    for tensor in method.network.parameters():
        tensor.grad = None
    method.loss(episode).backward()
    still = [name for name, one in method.network.named_parameters() if one.grad is None]
    assert not still


def test_shares_of_the_pool_carry_no_gradient() -> None:
    pool = POOL.clone().requires_grad_()
    method = SoftKMeansProtoNet()
    method.refined(PROTOTYPES, SHOTS, pool).sum().backward()
    weights = (-(POOL[:, None] - PROTOTYPES).square().sum(2)).softmax(1)
    expected = (weights / (1 + weights.sum(0))).sum(1)
    torch.testing.assert_close(pool.grad[:, 0], expected)  # type: ignore[index]


def test_it_helps_where_images_of_a_class_are_alike(dataset: OpenDataset) -> None:
    """Clusters in the plane: one support image each is worse than that and five more."""
    rng, method = np.random.default_rng(0), SoftKMeansProtoNet(scale=50.0)
    method.network = nn.ModuleDict({"encoder": create_backbone("pixels", (1, 2, 1))})
    centres = np.array([[80, 80], [80, 175], [175, 80]])

    def images(each: int) -> Images:
        spread = rng.normal(0, 30, (3, each, 2)) + centres[:, None]
        return pixel_pairs(spread.reshape(-1, 2).clip(0, 255).astype(int).tolist())

    gains = []
    for _ in range(60):
        support = Support(images(1), torch.arange(3), 3, "toy", pool=images(8))
        query, truth = images(10), torch.arange(3).repeat_interleave(10)
        refined = (method.adapt(support)(query).argmax(1) == truth).double().mean()
        support.pool = Images.from_array(np.empty((0, 1, 2, 1), np.uint8))
        plain = (method.adapt(support)(query).argmax(1) == truth).double().mean()
        gains.append(float(refined - plain))
    assert np.mean(gains) > 3 * np.std(gains) / len(gains) ** 0.5


def test_support_of_a_data_set_has_the_pool_that_was_drawn(dataset: OpenDataset) -> None:
    sampler = FixedSampler(3, 1, 2, unlabelled=2)
    (episode,) = sampler.sample(ClassPool(dataset, "test"), 1)
    support = support_of(dataset, dataset.view("test"), episode, SoftKMeansProtoNet(), 0)
    assert (support.unlabelled.array == dataset.images(episode.unlabelled)).all()
