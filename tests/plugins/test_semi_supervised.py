"""UDA, FixMatch and pseudo-labels: the papers' losses in numbers, and their classifiers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from benchbench_plugins.fixmatch import FixMatch, fixmatch_loss
from benchbench_plugins.pseudo_label import PseudoLabel
from benchbench_plugins.uda import UDA, uda_loss
from support.pictures import pixel_pairs

from benchbench.backbones import create_backbone
from benchbench.images import Images
from benchbench.method import Support

SURE, UNSURE = [5.0, 0.0, 0.0], [2.0, 0.0, 0.0]
VIEW = [1.0, 1.0, 0.0]


def test_uda_masks_by_the_probability_before_it_is_sharpened() -> None:
    view, unsure = torch.tensor([VIEW]), torch.tensor([UNSURE])
    assert unsure.softmax(1).max().item() == pytest.approx(0.786986, abs=1e-6)
    assert (unsure / 0.4).softmax(1).max().item() == pytest.approx(0.986703, abs=1e-6)
    assert uda_loss(unsure, view, 0.8, 0.4) == 0
    assert uda_loss(unsure, view, 0.7, 0.4).item() == pytest.approx(0.788774, abs=1e-6)


def test_uda_takes_the_mean_over_all_images() -> None:
    plain, views = torch.tensor([SURE, UNSURE]), torch.tensor([VIEW, VIEW])
    alone = uda_loss(plain[:1], views[:1], 0.8, 0.4)
    assert uda_loss(plain, views, 0.8, 0.4).item() == pytest.approx(alone.item() / 2)


def test_fixmatch_takes_the_likeliest_class_of_sure_images() -> None:
    plain, views = torch.tensor([SURE, UNSURE]), torch.tensor([VIEW, VIEW])
    assert fixmatch_loss(plain[:1], views[:1], 0.95).item() == pytest.approx(0.861995, abs=1e-6)
    assert fixmatch_loss(plain, views, 0.95).item() == pytest.approx(0.861995 / 2, abs=1e-6)
    assert fixmatch_loss(plain[1:], views[1:], 0.95) == 0


def test_views_and_not_the_images_themselves_get_the_gradient() -> None:
    for loss in (uda_loss, fixmatch_loss):
        view = torch.tensor([VIEW], requires_grad=True)
        more = (0.8, 0.4) if loss is uda_loss else (0.95,)
        loss(torch.tensor([SURE]), view, *more).backward()  # type: ignore[operator]
        # Of the cross-entropy and of the divergence alike: p - target.
        target = torch.tensor([SURE]) / 0.4 if loss is uda_loss else torch.tensor([[1e3, 0, 0]])
        expected = torch.tensor([VIEW]).softmax(1) - target.softmax(1)
        torch.testing.assert_close(view.grad, expected)


def pseudo(**parameters: float) -> PseudoLabel:
    method = PseudoLabel(steps=20, **parameters)  # type: ignore[arg-type]
    method.encoder = create_backbone("pixels", (1, 2, 1))
    method.encoder.freeze()
    return method


def test_the_weight_of_pseudo_labels_rises_as_published() -> None:
    found = [pseudo().rise(part) for part in (0, 0.1, 0.35, 0.6, 1)]
    assert found == pytest.approx([0, 0, 0.5, 1, 1])
    assert pseudo().weight == 3


def test_pseudo_labels_are_the_likeliest_classes() -> None:
    view = torch.tensor([VIEW, VIEW])
    plain = torch.tensor([SURE, UNSURE])
    expected = float(torch.logsumexp(torch.tensor(VIEW), 0)) - 1
    assert pseudo().disagreement(plain, view).item() == pytest.approx(expected, abs=1e-6)
    half = pseudo(confidence=0.8).disagreement(plain, view).item()
    assert half == pytest.approx(expected / 2, abs=1e-6)


def test_by_default_there_is_no_view_and_all_images_count() -> None:
    method = pseudo()
    known = pixel_pairs([[40, 50], [200, 60], [90, 220]])
    support = Support(known, torch.arange(3), 3, "toy", pool=pixel_pairs([[9, 200], [99, 1]]))
    plain, views = method.embedded(support)
    assert views == [plain]
    assert method.confidence == 0


@pytest.mark.parametrize("cls", [UDA, FixMatch, PseudoLabel])
def test_unlabelled_images_help_where_a_class_is_a_cluster(cls) -> None:
    method = cls(copies=0)
    method.encoder = create_backbone("pixels", (8, 8, 1))
    method.encoder.freeze()
    rng = np.random.default_rng(3)
    bright = 60 * np.eye(3).repeat(21, axis=1)

    def images(each: int) -> Images:
        pixels = np.pad(bright.repeat(each, 0), ((0, 0), (0, 1)))
        noisy = (pixels + rng.exponential(50, pixels.shape)).clip(0, 255)
        return Images.from_array(noisy.astype(np.uint8).reshape(-1, 8, 8, 1))

    gains = []
    for _ in range(50):
        support, query = Support(images(1), torch.arange(3), 3, "toy", pool=images(10)), images(15)
        truth = torch.arange(3).repeat_interleave(15)
        taught = (method.adapt(support)(query).argmax(1) == truth).double().mean()
        support.pool = Images.from_array(query.array[:0])
        alone = (method.adapt(support)(query).argmax(1) == truth).double().mean()
        gains.append(float(taught - alone))
    assert np.mean(gains) > 2 * np.std(gains) / math.sqrt(len(gains))
