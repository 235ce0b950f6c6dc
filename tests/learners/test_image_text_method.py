"""The base class of methods that adapt an encoder of images and texts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.clap import CLAP
from benchbench_plugins.clip_zero_shot import ClipZeroShot
from benchbench_plugins.tip_adapter import TipAdapter
from support.joint import known_support
from support.learning import make_source
from support.pictures import random_images

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.images import Images
from benchbench.learners.image_text_method import Head, ImageTextMethod, JointSupport
from benchbench.method import Support, Task
from benchbench.training.source import TrainingSource


@dataclass
class Cosine(ImageTextMethod):
    """The mean image of a class, and no text."""

    name = "cosine"

    def head(self, known: JointSupport) -> Head:
        centres = F.normalize(known.one_hot.T @ known.features, dim=1)
        return lambda features: features @ centres.T


@pytest.fixture(scope="module")
def named(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    return make_dataset(classes=(8, 6, 5))


def trained(
    method: ImageTextMethod, dataset: OpenDataset, shared: Path | None = None, **options: object
) -> TrainingSource:
    source = make_source(dataset, method, **{"steps": 2, "shared": shared, **options})  # type: ignore[arg-type]
    torch.manual_seed(source.seed)  # as a participant does
    method.train(source)
    return source


def support_of(images: Images, labels: list[int]) -> Support:
    names = ("class 1", "class 9", "class 3")
    return Support(images, torch.tensor(labels, dtype=torch.int64), 3, "toy-0", seed=5, names=names)


def test_all_methods_of_this_kind_share_one_training(named: OpenDataset, tmp_path: Path) -> None:
    methods = ClipZeroShot(), TipAdapter(alpha=9.0), CLAP(constraint=1.0)
    sources = [trained(method, named, tmp_path) for method in methods]
    (weights,) = tmp_path.rglob("*.safetensors")
    assert weights.parent.name.startswith("tiny-")
    assert sources[0].records == sources[2].records != []
    images = random_images(4)
    first, *others = (method.features(images) for method in methods)
    assert all(torch.equal(first, other) for other in others)


def test_what_the_weights_depend_on_is_another_training(named, tmp_path) -> None:
    def count(method: ImageTextMethod, dataset: OpenDataset = named, **options: object) -> int:
        trained(method, dataset, tmp_path, **options)
        return len(list(tmp_path.rglob("*.safetensors")))

    assert count(ClipZeroShot()) == 1
    assert count(CLAP(constraint=1.0, lr=0.3)) == 1
    assert count(CLAP(constraint=1.0, templates="a {} on paper")) == 2
    assert count(CLAP(constraint=1.0), seed=1) == 3
    assert count(CLAP(constraint=1.0), steps=3) == 4
    # Validation chooses among the weights, at the task's shot.
    assert count(CLAP(constraint=1.0), shot=2) == 5
    names = [name.replace("class", "kind") for name in named.class_names]
    assert count(CLAP(constraint=1.0), replace(named, class_names=names)) == 6


def test_weights_are_chosen_by_the_texts_alone(named: OpenDataset, monkeypatch) -> None:
    """An adapter that always fails on its support has the same validation as one that does not."""

    def refused(self, known):
        raise AssertionError("asked for in training")

    monkeypatch.setattr(Cosine, "head", refused)
    assert trained(Cosine(), named).records[0].validation_accuracy == (
        trained(ClipZeroShot(), named).records[0].validation_accuracy
    )


def test_an_adapter_is_given_the_support_in_the_joint_space(named: OpenDataset) -> None:
    method, seen = Cosine(), []
    trained(method, named)
    plain = method.head
    method.head = lambda known: seen.append(known) or plain(known)  # type: ignore[method-assign]
    images, queries = random_images(4), random_images(6, seed=1)
    scores = method.adapt(support_of(images, [2, 0, 1, 1]))(queries)
    (known,) = seen
    assert known.labels.tolist() == [2, 0, 1, 1]
    assert known.seed == 5
    assert torch.equal(known.features, F.normalize(method.encoder(images), dim=1))
    norms = torch.cat([known.features, known.texts]).norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(7))
    assert not known.features.requires_grad
    assert not known.texts.requires_grad
    zero_shot = method.zero_shot(support_of(images, [2, 0, 1, 1]))(queries)
    assert torch.equal(known.zero_shot(method.features(queries)), zero_shot)
    assert scores.shape == (6, 3)


def test_no_cache_is_zero_shot_to_the_bit(named: OpenDataset) -> None:
    zero, tip = ClipZeroShot(), TipAdapter(alpha=0.0)
    support, queries = support_of(random_images(3), [0, 1, 2]), random_images(20, seed=2)
    rows = []
    for method in (zero, tip):
        trained(method, named)
        rows.append(method.adapt(support)(queries))
    assert torch.equal(*rows)


def test_without_support_images_nothing_is_adapted(named: OpenDataset) -> None:
    zero, tip = ClipZeroShot(), TipAdapter(alpha=50.0)
    empty = support_of(Images.from_array(random_images(1).array[:0]), [])
    queries, rows = random_images(5), []
    for method in (zero, tip):
        trained(method, named)
        rows.append(method.adapt(empty)(queries))
    assert torch.equal(*rows)


def test_a_task_without_training_classes_is_skipped_unless_the_model_has_weights() -> None:
    task = Task("cifar100", "allway", (32, 32, 3), 100, 4, None, has_training_classes=False)
    assert TipAdapter().skip(task) == (
        "it learns from training classes and this task has none; use a model with weights, such "
        "as model=ViT-B-32/openai"
    )
    assert TipAdapter().skip(replace(task, has_training_classes=True)) is None
    assert TipAdapter(model="ViT-B-32/openai").skip(task) is None
    nameless = replace(task, has_class_names=False)
    assert TipAdapter().skip(nameless) == "the classes of cifar100 have no names in words"


def test_only_the_small_encoder_is_trained_for_several_methods() -> None:
    assert TipAdapter().pretrains
    assert not TipAdapter(model="ViT-B-32/openai").pretrains


def test_a_support_in_float64_is_the_same_support() -> None:
    known = known_support([[0.6, 0.8]], [1], [[1.0, 0.0], [0.0, 1.0]], scale=50.0)
    exact = known.double()
    assert known.share_of_scale == 0.5
    assert exact.zero_shot(exact.features).dtype == exact.one_hot.dtype == torch.float64
    assert exact.one_hot.tolist() == [[0.0, 1.0]]
    torch.testing.assert_close(known.zero_shot(known.features), torch.tensor([[30.0, 40.0]]))
