"""A network that does not learn at the rates of convolutions replaces them in every recipe."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from benchbench_plugins.knn import KNN
from benchbench_plugins.protonet import ProtoNet
from support.learning import make_source

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners import episodic, pretrained, shared_training
from benchbench.learners.classifier_recipe import ClassifierRecipe, TrainingPhase
from benchbench.learners.network_needs import as_needed
from benchbench.learners.pretrained import fit_classifier
from benchbench.method import Task
from benchbench.system import progress
from benchbench.training.fit import fit

RECIPE = {"steps": 50, "lr": 0.1, "optimizer": torch.optim.SGD, "clip_norm": 1.0, "patience": 3}
SMALL = "vit[width=8]"


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of each call of `fit`."""
    calls: list[dict[str, Any]] = []

    def recorded(source: Any, module: Any, loss: Any, data: Any, **options: Any) -> Any:
        calls.append(options)
        return fit(source, module, loss, data, **options)

    for module in (episodic, pretrained):
        monkeypatch.setattr(module, "fit", recorded)
    return calls


def test_a_convolutional_network_leaves_a_recipe_as_it_is() -> None:
    for spec in ("conv4", "resnet12", "pixels", "torchvision:squeezenet1_1"):
        assert as_needed(create_backbone(spec, (32, 32, 3)), RECIPE) is RECIPE


@pytest.mark.parametrize("name", ["vit", "cct"])
def test_a_transformer_replaces_optimizer_rate_and_decay_and_says_so_once(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.say_once.cache_clear()
    backbone = create_backbone(f"{name}[width=8]", (32, 32, 3))
    found, _ = (as_needed(backbone, RECIPE) for _ in range(2))
    assert {key: found[key] for key in ("steps", "clip_norm", "patience")} == {
        "steps": 50,
        "clip_norm": 1.0,
        "patience": 3,
    }
    needs = backbone.training_needs
    assert needs is not None
    assert found["optimizer"] is torch.optim.AdamW
    assert (found["lr"], found["weight_decay"]) == (needs.lr, needs.weight_decay)
    rates = [found["schedule"](step) for step in range(50)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"{name}[width=8]: trained by AdamW with lr=0.001, weight_decay=0.05")


def test_methods_that_learn_from_episodes_follow_it(dataset: OpenDataset, fitted) -> None:
    for spec in (SMALL, "conv4[width=4]"):
        method = ProtoNet(spec)
        method.train(make_source(dataset, method, steps=2))
    of_transformer, of_convolutions = fitted
    assert (of_transformer["lr"], of_transformer["weight_decay"]) == (1e-3, 0.05)
    assert "weight_decay" not in of_convolutions
    assert of_convolutions["lr"] == method.quick(Task("toy", "test", (16, 16, 1), 5, 1, 15))["lr"]


def test_methods_that_learn_to_classify_follow_it_whatever_their_recipe(
    dataset: OpenDataset, fitted, tmp_path: Path
) -> None:
    recipe = ClassifierRecipe((TrainingPhase(1, 0.05),), batch=64)
    for number, given in enumerate((None, recipe)):
        source = make_source(dataset, KNN(), steps=2, shared=tmp_path / str(number))
        fit_classifier(source, create_backbone(SMALL, source.image_shape, 0), given)
    assert [call["optimizer"] for call in fitted] == [torch.optim.AdamW] * 2
    assert [call["lr"] for call in fitted] == [1e-3] * 2


@dataclass
class OnTop(ProtoNet):
    """A method whose network learns from episodes on top of a frozen backbone."""

    name = "on_top"
    trains_encoder = False

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, torch.nn.Module]:
        return {"shift": torch.nn.Linear(feature_size, 1)}

    def scores(self, query_features, support_features, support):  # type: ignore[no-untyped-def]
        shift = self.network["shift"](query_features)
        return super().scores(query_features, support_features, support) * (1 + shift)


def test_what_learns_on_top_of_a_frozen_network_keeps_its_recipe(dataset, fitted) -> None:
    method = OnTop(SMALL)
    method.train(make_source(dataset, method, steps=2))
    assert "weight_decay" not in fitted[0]


def test_a_stored_training_is_of_these_needs(dataset: OpenDataset, monkeypatch) -> None:
    source, hashed, plain = make_source(dataset, KNN()), [], json.dumps
    monkeypatch.setattr(
        json, "dumps", lambda facts, **options: hashed.append(facts) or plain(facts, **options)
    )
    shared_training.backbone_key(source, create_backbone(SMALL, source.image_shape, 0), {})
    (facts,) = (each for each in hashed if "core" in each)
    assert facts["needs"] == {"lr": 1e-3, "warmup": 0.1, "weight_decay": 0.05}


@pytest.mark.parametrize("spec", ["vit[width=16]", "cct[width=16]"])
def test_a_transformer_learns_through_the_training_loop(dataset, spec: str) -> None:
    method = ProtoNet(spec)
    source = make_source(dataset, method, steps=60)
    method.train(source)
    assert method.encoder.frozen
    assert source.records[0].validation_accuracy > 0.5
