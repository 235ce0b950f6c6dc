"""A classifier that learns of views of unlabelled images, whatever its loss of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.pictures import random_images
from torch import Tensor

from benchbench.backbones import create_backbone
from benchbench.conformance.trial import pick
from benchbench.learners.consistency import ConsistencyMethod
from benchbench.learners.metric import class_means
from benchbench.method import Support, Task


@dataclass
class Squares(ConsistencyMethod):
    """The squared difference of the probabilities."""

    name = "squares"

    def disagreement(self, plain: Tensor, changed: Tensor) -> Tensor:
        assert not plain.requires_grad
        return (plain.softmax(1) - changed.softmax(1)).square().mean()


def trained(**parameters: object) -> Squares:
    method = Squares(**{"steps": 5, "augment": "crop", **parameters})  # type: ignore[arg-type]
    method.encoder = create_backbone("pixels", (16, 16, 1))
    method.encoder.freeze()
    return method


def support(pool: int = 8, seed: int = 0) -> Support:
    images, others = random_images(6), random_images(pool, seed=1)
    return Support(images, torch.arange(3).repeat(2), 3, "toy", seed, pool=others)


QUERIES = random_images(7, seed=2)


def test_it_begins_with_cosines_to_the_class_means() -> None:
    method, known = trained(steps=0), support()
    means = class_means(F.normalize(method.encoder(known.images), dim=1), known)
    asked = F.normalize(method.encoder(QUERIES), dim=1)
    expected = 20 * asked @ F.normalize(means, dim=1).T
    torch.testing.assert_close(method.adapt(known)(QUERIES), expected)


def test_the_unlabelled_images_count_and_their_order_does_not() -> None:
    method, known = trained(weight=50.0), support()
    scores = method.adapt(known)(QUERIES)
    order = np.random.default_rng(0).permutation(8)
    shuffled = replace(known, pool=pick(known.unlabelled, order))
    torch.testing.assert_close(method.adapt(shuffled)(QUERIES), scores)
    assert not torch.allclose(method.adapt(support(pool=5))(QUERIES), scores, atol=1e-4)


def test_without_weight_or_images_it_is_the_same_bit_for_bit() -> None:
    ignoring = trained(weight=0.0)
    assert not ignoring.uses_unlabelled
    assert ignoring.without_pool == ""
    assert "weight=0.0" in trained().without_pool
    assert "augment=crop" in trained().without_pool
    bare = replace(support(), pool=None)
    found = [ignoring.adapt(bare)(QUERIES), trained().adapt(support(pool=0))(QUERIES)]
    assert torch.equal(*found)


def test_views_differ_by_seed_and_step() -> None:
    method = trained(copies=3)
    plain, views = method.embedded(support())
    assert plain.shape == (8, 256)
    assert [view.shape for view in views] == [plain.shape] * 3
    assert not torch.equal(views[0], views[1])
    again = method.embedded(support())[1]
    assert all(map(torch.equal, views, again))
    assert not torch.equal(method.embedded(support(seed=1))[1][0], views[0])


def test_features_cannot_be_changed_as_images_are() -> None:
    task = Task("toy", "", (1, 64, 4), 5, 1, 15)
    assert not task.has_images
    assert "use copies=0" in str(trained().skip(task))
    assert trained(copies=0).skip(task) is None
    assert trained(weight=0.0).skip(task) is None


def test_a_wrong_augmentation_is_refused_at_once() -> None:
    with pytest.raises(Exception, match="augmentation"):
        Squares(augment="nothing_of_that_name")
