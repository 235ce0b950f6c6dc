"""What the adapters to libraries share, on a library of one small network."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import save_file
from support.pictures import random_images
from torch import nn

from benchbench.backbones import backbone_arguments, create_backbone
from benchbench.backbones.libraries.base import (
    Created,
    LibraryBackbone,
    import_library,
    input_channels,
    preparation_in,
)
from benchbench.backbones.libraries.preprocessing import Preparation
from benchbench.errors import BenchbenchError, unknown_name
from benchbench.registry import loading, specs

SHAPE = (12, 10, 1)


@dataclass(eq=False)
class Toy(LibraryBackbone):
    """A library of one network, which averages one convolution."""

    name: ClassVar[str] = "toy"

    @classmethod
    def check(cls, arguments: dict[str, Any]) -> None:
        if arguments["model"] != "net-1.0":
            raise unknown_name("network of toy", arguments["model"], ["net-1.0"])

    def create(self, tag: str | None, from_file: bool) -> Created:
        network = nn.Sequential(
            nn.Conv2d(3, int(self.options.get("width", 4)), 5), nn.AdaptiveAvgPool2d(1)
        )
        if tag or from_file:
            made_for = Preparation(size=(8, 8), mean=(0.1, 0.2, 0.3), std=(0.5,), crop=0.8)
        else:
            made_for = Preparation()
        return Created(network, made_for, frozenset({"head"}), ("tagged",) if tag else ())


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    things = {**loading.registered("register_backbones"), "toy": Toy}
    monkeypatch.setattr(loading, "registered", lambda hook: things)


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[..., Path]:
    def make(**texts: str) -> Path:
        path = tmp_path / "v1.0 final" / "toy.safetensors"
        path.parent.mkdir(exist_ok=True)
        state = {"0.weight": torch.full((4, 3, 5, 5), 0.5), "0.bias": torch.zeros(4)}
        state["head"] = torch.ones(2)
        save_file({name: t.half() for name, t in state.items()}, path, metadata=texts or None)
        return path

    return make


@pytest.mark.parametrize("text", ["toy:net-1.0", "toy:net-1.0[weights=x,size=9,crop=0.9,width=7]"])
def test_a_spec_survives_a_round_trip(text: str) -> None:
    backbone = create_backbone(text, SHAPE)
    again = create_backbone(specs.text_of(backbone), SHAPE)
    assert specs.text_of(again) == specs.text_of(backbone)
    assert specs.parameters_of(again) == specs.parameters_of(backbone)
    assert again.weights_key() == backbone.weights_key()


def test_other_keys_go_to_the_library() -> None:
    backbone = create_backbone("toy:net-1.0[width=7]", SHAPE)
    assert backbone.options == {"width": 7}
    assert backbone.feature_size == 7
    assert backbone(random_images(3, SHAPE)).shape == (3, 7)


def test_random_weights_have_seen_nothing_and_images_keep_their_size() -> None:
    backbone = create_backbone("toy:net-1.0", SHAPE)
    assert backbone.pretrained_on == ()
    assert backbone.prepare(random_images(3, SHAPE).array).shape == (3, 3, 12, 10)
    assert backbone.training
    assert all(p.requires_grad for p in backbone.parameters())


def test_the_initial_weights_hang_on_the_seed() -> None:
    hashes = [create_backbone("toy:net-1.0", SHAPE, seed).weights_sha256() for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_files_weights_are_used_without_its_head(make_file: Callable[..., Path]) -> None:
    backbone = create_backbone(f"toy:net-1.0[weights={make_file()}]", SHAPE).freeze()
    assert set(backbone.state_dict()) == {"network.0.weight", "network.0.bias"}
    assert all(p.dtype == torch.float32 for p in backbone.parameters())
    prepared = backbone.prepare(random_images(3, SHAPE).array)
    expected = 0.5 * prepared.unfold(2, 5, 1).unfold(3, 5, 1).sum((1, 4, 5)).mean((1, 2))
    torch.testing.assert_close(backbone(random_images(3, SHAPE)), expected[:, None].expand(3, 4))


@pytest.mark.parametrize(
    ("texts", "facts"),
    [
        ({}, {}),
        ({"mean": "[0.4, 0.5, 0.6]"}, {"mean": (0.4, 0.5, 0.6)}),
        (
            {"std": "0.25", "input_size": "3,9,7", "crop_pct": "0.9", "interpolation": "bicubic"},
            {"std": (0.25,), "size": (9, 7), "crop": 0.9, "interpolation": "bicubic"},
        ),
        ({"interpolation": "area", "note": "mean of it"}, {}),
    ],
)
def test_a_file_says_what_it_needs(make_file, texts, facts) -> None:
    assert preparation_in(texts) == facts
    backbone = create_backbone(f"toy:net-1.0[weights={make_file(**texts)}]", SHAPE)
    from_library = Toy.create(backbone, None, from_file=True).preparation
    for name, value in {**vars(from_library), **facts}.items():
        assert getattr(backbone.preparation, name) == value


def test_the_users_word_counts_most(make_file: Callable[..., Path]) -> None:
    path = make_file(mean="0.4", std="0.4", input_size="3,9,9", pretrained_on="a")
    given = "size=11,mean=0.1+0.2+0.3,std=0.5,crop=1,interpolation=bicubic,pretrained_on=b+c"
    backbone = create_backbone(f"toy:net-1.0[weights={path},{given}]", SHAPE)
    mean = (0.1, 0.2, 0.3)
    expected = Preparation(3, (11, 11), mean, (0.5,), interpolation="bicubic", crop=1.0)
    assert backbone.preparation == expected
    assert backbone.preprocessing == str(expected)
    assert backbone.pretrained_on == ("b", "c")


def test_what_the_weights_have_seen(make_file: Callable[..., Path]) -> None:
    def seen(weights: object) -> tuple[str, ...]:
        return create_backbone(f"toy:net-1.0[weights={weights}]", SHAPE).pretrained_on

    assert seen("some_tag") == ("tagged",)
    assert seen(make_file()) == ("unknown",)
    assert seen(make_file(pretrained_on="a+b")) == ("a", "b")


@pytest.mark.parametrize("shape", [(12, 10, 1), (13, 31, 3), (5, 5, 2), (84, 84, 4)])
def test_images_of_any_size_and_channel_count(shape: tuple[int, int, int]) -> None:
    for text in ("toy:net-1.0", "toy:net-1.0[weights=tag]"):
        backbone = create_backbone(text, shape).freeze()
        assert backbone(random_images(3, shape)).shape == (3, 4)


def test_parts_give_the_features_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = create_backbone("toy:net-1.0", SHAPE).freeze()
    sizes: list[int] = []
    backbone.network.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    together = backbone(random_images(7, SHAPE))
    monkeypatch.setattr(Toy, "images_at_once", 3)
    torch.testing.assert_close(backbone(random_images(7, SHAPE)), together)
    assert backbone(random_images(0, SHAPE)).shape == (0, 4)
    assert sizes == [7, 3, 3, 1, 0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("toy", "'toy' needs its model: toy:MODEL"),
        ("toy:nett", r"no network of toy named 'nett'; did you mean net-1\.0"),
        ("toy:net-1.0[image_shape=3]", "no parameter of toy named 'image_shape'"),
        ("toy:net-1.0[options=3]", "no parameter of toy named 'options'"),
        ("toy:net-1.0[pretrained_on=a]", "random weights have seen no data"),
        ("toy:net-1.0[size=4]", "cannot embed images of 4x4 px .*; give a larger size="),
        ("toy:net-1.0[mean=a+b]", r"mean=a\+b is not numbers joined by \+ or none"),
        ("toy:net-1.0[weights=/nowhere/w.safetensors]", "there is no such file"),
    ],
)
def test_a_spec_that_cannot_be(text: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        create_backbone(text, SHAPE)


def test_a_wrong_network_is_found_without_building_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(LibraryBackbone, "build")
    with pytest.raises(BenchbenchError, match="did you mean"):
        backbone_arguments("toy:net-1.1")


def test_a_missing_library_is_one_sentence_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "no_such_library", None)
    with pytest.raises(BenchbenchError, match=r'not installed; pip install "benchbench\[extra\]"'):
        import_library("no_such_library", extra="extra")


def test_the_channels_are_those_of_the_first_convolution() -> None:
    assert input_channels(nn.Sequential(nn.ReLU(), nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3))) == 1
    assert input_channels(nn.Linear(4, 4)) == 3
