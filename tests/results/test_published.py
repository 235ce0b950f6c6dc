import pandas as pd
import pytest

from benchbench.datasets.meta_dataset.spec import SOURCES
from benchbench.registry import loading, specs
from benchbench.results import published
from benchbench.results.published import (
    SURE,
    figure_of,
    figures_for,
    other_names,
    published_figures,
    published_name,
)

COLUMNS = (
    "method,backbone,dataset,test_source,train_source,way,shot,accuracy_percent,ci95_percent,"
    "episodes,source,note,sure"
)


def test_every_figure_is_a_percentage_with_a_source() -> None:
    figures = published_figures()
    assert ",".join(figures) == COLUMNS
    assert len(figures) == 1076
    assert figures["accuracy_percent"].astype(float).between(0, 100).all()
    assert (figures["source"] != "").all()
    assert set(figures["sure"]) == set(SURE)


def test_figures_keep_the_decimals_that_were_printed() -> None:
    figures = published_figures()
    birds = figures[(figures["method"] == "k-NN") & (figures["test_source"] == "Birds")].iloc[0]
    assert (birds["accuracy_percent"], birds["ci95_percent"]) == ("50.13", "1.00")


def test_a_caller_cannot_change_what_the_next_one_gets() -> None:
    for figures in (published_figures(), figures_for("omniglot", 5, 1)):
        figures["method"] = "changed"
    assert "changed" not in set(published_figures()["method"])


@pytest.mark.parametrize("dataset", ["cifar_fs", "CIFAR-FS", "cifar_fs[size=32]"])
def test_data_sets_are_found_however_they_are_written(dataset: str) -> None:
    assert len(figures_for(dataset, 5, 1)) == 14


def test_way_and_shot_fit_exactly() -> None:
    figures = figures_for("omniglot[split=lake]", 20, 5)
    assert set(figures["way"]) == {"20"}
    assert set(figures["shot"]) == {"5"}
    assert figures_for("omniglot", 7, 1).empty


def test_episodes_that_vary_fit_only_figures_that_do() -> None:
    assert len(figures_for("meta_dataset", None, None)) == 350
    assert figures_for("meta_dataset", 5, 1).empty
    assert figures_for("omniglot", None, None).empty


@pytest.mark.parametrize("dataset", ["folder:/data/omniglot", "glyphs", ""])
def test_other_data_sets_have_no_figures(dataset: str) -> None:
    assert figures_for(dataset, 5, 1).empty
    assert figure_of("protonet", dataset, 5, 1, None) is None


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("protonet", "ProtoNet"),
        ("protonet[distance=euclidean]", "ProtoNet"),
        ("matchingnet", "MatchingNet"),
        ("fomaml", "fo-MAML"),
    ],
)
def test_a_measured_method_finds_its_figure(method: str, expected: str) -> None:
    figure = figure_of(method, "mini_imagenet", 5, 1, "conv4")
    assert figure["method"] == expected


@pytest.mark.parametrize(
    ("method", "dataset", "backbone", "expected"),
    [
        ("metaoptnet", "mini_imagenet", "resnet12", ("MetaOptNet-SVM", "62.64")),
        ("metaoptnet", "mini_imagenet", "conv4", ("MetaOptNet-SVM", "52.87")),
        ("metaoptnet[head=ridge]", "cifar_fs", "resnet12", ("MetaOptNet-RR", "72.6")),
        ("r2d2", "cifar_fs", "conv4", ("R2-D2", "65.3")),
        ("feat", "tiered_imagenet", "resnet12", ("FEAT", "70.80")),
        ("feat", "mini_imagenet", "conv4", ("FEAT", "55.15")),
        ("meta_baseline", "mini_imagenet", "resnet12", ("Meta-Baseline", "63.17")),
        ("simpleshot", "mini_imagenet", "conv4", ("SimpleShot (CL2N)", "49.69")),
        ("simpleshot[transform=un]", "mini_imagenet", "conv4", ("SimpleShot (UN)", "33.17")),
        ("relation_net", "cifar_fs", "conv4", ("RelationNet", "55.0")),
        ("siamese", "omniglot", None, ("Siamese (Koch)", "97.3")),
        ("snail", "omniglot", "conv4", ("SNAIL", "99.07")),
    ],
)
def test_a_new_method_finds_its_figure(method: str, dataset: str, backbone, expected) -> None:
    figure = figure_of(method, dataset, 5, 1, backbone)
    assert (figure["method"], figure["accuracy_percent"]) == expected


def test_settings_are_kept_apart() -> None:
    """All are of one table, whose columns have 57.73, 65.73 and 56.17 on the training classes."""
    for parameters, accuracy in [
        ("", "65.73"),
        ("[query_weight=0.0]", "57.73"),
        ("[epochs=0]", "56.17"),
        ("[epochs=25,lr=5e-05,depth=none]", "65.73"),
    ]:
        figure = figure_of(f"transductive_finetuning{parameters}", "mini_imagenet", 5, 1, None)
        assert figure["accuracy_percent"] == accuracy
        assert figure["note"].startswith("transductive") == (accuracy == "65.73")
    inductive, transductive = (
        figure_of(f"reptile{parameters}", "omniglot", 5, 1, "conv4")
        for parameters in ("", "[bn=transductive]")
    )
    assert inductive["accuracy_percent"] == "95.39"
    assert transductive["accuracy_percent"] == "97.68"


def test_what_learned_from_validation_classes_is_no_figure_of_a_run() -> None:
    figures = figures_for("mini_imagenet", 5, 1)
    everything = figures[figures["train_source"].str.endswith("train+val")]
    assert set(everything["method"]) >= {"LEO", "Transductive fine-tuning (train+val)"}
    assert figure_of("leo", "mini_imagenet", 5, 1, None) is None


@pytest.mark.parametrize("text", other_names())
def test_every_name_is_of_a_method_and_of_figures(text: str) -> None:
    spec = specs.parse(text)
    method = specs.configure(loading.load("method", spec.name), spec)
    assert specs.text_of(method) == text
    assert published_name(text) == other_names()[text]
    assert other_names()[text] in set(published_figures()["method"])


def test_a_showing_in_a_stream_is_no_shot() -> None:
    figures = published_figures()
    streams = figures[figures["method"].str.startswith("MANN")]
    assert list(streams["shot"]) == ["showing 2", "showing 5"]
    assert list(streams["accuracy_percent"]) == ["82.8", "94.9"]
    assert streams["note"].str.contains("not of an episode").all()
    for shot in (1, 5):
        assert not figures_for("omniglot", 5, shot)["method"].str.startswith("MANN").any()
        assert figure_of("mann", "omniglot", 5, shot, None) is None


def test_figures_from_memory_alone_are_not_here() -> None:
    figures = published_figures()
    assert not figures["sure"].str.contains("memory").any()
    remarks = (figures["source"] + figures["note"]).str.lower()
    assert not remarks.str.contains("not cross-checked|from memory|recalled").any()
    assert figure_of("cnp", "omniglot", 5, 1, None) is None


def test_no_figure_is_there_twice() -> None:
    figures = published_figures()
    known_by = ["method", "backbone", "dataset", "test_source", "train_source", "way", "shot"]
    assert not figures.duplicated(known_by).any()


def test_names_of_methods_are_compared_by_letters_and_digits() -> None:
    for method, expected in [("knn", "k-NN"), ("fo_proto_maml", "fo-Proto-MAML")]:
        figure = figure_of(method, "meta_dataset", None, None, None)
        assert figure["method"] == expected
    assert figure_of("proto_maml", "meta_dataset", None, None, None) is None


@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        ("open_clip:ViT-L-14/openai", "ViT-L/14"),
        ("ViT-B-16", "ViT-B/16"),
        ("resnet50", "RN50"),
        (None, "RN50"),
    ],
)
def test_of_several_figures_the_one_of_the_backbone_is_taken(backbone, expected) -> None:
    figure = figure_of("clip_zero_shot", "food101", 101, 0, backbone)
    assert figure["backbone"] == expected


def test_a_number_in_the_name_of_a_backbone_is_not_cut() -> None:
    deeper = figure_of("closer_look_protonet", "cub", 5, 1, "resnet101")
    ten = figure_of("closer_look_protonet", "cub", 5, 1, "resnet10")
    assert deeper["backbone"] == "Conv4"
    assert ten["backbone"] == "ResNet-10"


def test_the_backbone_counts_before_the_sureness_and_that_before_the_order(monkeypatch) -> None:
    rows = [("Conv4", "recalled"), ("Conv6", "secondary"), ("Conv6", "exact"), ("Conv6", "exact")]
    table = pd.DataFrame(rows, columns=["backbone", "sure"])
    table = table.assign(method="M", dataset="D", train_source="T", way="5", shot="1")
    monkeypatch.setattr(published, "published_figures", lambda: table)
    for backbone, expected in [("conv4[width=64]", 0), ("resnet12", 2), (None, 2)]:
        figure = figure_of("m", "d", 5, 1, backbone)
        assert figure.name == expected


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_of_meta_dataset_has_its_own_figures(source: str) -> None:
    alone, everything = (
        figures_for(f"meta_dataset[{train}test_source={source}]", None, None)
        for train in ("", "train=all,")
    )
    assert alone["test_source"].nunique() == everything["test_source"].nunique() == 1
    assert set(alone["train_source"]) == {"ILSVRC-2012"}
    assert (len(alone), len(everything)) == (16, 19)


def test_prototypes_on_aircraft_are_the_published_ones() -> None:
    figure = figure_of("protonet", "meta_dataset[test_source=aircraft]", None, None, "resnet18")
    assert figure["accuracy_percent"] == "53.10"


def test_what_was_learnt_elsewhere_has_no_figure() -> None:
    for spec in ("meta_dataset[train=dtd,test_source=aircraft]", "meta_dataset:aircraft"):
        assert figures_for(spec, None, None).empty
    assert figures_for("multi:cifar_fs,omniglot[test_source=omniglot]", 5, 1).empty


@pytest.mark.parametrize("dataset", ["meta_dataset[[[", "meta_dataset[test_source=nowhere]"])
def test_a_name_that_no_data_set_has_has_no_figures(dataset: str) -> None:
    """A run that is no forgery may bring it along: from a version with more sources."""
    assert figures_for(dataset, None, None).empty
