"""Pictures at their own size as the backbones of libraries prepare and embed them."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from support.folders import open_folder
from support.own_size import write_encoder, write_own_size

from benchbench.backbones import create_backbone, feature_cache
from benchbench.backbones.base import Backbone
from benchbench.backbones.libraries.base import LibraryBackbone
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.evaluation.feature_making import FeatureMaker
from benchbench.images import Images
from benchbench.system.compute import Compute
from benchbench.system.vision import torchvision

torchvision()
timm = pytest.importorskip("timm")

NATIVE = (0, 0, 3)
ALL = {"val": 0, "test": 1}


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache in small blocks, and nothing from disk."""
    monkeypatch.setattr(feature_cache, "_tables", OrderedDict())
    monkeypatch.setattr(feature_cache, "BLOCK", 20)
    feature_cache.use(())


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_encoder(tmp_path_factory.mktemp("encoder") / "w.safetensors")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own_size(tmp_path_factory.mktemp("own") / "pictures")


@pytest.fixture(scope="module")
def dataset(root: Path) -> OpenDataset:
    return open_folder(root, size="native", **ALL)


def library(spec: str, shape: tuple[int, int, int] = NATIVE) -> LibraryBackbone:
    made = create_backbone(spec, shape).freeze()
    assert isinstance(made, LibraryBackbone)
    return made


def with_options(spec: str, **options: object) -> str:
    return spec[:-1] + "".join(f",{name}={value}" for name, value in options.items()) + "]"


def prepared(backbone: Backbone, images: Images) -> torch.Tensor:
    return torch.cat(list(feature_cache.prepared(backbone, images)))


def everything(dataset: OpenDataset) -> Images:
    return Images(dataset.view("test"), dataset.view("test").rows)


@given(
    side=st.sampled_from([32, 40, 48]),
    seed=st.integers(0, 2**16),
    interpolation=st.sampled_from(["bilinear", "bicubic"]),
)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_squares_of_the_own_size_have_the_features_of_the_square_path(
    spec: str,
    tmp_path_factory: pytest.TempPathFactory,
    side: int,
    seed: int,
    interpolation: str,
) -> None:
    """Bit by bit, however the pictures are encoded without loss."""
    folder = tmp_path_factory.mktemp("squares") / "pictures"
    values = np.random.default_rng(seed).integers(0, 256, (4, 10, side, side, 3), np.uint8)
    for number, pictures in enumerate(values):
        (folder / f"class{number}").mkdir(parents=True)
        for index, picture in enumerate(pictures):
            ending = ("png", "bmp", "tif")[index % 3]
            Image.fromarray(picture).save(folder / f"class{number}" / f"{index}.{ending}")
    text = with_options(spec, crop=1, interpolation=interpolation).replace("32", str(side))
    native = open_folder(folder, size="native", **ALL)
    square = open_folder(folder, size=side, **ALL)
    torch.manual_seed(0)
    found = library(text)(everything(native))
    expected = library(text, (side, side, 3))(everything(square))
    assert torch.equal(found, expected)


def test_a_crop_differs_by_rounding_alone(spec: str, root: Path) -> None:
    """The square path resizes by torch, and libraries resize pictures by Pillow.

    Pillow also cuts off what is beyond black or white between its two passes; no grey here is near.
    """
    squares = open_folder(root, size=48, **ALL)
    kept = root.parent / "kept"
    for number in range(4):
        (kept / f"class{number}").mkdir(parents=True)
        for index in range(4):
            (pixels,) = squares.images(np.array([8 * number + index]))
            Image.fromarray(pixels // 2 + 64).save(kept / f"class{number}" / f"{index}.png")
    native, square = open_folder(kept, size="native", **ALL), open_folder(kept, size=48, **ALL)
    text = with_options(spec, mean=0, std=1)
    found = prepared(library(text), everything(native)) * 255
    expected = prepared(library(text, (48, 48, 3)), everything(square)) * 255
    assert (found - expected).abs().max() <= 2.001
    assert (found - expected).abs().mean() < 0.3


def test_pictures_are_prepared_as_timm_does_it(spec: str, dataset: OpenDataset, root: Path) -> None:
    backbone = library(spec)
    facts = timm.data.resolve_data_config(model=timm.create_model("test_convnext"))
    theirs = timm.data.create_transform(**{**facts, "input_size": (3, 32, 32)})
    files = sorted(root.rglob("*.png"))
    expected = torch.stack([theirs(Image.open(file)) for file in files])
    torch.testing.assert_close(prepared(backbone, everything(dataset)), expected)


def test_pictures_are_prepared_as_torchvision_does_it(
    dataset: OpenDataset, root: Path, tmp_path: Path
) -> None:
    models = torchvision("models")
    file = tmp_path / "weights.safetensors"
    save_file(models.squeezenet1_1().state_dict(), file)
    theirs = models.get_model_weights("squeezenet1_1").DEFAULT.transforms()
    expected = torch.stack([theirs(Image.open(each)) for each in sorted(root.rglob("*.png"))[:8]])
    first = Images(dataset.view("test"), np.arange(8))
    backbone = library(f"torchvision:squeezenet1_1[weights={file}]")
    torch.testing.assert_close(prepared(backbone, first), expected)


def test_a_backbone_takes_grey_pictures(spec: str, tmp_path: Path) -> None:
    root = write_own_size(tmp_path / "pictures", classes=2, count=2)
    grey = open_folder(root, size="native", colour="grey", **ALL)
    found = prepared(library(spec, grey.image_shape), everything(grey))
    assert found.shape == (4, 3, 32, 32)


def test_features_are_those_on_disk_and_in_any_order(
    spec: str, dataset: OpenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = FeatureMaker.of(dataset, spec, Compute(), tmp_path)
    images = maker.images("test")
    stored = maker.make("test")
    computed = maker.backbone(Images(images, images.rows))
    np.testing.assert_array_equal(stored.numbers(), computed.numpy())
    assert "own size, by Pillow" in stored.key.preparation
    monkeypatch.setattr(feature_cache, "_tables", OrderedDict())
    backwards = images.rows[::-1]
    some = [maker.backbone(Images(images, backwards[start::7])) for start in range(7)]
    for start, part in enumerate(some):
        assert torch.equal(part, computed.flip(0)[start::7])
    feature_cache.use([stored])
    monkeypatch.setattr(feature_cache, "_tables", OrderedDict())
    monkeypatch.setattr(type(maker.backbone), "embed", None)
    assert torch.equal(maker.backbone(Images(images, images.rows)), computed)


@pytest.mark.parametrize("backbone", ["conv4", "resnet12", "pixels", "vit", "cct"])
def test_other_backbones_refuse_with_the_cure(backbone: str) -> None:
    with pytest.raises(BenchbenchError, match=rf"^{backbone}: it needs .*give it size=N"):
        create_backbone(backbone, NATIVE)


def test_random_weights_are_refused_with_the_cure() -> None:
    with pytest.raises(BenchbenchError, match=r"^timm: training it from random .* size=N"):
        create_backbone("timm:test_convnext[size=32]", NATIVE)


def test_a_network_in_training_needs_an_array(spec: str, dataset: OpenDataset) -> None:
    backbone = create_backbone(spec, NATIVE)
    with pytest.raises(BenchbenchError, match="A method that reads pixels needs"):
        backbone.train()(everything(dataset))
