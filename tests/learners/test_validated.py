"""A number chosen on the validation classes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.learning import make_source

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import MethodError
from benchbench.images import Images, LabelledImages
from benchbench.learners.creation import create_methods
from benchbench.learners.image_text_method import Head, ImageTextMethod, JointSupport
from benchbench.learners.validated import best_on_validation
from benchbench.method import Classifier, Method, Support
from benchbench.training.source import TrainingSource


@dataclass
class Shares(Method):
    """Right about a share of the queries of each class of pixels that tell it."""

    name = "shares"


def right_for(good: float) -> Callable[[float], Callable[[Support], Classifier]]:
    """Nearest mean of pixels at one value, and always the first slot at any other."""

    def adapt_with(value: float) -> Callable[[Support], Classifier]:
        def adapt(support: Support) -> Classifier:
            known = torch.from_numpy(support.images.array).flatten(1).double()

            def classify(images):
                if value != good:
                    return torch.eye(support.n_way)[:1].expand(len(images), -1)
                asked = torch.from_numpy(images.array).flatten(1).double()
                own = torch.nn.functional.one_hot(support.labels, support.n_way).double()
                return -torch.cdist(asked, known) @ own

            return classify

        return adapt

    return adapt_with


@pytest.fixture(scope="module")
def named(make_dataset: Callable[..., OpenDataset]) -> OpenDataset:
    return make_dataset(classes=(8, 6, 5))


@pytest.mark.parametrize("good", [1.0, 3.0, 9.0])
def test_the_value_is_the_one_that_is_right_about_the_validation_classes(named, good) -> None:
    source = make_source(named, Shares())
    assert best_on_validation(source, "share", (1.0, 3.0, 9.0), right_for(good)) == good
    (record,) = source.records
    assert (record.stage, record.steps) == ("share", 3)
    assert record.chosen == {"share": good}
    assert record.validation_accuracy > 0.2


def test_of_equal_values_the_first_counts(named, capfd) -> None:
    source = make_source(named, Shares())
    assert best_on_validation(source, "share", (5.0, 1.0), right_for(7.0)) == 5.0
    assert "share 5 of 5, 1" in capfd.readouterr().err


def test_without_validation_classes_the_first_counts_and_it_is_said(named, capfd) -> None:
    splits = {**named.splits, "val": np.empty(0, np.int64)}
    source = make_source(replace(named, splits=splits), Shares())
    assert best_on_validation(source, "share", (5.0, 1.0), right_for(1.0)) == 5.0
    assert "no validation classes to choose on" in capfd.readouterr().err
    assert source.records[0].validation_accuracy is None


def test_it_is_kept_and_not_searched_again(named, tmp_path: Path) -> None:
    def fail(value: float) -> Callable[[Support], Classifier]:
        raise AssertionError("searched again")

    first = make_source(named, Shares(), folder=tmp_path)
    assert best_on_validation(first, "share", (1.0, 3.0), right_for(3.0)) == 3.0
    again = make_source(named, Shares(), folder=tmp_path, restores=True)
    assert best_on_validation(again, "share", (1.0, 3.0), fail) == 3.0
    assert again.records == first.records
    with pytest.raises(MethodError, match="choice of other is not stored"):
        best_on_validation(again, "other", (1.0, 3.0), fail)


@dataclass
class Chooser(ImageTextMethod):
    """It is right at half the share, and else always says the first slot."""

    name = "chooser"
    candidates = {"share": (0.25, 0.5, 1.0)}
    share: float | str = "val"

    def head(self, known: JointSupport) -> Head:
        if self.setting("share") == 0.5:
            return known.zero_shot
        return lambda features: torch.eye(len(known.texts))[:1].expand(len(features), -1)


def trained(method: Chooser, source: TrainingSource) -> Chooser:
    torch.manual_seed(0)
    method.train(source)
    return method


def test_a_parameter_is_chosen_by_its_own_method_and_its_spec_stays(named) -> None:
    method = Chooser()
    assert method.setting("share") == 0.25
    source = make_source(named, method, steps=20)
    assert trained(method, source).setting("share") == 0.5
    assert method.share == "val"
    assert [record.stage for record in source.records] == ["image_text", "share"]


def test_a_number_that_is_given_is_taken_and_nothing_is_searched(named) -> None:
    method = Chooser(share=1.0)
    source = make_source(named, method, steps=2)
    assert trained(method, source).setting("share") == 1.0
    assert [record.stage for record in source.records] == ["image_text"]


def test_nothing_is_chosen_for_a_task_without_support_images(named) -> None:
    method = Chooser()
    source = make_source(named, method, steps=2, shot=0)
    assert trained(method, source).chosen == {}


@dataclass
class Sweeper(Chooser):
    """Nearest support image where `share` is 0.5, and else it always says the first slot."""

    name = "sweeper"
    share: float | str = "sweep"

    def head(self, known: JointSupport) -> Head:
        if self.setting("share") == 0.5:
            return lambda features: features @ known.features.T @ known.one_hot
        return super().head(known)


def test_a_sweep_asks_for_validation_images_of_the_classes_themselves(named) -> None:
    method = Sweeper()
    assert method.uses_validation
    assert not Chooser().uses_validation
    source = make_source(named, method, steps=20)
    trained(method, source)
    assert [record.stage for record in source.records] == ["image_text"]
    view, test = named.view("test"), named.splits["test"][:3]
    rows = [np.flatnonzero(named.labels == label) for label in test]
    held_out = LabelledImages(
        Images(view, np.concatenate([own[1:4] for own in rows])),
        torch.arange(3).repeat_interleave(3),
    )
    names = tuple(named.class_names[label] for label in test)
    first = Images(view, np.array([own[0] for own in rows]))
    support = Support(first, torch.arange(3), 3, named.name, 0, names, held_out)
    swept = method._swept(method.joint(support), support)
    assert swept.setting("share") == 0.5
    assert method.chosen == {}
    found = method.adapt(support)(held_out.images).argmax(1)
    assert torch.equal(
        found, swept.head(method.joint(support))(method.features(held_out.images)).argmax(1)
    )


@pytest.mark.parametrize(
    "spec",
    [
        "tip_adapter[alpha=sweep]",
        "clip_adapter[ratio=sweep]",
        "lpplusplus[epochs=sweep]",
        "clap[constraint=sweep]",
        "cross_modal[ensemble=sweep]",
    ],
)
def test_adapters_declare_that_they_use_validation_images(spec: str) -> None:
    (method,) = create_methods(spec)
    assert method.uses_validation
    (plain,) = create_methods(spec.partition("[")[0])
    assert not plain.uses_validation
