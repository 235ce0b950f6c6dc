import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchbench_plugins.finetune import Finetune
from benchbench_plugins.knn import KNN
from benchbench_plugins.linear_probe import LinearProbe
from support import learning
from support.pictures import pixel_pairs as images

from benchbench.backbones import create_backbone
from benchbench.backbones.base import Backbone
from benchbench.backbones.conv4 import Conv4
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.evaluation.participant import _modules
from benchbench.images import Images
from benchbench.learners import pretrained, shared_training
from benchbench.learners.classifier_recipe import ClassifierRecipe, TrainingPhase
from benchbench.learners.pretrained import fit_classifier, training_mean
from benchbench.learners.shared_training import nearest_mean
from benchbench.method import Classifier, Method, Support, Task
from benchbench.system.compute import Compute
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource


class Silent(Method):
    """Its own `adapt` must have no part in a training that others share."""

    name = "silent"

    def adapt(self, support: Support) -> Classifier:
        raise AssertionError("not asked")


class Other(Silent):
    name = "other"


RECIPE = ClassifierRecipe((TrainingPhase(1, 0.05),), batch=64, label_smoothing=0.1)


def make_source(
    dataset: OpenDataset, shared: Path | None, method: Method | None = None, **options: Any
) -> TrainingSource:
    options = {"steps": 40, **options}
    return learning.make_source(dataset, method or Silent(), shared=shared, **options)


def trained(source: TrainingSource, spec: str = "conv4[width=8]") -> Backbone:
    backbone = create_backbone(spec, source.image_shape, source.seed)
    fit_classifier(source, backbone)
    return backbone


@pytest.mark.parametrize("fast", [False, True])
def test_it_learns_the_training_classes_and_keeps_the_best_features(
    make_dataset: Callable[..., OpenDataset], tmp_path: Path, fast: bool
) -> None:
    dataset = make_dataset(classes=(4, 6, 2))
    compute = Compute(bf16=fast, channels_last=fast)
    source = make_source(dataset, tmp_path, steps=120, compute=compute)
    backbone = trained(source)
    assert backbone.frozen
    log = json.loads(next(tmp_path.rglob("classification.json")).read_text())["log"]
    assert log[0]["loss"] > 0.5
    assert log[-1]["loss"] < 0.5 * log[0]["loss"]
    assert source.records[0].validation_accuracy == source.validate(nearest_mean(backbone))


def test_methods_share_one_training(dataset: OpenDataset, tmp_path: Path) -> None:
    first = trained(make_source(dataset, tmp_path, steps=2))
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    second = trained(make_source(dataset, tmp_path, Other(), steps=2))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == stamps
    assert len(stamps) == 1
    assert first.weights_sha256() == second.weights_sha256()


def test_what_changes_the_weights_is_another_training(dataset, tmp_path, monkeypatch) -> None:
    for changes in ({}, {"seed": 1}, {"steps": 3}, {"compute": Compute(channels_last=True)}):
        trained(make_source(dataset, tmp_path, **{"steps": 2, **changes}))
    trained(make_source(dataset, tmp_path, steps=2), "conv4[width=9]")
    fewer = {**dataset.splits, "train": dataset.splits["train"][1:]}
    trained(make_source(replace(dataset, splits=fewer), tmp_path, steps=2))
    trained(make_source(dataset, tmp_path, steps=2, compute=Compute(threads=2)))
    monkeypatch.setattr(shared_training, "CORE", shared_training.CORE + 1)
    trained(make_source(dataset, tmp_path, steps=2))
    assert len(list(tmp_path.rglob("classification.safetensors"))) == 7


def test_the_head_comes_with_the_backbone_from_this_training_and_from_an_earlier_one(
    make_dataset: Callable[..., OpenDataset], tmp_path: Path
) -> None:
    dataset = make_dataset(classes=(4, 6, 2))
    heads, stamps = [], []
    for _ in range(2):
        source = make_source(dataset, tmp_path, steps=120)
        source.validate = lambda *given, **options: None  # type: ignore[method-assign]
        backbone = create_backbone("conv4[width=8]", source.image_shape, source.seed)
        found = fit_classifier(source, backbone)
        assert found is not None
        assert found.record == source.records[0]
        batch = source.batches(64)[0]
        right = found.head(backbone(batch.images)).argmax(1) == batch.labels
        assert right.float().mean() > 0.7
        assert not any(tensor.requires_grad for tensor in found.head.parameters())
        heads.append(found.head.weight)
        stamps.append([path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")])
    assert torch.equal(*heads)
    assert stamps[0] == stamps[1]


def test_trainings_of_equal_recipes_are_shared_and_others_are_not(dataset, tmp_path) -> None:
    def count(recipe: ClassifierRecipe | None) -> int:
        source = make_source(dataset, tmp_path, steps=2)
        fit_classifier(source, create_backbone("conv4[width=4]", source.image_shape, 0), recipe)
        return len(list(tmp_path.rglob("classification.safetensors")))

    assert [count(recipe) for recipe in (None, RECIPE, replace(RECIPE), None)] == [1, 2, 2, 2]
    assert count(replace(RECIPE, augment="flip")) == 3
    assert count(replace(RECIPE, phases=(TrainingPhase(1, 0.05, falls=True),))) == 4


def test_what_all_methods_share_is_known_by_what_it_always_was(dataset, monkeypatch) -> None:
    """The recipe that all share has no part in the key, so that stored trainings keep theirs."""
    source = make_source(dataset, None)
    backbone, hashed = create_backbone("conv4[width=4]", source.image_shape, 0), []
    plain = json.dumps
    monkeypatch.setattr(
        json, "dumps", lambda facts, **options: hashed.append(facts) or plain(facts, **options)
    )
    for further in ({}, {"recipe": asdict(RECIPE)}):
        shared_training.backbone_key(source, backbone, further)
    facts = {"core", "fingerprint", "splits", "backbone", "initial", "budget", "seed", "compute"}
    known = [set(each) for each in hashed if "core" in each]
    assert known == [facts, facts | {"recipe"}]


def test_a_recipe_says_how_the_classes_are_learned(dataset, monkeypatch) -> None:
    asked: dict[str, Any] = {}

    def fit(source, module, loss, data, **arguments):
        asked.update(arguments, module=module, loss=loss, batch=data[0])

    monkeypatch.setattr(pretrained, "fit", fit)
    source = make_source(dataset, None)
    backbone = create_backbone("conv4[width=4]", source.image_shape, 0)
    fit_classifier(source, backbone, replace(RECIPE, augment="flip[share=1]", weight_decay=0.01))
    plain, mirrored = source.batches(64)[0], asked["batch"]
    assert np.array_equal(mirrored.images.array, plain.images.array[:, :, ::-1])
    assert asked["steps"] == source.batches(64).per_epoch
    assert (asked["lr"], asked["weight_decay"]) == (0.05, 0.01)

    backbone.eval()
    logits = asked["module"]["head"](backbone(Images.from_array(mirrored.images.array)))
    surprise = -logits.log_softmax(1)
    right = surprise.gather(1, mirrored.labels[:, None])[:, 0]
    expected = (0.9 * right + 0.1 * surprise.mean(1)).mean()
    torch.testing.assert_close(asked["loss"](mirrored), expected)


@pytest.mark.parametrize(("budget", "own"), [("smoke", False), ("quick", False), ("paper", True)])
def test_the_papers_recipe_is_for_the_paper_budget(dataset, monkeypatch, budget, own) -> None:
    class Published(KNN):
        def published(self, task: Task) -> ClassifierRecipe:
            return RECIPE

    asked: list[Any] = []
    monkeypatch.setattr(pretrained, "fit_classifier", lambda *given: asked.append(given[2]))
    for cls in (Published, KNN):
        method = cls(backbone="conv4[width=4]")
        method.train(make_source(dataset, None, method, budget=Budget(budget)))
    assert asked == [RECIPE if own else None, None]


def test_tests_of_another_way_and_shot_share_the_training(dataset, tmp_path) -> None:
    """The weights that are kept are those that do best on the same episodes, whatever the test."""
    for way, shot in ((5, 1), (5, 5), (2, 1), (None, None)):
        source = make_source(dataset, tmp_path, steps=2)
        source.task = replace(source.task, n_way=way, n_shot=shot)
        trained(source)
    assert len(list(tmp_path.rglob("classification.safetensors"))) == 1


@pytest.mark.parametrize("spec", ["pixels", "conv4[width=8]"])
def test_nothing_is_trained_where_there_is_nothing_to_train(
    dataset: OpenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    """A network without parameters, and one with weights from elsewhere."""
    monkeypatch.setattr(Conv4, "pretrained_on", ("elsewhere",))
    source = make_source(dataset, tmp_path, compute=Compute(channels_last=True))
    backbone = create_backbone(spec, source.image_shape)
    before = backbone.weights_sha256()
    assert fit_classifier(source, backbone) is None
    assert backbone.frozen
    assert backbone.weights_sha256() == before
    assert source.records == []
    assert list(tmp_path.iterdir()) == []


def test_nearest_means_go_by_direction() -> None:
    backbone = create_backbone("pixels", (1, 2, 1))

    support = Support(images([[9, 0], [0, 200], [0, 3]]), torch.tensor([1, 0, 0]), 2, "toy")
    scores = nearest_mean(backbone)(support)(images([[50, 50], [7, 0]]))
    torch.testing.assert_close(scores, torch.tensor([[0.5**0.5, 0.5**0.5], [0.0, 1.0]]))


@pytest.mark.parametrize("cls", [KNN, LinearProbe, Finetune])
def test_a_method_starts_from_a_classifier_of_the_training_classes(dataset, cls) -> None:
    method = cls(backbone="conv4[width=8]")
    source = make_source(dataset, None, method, steps=30)
    method.train(source)
    assert [record.stage for record in source.records] == ["classification"]
    assert method.encoder.frozen
    assert method.classification.head.out_features == source.n_classes
    counted = sum(parameter.numel() for parameter in _modules(method).parameters())
    assert counted == sum(parameter.numel() for parameter in method.encoder.parameters())
    assert (source.validate() or 0) > 0.5  # of five classes


def test_the_training_mean_is_that_of_the_training_images_alone(dataset, monkeypatch) -> None:
    monkeypatch.setattr(pretrained, "EMBEDDED_TOGETHER", 100)
    source, backbone = make_source(dataset, None), create_backbone("pixels", dataset.image_shape)
    images = dataset.images(np.flatnonzero(np.isin(dataset.labels, dataset.splits["train"])))
    expected = torch.from_numpy(images.reshape(len(images), -1).mean(0) / 255).float()
    torch.testing.assert_close(training_mean(source, backbone), expected)
