"""The objective of images and texts: what it trains, keeps, shares and is refused."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from benchbench_plugins.clip_zero_shot import ClipZeroShot
from benchbench_plugins.dap import DAP
from benchbench_plugins.knn import KNN
from support.interruption import Killed, killed_at
from support.learning import make_source
from support.pictures import random_images
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError, MethodError
from benchbench.learners.creation import create_method
from benchbench.learners.image_text_pretraining import ImageTextPretraining, by_texts
from benchbench.learners.objective_training import create_objective, fit_objective
from benchbench.method import Method, Support, Task
from benchbench.runs.method_card import describe_method
from benchbench.training.budget import Budget

SMALL = "conv4[width=8]"


@pytest.fixture(scope="module")
def named(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    return make_dataset(classes=(8, 6, 5))


def trained(
    dataset: OpenDataset, method: Method | str, shared: Path | None = None, **options: Any
) -> Any:
    made = create_method(method) if isinstance(method, str) else method
    source = make_source(dataset, made, **{"steps": 4, "shared": shared, **options})
    made.train(source)
    return made


def test_the_backbone_alone_is_kept_and_a_killed_training_ends_with_the_same_bits(
    named: OpenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = f"knn[pretrain=clip[select=last],backbone={SMALL}]"
    before = create_backbone(SMALL, named.image_shape, 0)
    whole = trained(named, spec).encoder
    assert whole.frozen
    assert whole.state_dict().keys() == before.state_dict().keys()
    assert whole.weights_sha256() != before.weights_sha256()
    with killed_at(monkeypatch, step=3), pytest.raises(Killed):
        trained(named, spec, tmp_path)
    resumed = trained(named, spec, tmp_path).encoder
    assert resumed.weights_sha256() == whole.weights_sha256()


def test_its_health_is_of_the_embeddings_of_images(
    named: OpenDataset, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = f"knn[pretrain=clip[select=last],backbone={SMALL}]"
    source = make_source(named, create_method(spec), steps=4)
    source.method.train(source)
    health = source.records[0].health
    assert 0.01 < health["spread"] < 1.5
    said = capsys.readouterr().err
    assert f": clip: spread {health['spread']:.3g}\n" in said
    assert "collapsed" not in said
    monkeypatch.setattr(ImageTextPretraining, "health", lambda *of: {"spread": 0.001})
    trained(named, spec)
    assert "clip has collapsed: its features are nearly one point" in capsys.readouterr().err


def test_it_shares_its_training_with_methods_of_the_whole_encoder(
    named: OpenDataset, tmp_path: Path
) -> None:
    whole = trained(named, ClipZeroShot(), tmp_path)
    backbone = trained(named, KNN(pretrain="clip"), tmp_path).encoder
    (weights,) = tmp_path.rglob("*.safetensors")
    assert weights.parent.name.startswith("tiny-")
    assert whole.encoder.image.weights_sha256() == backbone.weights_sha256()
    torch.rand(5)  # What was drawn before has no part in the first weights.
    alone = trained(named, KNN(pretrain="clip")).encoder
    assert alone.weights_sha256() == backbone.weights_sha256()


@dataclass
class Halved(ImageTextPretraining):
    """Another loss, of another class."""

    name = "halved"

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        return super().loss(network, *embedded) / 2


def test_what_the_weights_depend_on_is_another_training(named: OpenDataset, tmp_path: Path) -> None:
    def count(objective: ImageTextPretraining, spec: str = "conv4", **options: Any) -> int:
        method = KNN(backbone=spec, pretrain="clip")
        source = make_source(named, method, steps=1, shared=tmp_path, **options)
        fit_objective(source, create_backbone(spec, source.image_shape, source.seed), objective)
        return len(list(tmp_path.rglob("*.safetensors")))

    plain = ImageTextPretraining()
    assert count(plain) == 1
    assert count(Halved()) == 2
    assert count(plain, SMALL) == 3
    assert count(ImageTextPretraining(select="last")) == 4
    assert count(ImageTextPretraining(select="last"), shot=3) == 4
    assert count(plain, shot=3) == 5
    assert count(ImageTextPretraining(templates="a {} on paper")) == 6
    assert count(ImageTextPretraining()) == 6


def test_recipes_are_by_the_budget(named: OpenDataset) -> None:
    task = Task("toy", "test", (8, 8, 1), 5, 1, 15)
    objective = create_objective("clip")
    assert isinstance(objective, ImageTextPretraining)
    made = objective.smoke(task), objective.quick(task), objective.published(task)
    assert [(one.batch, one.steps) for one in made] == [(32, 40), (64, 300), (256, 20_000)]
    source = make_source(named, KNN(backbone=SMALL, pretrain="clip"), budget=Budget("smoke"))
    source.method.train(source)
    assert [(one.stage, one.steps) for one in source.records] == [("image_text", 40)]


def test_texts_alone_tell_classes_and_each_is_embedded_once() -> None:
    calls: list[list[str]] = []

    class Encoder:
        logit_scale = torch.tensor(20.0).log()

        def __call__(self, images: Any) -> Tensor:
            return torch.tensor([[3.0, 4.0]])

        def encode_text(self, texts: list[str]) -> Tensor:
            calls.append(texts)
            return torch.tensor([{"a": [2.0, 0.0], "b": [0.0, 5.0]}[text[-1]] for text in texts])

    images = random_images(1)
    support = Support(images, torch.zeros(1).long(), 2, "toy", names=("a", "b"))
    adapt = by_texts(Encoder(), lambda name, dataset: [f"{dataset} {name}"])  # type: ignore[arg-type]
    for _ in range(2):
        torch.testing.assert_close(adapt(support)(images), torch.tensor([[12.0, 16.0]]))
    assert calls == [["toy a"], ["toy b"]]


def test_names_are_read_only_if_that_is_declared(named: OpenDataset) -> None:
    method = create_method("knn[pretrain=clip]")
    assert method.uses_class_names
    assert method.training_labels == "all"
    assert describe_method(method)["uses_class_names"]
    assert not create_method("knn[pretrain=simclr]").uses_class_names
    source = make_source(named, KNN(backbone=SMALL), steps=1)
    made = create_backbone(SMALL, source.image_shape)
    with pytest.raises(MethodError, match="class names are only given"):
        fit_objective(source, made, create_objective("clip"))


def test_a_task_without_words_or_support_is_skipped_with_the_reason() -> None:
    task = Task("omniglot[size=28]", "5way", (28, 28, 1), 5, 1, 15, has_class_names=False)
    assert KNN(pretrain="clip").skip(task) == "the classes of omniglot have no names in words"
    assert KNN().skip(task) is None
    worded = replace(task, has_class_names=True)
    assert KNN(pretrain="clip").skip(worded) is None
    assert "no support" not in str(KNN().skip(worded))
    no_support = "it learns from support images and this task has none (0-shot)"
    assert KNN(pretrain="clip").skip(replace(worded, n_shot=0)) == no_support


def test_a_method_that_knows_classes_otherwise_needs_no_support() -> None:
    task = Task("birds", "5way", (28, 28, 1), 5, 0, 15, n_attributes=4)
    assert DAP(pretrain="clip").skip(task) is None
    assert DAP(pretrain="clip").uses_class_names
    assert not DAP().uses_class_names


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("knn[pretrain=clip[templates=caltech]]", "templates=caltech is neither a template"),
        ("knn[pretrain=clip[augment=flip]]", "no parameter"),
        ("knn[pretrain=clip,backbone=pixels]", "has nothing to learn"),
    ],
)
def test_mistakes_are_sentences(named: OpenDataset, spec: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        trained(named, spec)


def test_the_objective_of_the_guide_learns_from_pairs(named: OpenDataset) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "pretraining.md").read_text("utf-8")
    (code,) = (one for one in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "Sigm" in one)
    made: dict[str, Any] = {"__name__": __name__}
    exec(code, made)
    objective = made["Sigmoid"]()
    one = torch.eye(2)
    network: Any = {"encoder": SimpleNamespace(logit_scale=torch.tensor(2.0).log())}
    # Two pairs of cosine 1, two others of 0: log(1 + exp(-2)) + log 2.
    assert float(objective.loss(network, one, one)) == pytest.approx(0.820075, abs=1e-6)
    source = make_source(named, KNN(backbone=SMALL, pretrain="clip"), steps=2)
    backbone = create_backbone(SMALL, source.image_shape)
    before = backbone.weights_sha256()
    fit_objective(source, backbone, objective)
    assert backbone.weights_sha256() != before
