"""Training on episodes by recipe, seen through a metric method."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from support.learning import make_source
from support.objectives import Still
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.classifier_recipe import ClassifierRecipe, TrainingPhase
from benchbench.learners.episodic import EpisodicMethod, Recipe
from benchbench.learners.metric import MetricMethod, class_means
from benchbench.learners.objective_training import create_objective, fit_objective
from benchbench.learners.pretrained import fit_classifier
from benchbench.method import Support, Task
from benchbench.registry import loading
from benchbench.registry.specs import parameters_of
from benchbench.training.budget import Budget


@dataclass
class Dot(MetricMethod):
    """Inner products with class means."""

    name = "dot"
    backbone: str = "conv4[width=4]"

    def published(self, task: Task) -> Recipe:
        return {"way": 3, "shot": task.n_shot, "query": 2, "steps": 4, "lr": 0.1, "patience": 1}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        return query_features @ class_means(support_features, support).T


@pytest.mark.parametrize(
    ("budget", "way", "shot", "query", "steps"),
    [("7", 12, 1, 5, 7), ("smoke", 12, 1, 5, 6), ("paper", 3, 4, 2, 4)],
)
def test_only_the_paper_budget_takes_the_papers_recipe(
    dataset: OpenDataset, budget: str, way: int, shot: int, query: int, steps: int
) -> None:
    method = Dot()
    source = make_source(dataset, method, shot=4, budget=Budget.parse(budget))
    shapes = []
    whole = method.loss
    method.loss = lambda episode: (  # type: ignore[method-assign]
        shapes.append((episode.support.n_way, len(episode.support.images), len(episode.query)))
        or whole(episode)
    )
    method.train(source)
    assert set(shapes) == {(way, way * shot, way * query)}
    assert source.records[0].steps <= steps
    assert len(shapes) == source.records[0].steps
    assert method.encoder.frozen


def test_a_network_with_nothing_to_learn_is_left_as_it_is(
    dataset: OpenDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = np.empty(0, np.int64)
    untrainable = replace(dataset, splits=dataset.splits | {"train": nothing, "val": nothing})
    for _ in range(2):  # the second time, from its files
        method = Dot("pixels")
        source = make_source(untrainable, method, folder=tmp_path)
        method.train(source)
        assert source.records == []
        assert method.encoder.frozen
    told = "dot[backbone=pixels]: nothing to learn, so it is evaluated as it is"
    assert capsys.readouterr().err.splitlines() == [told]


@pytest.mark.parametrize("name", ["quick", "published", "loss"])
def test_what_a_subclass_forgot_is_named(name: str) -> None:
    with pytest.raises(NotImplementedError, match=f"EpisodicMethod has no {name}"):
        getattr(EpisodicMethod(), name)(None)


@dataclass
class FromClassifier(Dot):
    """Goes on from the classifier, and learns a scale."""

    name = "from_classifier"
    pretrained = True

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"scale": nn.Linear(1, 1)}

    def quick(self, task: Task) -> Recipe:
        recipe = {"way": 3, "shot": 2, "query": 2, "steps": 2, "lr": 0.1, "rates": {"encoder": 0.1}}
        return recipe | {"optimizer": partial(torch.optim.SGD, momentum=0.9), "augment": "flip"}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        plain = super().scores(query_features, support_features, support)
        return self.network["scale"](plain[..., None])[..., 0]


@dataclass
class OnFrozen(FromClassifier):
    """The same on a backbone that stays as it is."""

    name = "on_frozen"
    trains_encoder = False

    def quick(self, task: Task) -> Recipe:
        recipe = {"way": 3, "shot": (1, 2), "query": 2, "tasks": 2, "steps": 2, "lr": 0.1}
        return recipe | {"validate_on": {"way": 3, "shot": 4}}


SMOKE = Budget("smoke", 2)
KNOWN = loading.load


@pytest.fixture(autouse=True)
def still_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        loading, "load", lambda kind, name: Still if name == "still" else KNOWN(kind, name)
    )


@pytest.mark.parametrize("cls", [FromClassifier, OnFrozen])
def test_a_method_goes_on_from_the_classifier_that_others_share(
    dataset: OpenDataset, tmp_path: Path, cls: type[FromClassifier]
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    source = make_source(dataset, Dot(), budget=SMOKE, shared=shared)
    classifier = create_backbone("conv4[width=4]", source.image_shape, source.seed)
    fit_classifier(source, classifier)
    method = cls()
    source = make_source(dataset, method, budget=SMOKE, shared=shared, folder=tmp_path / "own")
    (tmp_path / "own").mkdir()
    method.train(source)
    assert [record.stage for record in source.records] == ["classification", "training"]
    assert [path.name for path in shared.glob("*/*.safetensors")] == ["classification.safetensors"]
    same = method.encoder.weights_sha256() == classifier.weights_sha256()
    assert same == (not cls.trains_encoder)
    assert method.encoder.frozen
    again = cls()
    again.train(make_source(dataset, again, budget=SMOKE, shared=shared, folder=tmp_path / "own"))
    for name, tensor in method.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], tensor)


@pytest.mark.parametrize("name", ["dot", "from_classifier", "on_frozen", "frozen_in_quick"])
def test_a_method_goes_on_from_what_an_objective_has_learned(
    dataset: OpenDataset, tmp_path: Path, name: str
) -> None:
    source = make_source(dataset, Dot(), budget=SMOKE, shared=tmp_path)
    encoder = create_backbone("conv4[width=4]", source.image_shape, source.seed)
    fit_objective(source, encoder, create_objective("still"))
    method = {cls.name: cls for cls in (Dot, FromClassifier, OnFrozen, FrozenInQuick)}[name](
        pretrain="still"
    )
    source = make_source(dataset, method, budget=SMOKE, shared=tmp_path)
    begun: list[str] = []
    plain = method.extra_modules
    method.extra_modules = lambda *given: (  # type: ignore[method-assign]
        begun.append(method.encoder.weights_sha256()) or plain(*given)
    )
    method.train(source)
    assert [record.stage for record in source.records] == ["still", "training"]
    assert begun == [encoder.weights_sha256()]
    stays = name in ("on_frozen", "frozen_in_quick")
    assert (method.encoder.weights_sha256() == begun[0]) == stays
    assert len(list(tmp_path.glob("*/still.safetensors"))) == 1


def test_by_default_a_method_starts_as_its_authors_have_it() -> None:
    assert Dot().starts_from == ""
    assert FromClassifier().starts_from == "classification"
    assert FromClassifier(pretrain="still").starts_from == "still"
    assert Dot().further_code == ()
    assert [one.name for one in Dot(pretrain="still").further_code] == ["still"]  # type: ignore[attr-defined]
    # Runs that were stored before the parameter came are known without it.
    assert parameters_of(Dot()) == {"backbone": "conv4[width=4]"}
    assert parameters_of(Dot(pretrain="still"))["pretrain"] == "still"


def test_an_objective_of_names_makes_a_method_of_names() -> None:
    named = Dot(pretrain="clip")
    assert named.uses_class_names
    assert not Dot().uses_class_names
    task = Task("toy", "test", (16, 16, 3), 5, 1, 15, has_class_names=False)
    assert "no names in words" in str(named.skip(task))
    assert Dot().skip(task) is None


class FrozenInQuick(Dot):
    name = "frozen_in_quick"

    def quick(self, task: Task) -> Recipe:
        recipe = {"way": 3, "shot": 1, "query": 2, "steps": 2, "lr": 0.1}
        return recipe | {"frozen_classifier": True}

    def extra_modules(self, feature_size: int, task: Task) -> dict[str, nn.Module]:
        return {"extra": nn.Linear(feature_size, feature_size)}

    def scores(self, query_features: Tensor, support_features: Tensor, support: Support) -> Tensor:
        return super().scores(self.network["extra"](query_features), support_features, support)


@pytest.mark.parametrize(
    ("budget", "stages"),
    [(Budget("smoke", 2), ["classification", "training"]), (Budget("paper"), ["training"])],
)
def test_a_recipe_may_take_the_classifier_as_it_is(dataset, budget, stages) -> None:
    source = make_source(dataset, Dot(), budget=budget)
    classifier = create_backbone("conv4[width=4]", source.image_shape, source.seed)
    if "classification" in stages:
        fit_classifier(source, classifier)
    method = FrozenInQuick()
    source = make_source(dataset, method, budget=budget)
    method.train(source)
    assert [record.stage for record in source.records] == stages
    same = method.encoder.weights_sha256() == classifier.weights_sha256()
    assert same == ("classification" in stages)


def test_a_recipe_may_have_a_classifier_of_its_own(dataset: OpenDataset, tmp_path: Path) -> None:
    method = FromClassifier()
    shared = make_source(dataset, method, budget=SMOKE, shared=tmp_path)
    method.train(shared)
    quick = method.quick
    classifier = ClassifierRecipe((TrainingPhase(1, 0.05),), batch=64)
    method.quick = lambda task: quick(task) | {"classifier": classifier}  # type: ignore[method-assign]
    own = make_source(dataset, method, budget=SMOKE, shared=tmp_path)
    method.train(own)
    assert [record.steps for record in own.records] == [own.batches(64).per_epoch, 2]
    assert own.records[0].steps != shared.records[0].steps
    assert len(list(tmp_path.glob("*/classification.safetensors"))) == 2


def test_a_frozen_backbone_embeds_each_training_image_once(dataset, monkeypatch) -> None:
    embedded = []
    plain = MetricMethod.losses

    def losses(self, episodes):
        embedded.append(self.encoder.frozen)
        return plain(self, episodes)

    monkeypatch.setattr(MetricMethod, "losses", losses)
    method = OnFrozen()
    method.train(make_source(dataset, method, budget=SMOKE))
    assert embedded == [True, True]


def test_validation_may_be_on_episodes_of_another_shape(dataset: OpenDataset) -> None:
    method, shapes = OnFrozen(), set()
    plain = method.adapt
    method.adapt = lambda support: (  # type: ignore[method-assign]
        shapes.add((support.n_way, len(support.images))) or plain(support)
    )
    source = make_source(dataset, method, budget=SMOKE)
    method.train(source)
    assert shapes == {(3, 12)}


def test_a_frozen_backbone_alone_has_nothing_to_learn(dataset, capsys) -> None:
    class Nothing(Dot):
        trains_encoder = False

    method = Nothing()
    method.train(make_source(dataset, method, budget=SMOKE))
    assert "nothing to learn" in capsys.readouterr().err
    assert method.encoder.frozen
