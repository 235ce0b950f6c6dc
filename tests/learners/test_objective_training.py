"""Trainings by objectives: what they keep, share, outlive and never see."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from benchbench_plugins.knn import KNN
from benchbench_plugins.vicreg import VICReg
from support import learning
from support.interruption import Killed, killed_at
from support.objectives import Still
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.backbones.base import Backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.learners import objective_training
from benchbench.learners.creation import create_method
from benchbench.learners.objective_training import create_objective, fit_objective
from benchbench.learners.pretraining import AS_IT_IS, ObjectiveRecipe, Pretraining
from benchbench.runs.method_card import describe_method
from benchbench.training.budget import Budget
from benchbench.training.source import TrainingSource

ALL = (
    *("simclr", "barlow_twins", "vicreg", "vicreg[covariance=tico]", "tico", "byol", "simsiam"),
    *("proto_clr", "rotation"),
)
SPEC = "conv4[width=8]"


def make_source(dataset: OpenDataset, shared: Path | None = None, **options: Any) -> TrainingSource:
    options = {"steps": 6, **options}
    return learning.make_source(dataset, KNN(backbone=SPEC), shared=shared, **options)


def trained(source: TrainingSource, objective: str | Pretraining) -> Backbone:
    backbone = create_backbone(SPEC, source.image_shape, source.seed)
    if isinstance(objective, str):
        objective = create_objective(objective)
    fit_objective(source, backbone, objective)
    return backbone


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Pretraining.quick
    monkeypatch.setattr(Pretraining, "quick", lambda own, task: replace(plain(own, task), batch=16))


def test_a_random_network_has_the_weights_that_were_drawn_and_the_moments_of_the_images(
    dataset: OpenDataset,
) -> None:
    before = create_backbone(SPEC, dataset.image_shape, 0)
    source = make_source(dataset, steps=100)
    after = trained(source, "random")
    drawn, kept = dict(before.named_parameters()), dict(after.named_parameters())
    assert all(torch.equal(kept[name], weight) for name, weight in drawn.items())
    views = source.views(16, [AS_IT_IS])
    pixels = torch.cat([after.prepare(views[step][0].array) for step in range(100)])
    convolution, norm = after.layers[0][:2]  # type: ignore[index]
    expected = convolution(pixels).mean((0, 2, 3))
    torch.testing.assert_close(norm.running_mean, expected, rtol=0.1, atol=0.02)


@pytest.mark.parametrize("spec", ["simclr", "byol", "tico", "vicreg[covariance=tico]", "uda"])
def test_looking_at_its_health_leaves_a_network_as_it_is(
    dataset: OpenDataset, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    looked = trained(make_source(dataset), spec).weights_sha256()
    monkeypatch.setattr(objective_training._Step, "health", lambda own, data: {})
    assert trained(make_source(dataset), spec).weights_sha256() == looked


@pytest.mark.parametrize("spec", [*ALL, "uda", "fixmatch"])
def test_the_encoder_alone_is_kept_and_a_killed_training_ends_with_the_same_bits(
    dataset: OpenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    before = create_backbone(SPEC, dataset.image_shape, 0)
    source = make_source(dataset)
    whole = trained(source, spec)
    assert whole.frozen
    assert whole.state_dict().keys() == before.state_dict().keys()
    assert whole.weights_sha256() != before.weights_sha256()
    assert 0 < source.records[0].health["spread"] < 2
    with killed_at(monkeypatch, step=4), pytest.raises(Killed):
        trained(make_source(dataset, tmp_path), spec)
    resumed = trained(make_source(dataset, tmp_path), spec)
    assert resumed.weights_sha256() == whole.weights_sha256()


@pytest.mark.parametrize("spec", ALL)
def test_labels_have_no_part_in_it(dataset: OpenDataset, spec: str) -> None:
    """Which training image is of which training class is dealt anew; images and ids stay."""
    training = np.isin(dataset.labels, dataset.splits["train"])
    labels = dataset.labels.copy()
    labels[training] = np.random.default_rng(0).permutation(labels[training])
    dealt = replace(dataset, labels=labels)
    assert (labels != dataset.labels).mean() > 0.2
    bits = {trained(make_source(each), spec).weights_sha256() for each in (dataset, dealt)}
    assert len(bits) == 1


@dataclass
class Peeking(Still):
    """It uses labels and says that it does not."""

    name = "peeking"
    select: Literal["last", "validation"] = "validation"


def test_validation_chooses_only_where_that_is_declared(dataset: OpenDataset) -> None:
    last, chosen = (make_source(dataset) for _ in range(2))
    trained(last, Peeking(select="last"))
    trained(chosen, Peeking())
    assert last.records[0].validation_accuracy is None
    assert last.records[0].best_step == 6
    assert chosen.records[0].validation_accuracy is not None


def test_a_collapse_is_said_and_recorded(
    dataset: OpenDataset, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Peeking, "health", lambda *of: {"spread": 0.01})
    source = make_source(dataset)
    trained(source, Peeking(select="last"))
    assert "knn[backbone=conv4[width=8]]: peeking has collapsed: its features" in (
        capsys.readouterr().err
    )
    assert source.records[0].health == {"spread": 0.01}


def test_health_is_said_once_for_a_training_that_methods_share(
    dataset: OpenDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        trained(make_source(dataset, tmp_path, steps=1), "tico")
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "spread" in line)
    assert line.startswith("knn[backbone=conv4[width=8]]: tico: spread 0.")
    assert line.endswith("rho 8")


def test_methods_share_a_training_and_other_objectives_have_their_own(
    dataset: OpenDataset, tmp_path: Path
) -> None:
    for spec in ("simclr", "simclr", "simclr[temperature=0.1]", "barlow_twins"):
        trained(make_source(dataset, tmp_path, steps=1), spec)
    assert len(list(tmp_path.rglob("simclr.safetensors"))) == 2
    (record,) = tmp_path.rglob("barlow_twins.json")
    assert set(json.loads(record.read_text())["record"]["health"]) == {"spread"}


def test_the_loss_of_thirty_steps_falls(make_dataset: Callable[..., OpenDataset], tmp_path) -> None:
    dataset = make_dataset(classes=(4, 6, 2))
    trained(make_source(dataset, tmp_path, steps=30, budget=Budget("smoke")), "simclr")
    losses: list[float] = []
    objective = create_objective("simclr")
    plain = objective.loss
    objective.loss = lambda *of: losses.append(plain(*of)) or losses[-1]  # type: ignore[method-assign]
    trained(make_source(dataset, steps=30), objective)
    found = torch.stack([each.detach() for each in losses])
    assert found[-6:].mean() < 0.9 * found[:6].mean()


def test_views_are_of_the_same_images_each_in_its_own_way(dataset: OpenDataset) -> None:
    views = make_source(dataset).views(8, ["flip[share=0]", "flip[share=1]", "jitter"])
    for step in (0, 1, views.per_epoch):
        plain, mirrored, changed = (view.array for view in views[step])
        np.testing.assert_array_equal(plain[:, :, ::-1], mirrored)
        assert (changed != plain).any()
    epoch = np.concatenate([views[step][0].ids for step in range(views.per_epoch)])
    assert len(set(epoch.tolist())) == len(epoch) == 8 * views.per_epoch
    again = make_source(dataset).views(8, ["jitter", "jitter"])
    first, second = again[3]
    assert (first.array != second.array).any()
    np.testing.assert_array_equal(first.array, again[3][0].array)


@pytest.mark.parametrize(
    ("backbone", "says"),
    [("pixels", "has nothing to learn"), ("weighted", "comes with weights")],
)
def test_a_backbone_that_is_not_from_scratch_is_refused(
    dataset: OpenDataset, monkeypatch: pytest.MonkeyPatch, backbone: str, says: str
) -> None:
    source = make_source(dataset)
    made = create_backbone("pixels" if backbone == "pixels" else SPEC, source.image_shape, 0)
    if backbone == "weighted":
        monkeypatch.setattr(type(made), "pretrained_on", ("imagenet",))
    with pytest.raises(BenchbenchError, match=f"pretrain=simclr trains .* {says}"):
        fit_objective(source, made, create_objective("simclr"))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("knn[pretrain=simclear]", "did you mean simclr"),
        ("knn[pretrain=tico[beta=2]]", "beta must be at least 0 and at most 1"),
        ("finetune[pretrain=vicreg[covariance=none]]", "batch"),
        ("knn[pretrain=tico[size=0]]", "size must be at least 1"),
        ("knn[pretrain=simclr[augment=flop]]", "did you mean flip"),
        ("knn[pretrain=rotation[augment=]]", "No augmentation is named"),
        ("protonet[pretrain=simclear]", "did you mean simclr"),
        ("protonet[pretrain=byol,backbone=pixels]", "leave out one of the two"),
        ("uda[labelled=0.1]", r"of the objective 'uda' .* METHOD\[pretrain=uda\[labelled=0.1\]\]"),
        ("uda[labeled=0.1]", "There is no parameter of uda named 'labeled'"),
        ("simclr", r"objective of pre-training and no method; write METHOD\[pretrain=simclr\]"),
    ],
)
def test_a_mistake_in_an_objective_is_a_sentence(spec: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        create_method(spec)


def test_a_method_starts_from_what_an_objective_has_learned(
    dataset: OpenDataset, tmp_path: Path
) -> None:
    method = create_method(f"knn[pretrain=simclr,backbone={SPEC}]")
    source = replace_method(make_source(dataset, tmp_path), method)
    method.train(source)
    assert (
        method.encoder.weights_sha256()
        == trained(make_source(dataset, tmp_path), "simclr").weights_sha256()
    )
    assert method.classification is None
    assert [record.stage for record in source.records] == ["simclr"]


def replace_method(source: TrainingSource, method: Any) -> TrainingSource:
    source.method = method
    return source


def test_a_recipe_has_steps_or_epochs() -> None:
    with pytest.raises(ValueError, match="steps or epochs"):
        ObjectiveRecipe(8, 0.1)
    recipe = ObjectiveRecipe(8, 0.1, epochs=3, warmup=0.5)
    assert recipe.length(per_epoch=4) == 12
    assert recipe.arguments(12)["schedule"](0) == pytest.approx(1 / 6)


def test_a_paper_budget_is_the_published_recipe(dataset: OpenDataset) -> None:
    source = make_source(dataset, steps=None, budget=Budget("paper"))
    recipe = objective_training._recipe(source, create_objective("barlow_twins"))
    assert (recipe.epochs, recipe.batch, recipe.steps) == (1000, 256, None)


SIZES = {
    "barlow_twins": {"width": 2048, "scale": 0.1},
    "vicreg": {"width": 2048},
    "byol": {"width": 4096, "size": 256},
    "simsiam": {"width": 2048, "hidden": 512},
    "tico": {"width": 4096},
    "simclr": {"width": 1024, "temperature": 0.5},
}


@pytest.mark.parametrize("name", SIZES)
def test_a_paper_budget_has_the_published_projector(dataset: OpenDataset, name: str) -> None:
    made = create_objective(name)
    recipe = made.published(make_source(dataset).task)
    assert recipe.parameters == SIZES[name]
    width = SIZES[name]["width"]
    encoder = create_backbone(SPEC, dataset.image_shape)
    for objective, expected in ((made, 512), (recipe.settle(made), width)):
        projector = objective.further_modules(encoder)["projector"]
        assert projector[0].out_features == expected
    asked = create_objective(f"{name}[width=96]")
    assert recipe.settle(asked).further_modules(encoder)["projector"][0].out_features == 96


def test_a_paper_budget_trains_what_its_recipe_says(
    dataset: OpenDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: list[int] = []
    plain = VICReg.loss

    def loss(own: VICReg, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        widths.append(embedded[0].shape[1])
        return plain(own, network, *embedded)

    published = VICReg.published
    small = {"batch": 8, "parameters": {"width": 24}}
    monkeypatch.setattr(
        VICReg, "published", lambda own, task: replace(published(own, task), **small)
    )
    monkeypatch.setattr(VICReg, "loss", loss)
    trained(make_source(dataset, steps=1, budget=Budget("paper", 1)), "vicreg")
    trained(make_source(dataset, steps=1), "vicreg")
    assert widths == [24, 512]


@pytest.mark.parametrize(
    ("spec", "labels"),
    [
        ("knn", "all"),
        ("knn[pretrain=simclr]", "none"),
        ("linear_probe[pretrain=vicreg[select=validation]]", "validation only"),
    ],
)
def test_a_method_declares_the_labels_that_its_training_takes(spec: str, labels: str) -> None:
    method = create_method(spec)
    assert method.training_labels == labels
    told = describe_method(method).get("training_labels", "all")
    assert told == labels
