"""timm's networks as backbones, and a real encoder where its weights are at hand."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.command_line import succeeded
from support.pictures import random_images

from benchbench.backbones import backbone_arguments, create_backbone
from benchbench.backbones.libraries.timm import Timm
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places
from benchbench.system.vision import torchvision

torchvision()  # timm imports it, and needs its help beside some torches
timm = pytest.importorskip("timm")

SHAPE = (84, 84, 3)
GREY = (28, 28, 1)
IMAGENET_MEAN = (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    ("spec", "shape", "features"),
    [
        ("timm:resnet18", GREY, 512),
        ("timm:resnet18[in_chans=1]", SHAPE, 512),
        ("timm:mobilenetv2_100[pad_type=same]", (33, 47, 3), 1280),
        ("timm:test_vit", GREY, 64),
        ("timm:test_convnext[drop_path_rate=0.1]", SHAPE, 64),
    ],
)
def test_the_number_of_features(spec: str, shape: tuple[int, int, int], features: int) -> None:
    backbone = create_backbone(spec, shape)
    assert backbone.feature_size == features
    assert backbone(random_images(2, shape)).shape == (2, features)
    assert backbone.freeze()(random_images(2, shape)).shape == (2, features)
    assert backbone.pretrained_on == ()


def test_features_are_those_of_timm_without_its_classifier() -> None:
    backbone = create_backbone("timm:resnet18", SHAPE, seed=3).freeze()
    torch.manual_seed(0)
    network = timm.create_model("resnet18")
    network.load_state_dict(backbone.network.state_dict(), strict=False)
    pixels = torch.from_numpy(random_images(2, SHAPE).array).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        expected = network.eval().forward_features((pixels - 0.5) / 0.5).mean((2, 3))
    torch.testing.assert_close(backbone(random_images(2, SHAPE)), expected)


def test_only_a_network_of_fixed_size_resizes_without_weights() -> None:
    assert create_backbone("timm:resnet18", GREY).preparation.size is None
    assert create_backbone("timm:test_vit", GREY).preparation.size == (160, 160)
    assert create_backbone("timm:test_vit[img_size=64]", GREY).preparation.size == (64, 64)


def test_a_file_is_prepared_as_timm_says_and_its_head_dropped(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    network = timm.create_model("resnet18", num_classes=7)
    save_file(network.state_dict(), path)
    backbone = create_backbone(f"timm:resnet18[weights={path}]", GREY)
    facts = timm.data.resolve_data_config(pretrained_cfg=network.pretrained_cfg)
    assert backbone.preparation.size == facts["input_size"][1:]
    assert backbone.preparation.mean == facts["mean"] == IMAGENET_MEAN
    assert backbone.preparation.std == facts["std"]
    assert backbone.preparation.interpolation == facts["interpolation"]
    assert backbone.preparation.crop == facts["crop_pct"]
    assert backbone.pretrained_on == ("unknown",)
    assert torch.equal(backbone.network.conv1.weight, network.conv1.weight)


def test_a_file_for_another_image_size(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(timm.create_model("test_vit", img_size=64).state_dict(), path)
    backbone = create_backbone(f"timm:test_vit[img_size=64,weights={path}]", GREY)
    assert backbone.preparation.size == (64, 64)
    with pytest.raises(BenchbenchError, match=r"it has in another shape pos_embed\.$"):
        create_backbone(f"timm:test_vit[weights={path}]", GREY)


def test_the_file_of_another_network_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(timm.create_model("resnet18").state_dict(), path)
    with pytest.raises(BenchbenchError, match=r"does not fit the network: it lacks .* more"):
        create_backbone(f"timm:resnet34[weights={path}]", GREY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("timm:resnet81", r"no network of timm named 'resnet81'; did you mean resnet18"),
        ("timm:zzzzzzzzzz", r"no network of timm named 'zzzzzzzzzz'; known: .* and \d+ more\."),
        ("timm:resnet18.a1_in2k", "no tag of weights of timm:resnet18 named 'a1_in2k'; did you"),
        ("timm:resnet18[weights=a9_in1k]", r"'a9_in1k'; did you mean a\d_in1k"),
        ("timm:test_vit[weights=w.pth]", "is a pickle"),
        ("timm", "'timm' needs its model: timm:MODEL"),
    ],
)
def test_mistakes_are_found_before_anything_is_built(text: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        backbone_arguments(text)


def test_an_option_that_timm_does_not_have_is_told() -> None:
    with pytest.raises(BenchbenchError, match=r"timm: TypeError: .*'pading'"):
        create_backbone("timm:resnet18[pading=same]", GREY)


@pytest.mark.parametrize(
    "text",
    ["timm:resnet18[weights=a1_in1k]", "timm:resnet18.a1_in1k", "timm:resnet18[weights=default]"],
)
def test_weights_that_cannot_be_downloaded_are_told_with_the_cure(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    says = r"The weights '\w+' of timm:resnet18 cannot be downloaded .*weights=FILE\.safetensors"
    with pytest.raises(BenchbenchError, match=says):
        create_backbone(text, GREY)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("timm:test_resnet[weights=r160_in1k]", ("imagenet-1k",)),
        ("timm:test_resnet.r160_in1k", ("imagenet-1k",)),
        ("timm:test_resnet[weights=default]", ("imagenet-1k",)),
        ("timm:test_resnet.r160_in1k[pretrained_on=imagenet-1k+mine]", ("imagenet-1k", "mine")),
    ],
)
def test_a_tag_says_what_the_weights_have_seen(text, seen, monkeypatch) -> None:
    asked = {}

    def load(model: object, pretrained_cfg: dict[str, object], **others: object) -> None:
        asked.update(pretrained_cfg)

    monkeypatch.setattr("timm.models._builder.load_pretrained", load)
    backbone = create_backbone(text, GREY)
    assert asked["tag"] == "r160_in1k"
    assert backbone.pretrained_on == seen
    assert backbone.preparation.size == (160, 160)


def test_naming_the_backbones_does_not_import_timm() -> None:
    script = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from benchbench.cli.main import cli\n"
        "assert 'timm:resnet18' in CliRunner().invoke(cli, ['list', 'backbones']).stdout\n"
        "assert 'any other key' in CliRunner().invoke(cli, ['describe', 'timm']).stdout\n"
        "assert not {'timm', 'torchvision'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_timm_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(BenchbenchError, match=r'pip install "benchbench\[timm\]"'):
        backbone_arguments("timm:resnet18")


@pytest.fixture(scope="module")
def encoder_file(data_root: Path) -> Path:
    path = data_root / "weights" / "mobilenetv2_100_same_imagenet_fp16.safetensors"
    if not path.exists():
        pytest.skip(f"needs the weights of a real encoder: there is no {path}")
    return path


@pytest.fixture(scope="module")
def encoder(encoder_file: Path) -> Timm:
    spec = f"timm:mobilenetv2_100[pad_type=same,weights={encoder_file}]"
    return create_backbone(spec, SHAPE).freeze()


@pytest.fixture(scope="module")
def caltech(data_root: Path, places: Places) -> OpenDataset:
    return open_dataset(f"folder:{data_root / 'folders' / 'caltech101.zip'}", places)


@pytest.mark.data
def test_the_real_encoder_says_what_it_needs_and_has_seen(encoder: Timm) -> None:
    assert encoder.feature_size == 1280
    assert encoder.preparation.size == (224, 224)
    assert encoder.preparation.mean == encoder.preparation.std == (128 / 255,) * 3
    assert (encoder.preparation.crop, encoder.preparation.interpolation) == (0.875, "bicubic")
    assert encoder.pretrained_on == ("imagenet-1k",)
    assert all(tensor.dtype == torch.float32 for tensor in encoder.parameters())


@pytest.mark.data
def test_the_real_features_are_those_of_the_whole_network(encoder, encoder_file, caltech) -> None:
    network = timm.create_model("mobilenetv2_100", pad_type="same").eval()
    network.load_state_dict(load_file(encoder_file))
    pixels = encoder.prepare(caltech.images(np.array([0, 50])))
    with torch.no_grad():
        features = encoder.embed(pixels)
        torch.testing.assert_close(network.classifier(features), network(pixels))


@pytest.mark.data
def test_the_real_encoder_tells_classes_apart(encoder: Timm, caltech: OpenDataset) -> None:
    """Nearest neighbours among 32 images, four of each of eight test classes; chance is 10 %."""
    view, classes = caltech.view("test"), caltech.splits["test"][:8]
    rows = np.concatenate([np.flatnonzero(caltech.labels == label)[:4] for label in classes])
    features = torch.nn.functional.normalize(encoder.embed(encoder.prepare(view.read(rows))))
    nearest = (features @ features.T).fill_diagonal_(-1).argmax(1)
    labels = torch.from_numpy(caltech.labels[rows])
    assert (labels[nearest] == labels).float().mean() > 0.5


@pytest.mark.data
def test_methods_run_on_the_real_encoder_over_photographs(
    encoder_file: Path, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole networks are fine-tuned on smaller images, which take seconds."""
    backbone = f"timm:mobilenetv2_100[pad_type=same,size=96,weights={encoder_file}]"
    methods = [
        f"{method}[backbone={backbone}]" for method in ("knn", "linear_probe", "finetune")
    ] + [f"finetune[backbone={backbone},depth=0]"]
    photographs = f"folder:{places.data_root / 'folders' / 'caltech101.zip'}"
    monkeypatch.setenv("BENCHBENCH_CACHE", str(places.cache))
    succeeded(
        *("run", "--methods", ",".join(methods), "--dataset", photographs, "--episodes", 4),
        *("--query", 3, "--threads", 1, "--no-audit", "--out", tmp_path),
    )
    runs = [json.loads(path.read_text()) for path in tmp_path.glob("*/*/*/manifest.json")]
    assert len(runs) == 4
    for run in runs:
        assert run["method"]["pretrained_on"] == ["imagenet-1k"]
        assert run["training"] == []
    tables = [pd.read_csv(path) for path in tmp_path.glob("*/*/*/episodes.csv")]
    assert all(table["accuracy"].mean() > 0.4 for table in tables)


SMALL = {"depth": 1, "embed_dim": 24, "num_heads": 2}
SMALL_SPEC = "depth=1,embed_dim=24,num_heads=2"
AS_DOCUMENTED = [
    ("vit_small_patch14_dinov2", "dynamic_img_size=true,size=224,crop=0.875", 1, (16, 16)),
    ("vit_small_patch14_reg4_dinov2", "dynamic_img_size=true,size=224,crop=0.875", 5, (16, 16)),
    (
        "vit_small_patch16_224",
        "mean=0.485+0.456+0.406,std=0.229+0.224+0.225,crop=0.875",
        1,
        (14, 14),
    ),
    ("vit_base_patch16_siglip_224", "crop=1", 0, (14, 14)),
    ("vit_base_patch32_clip_quickgelu_224", "crop=1", 1, (7, 7)),
]
"""Architectures with the options under which the documents load a file of each, their tokens before
those of patches, and their grid."""


@pytest.mark.parametrize(("name", "options", "prefix", "grid"), AS_DOCUMENTED)
def test_a_file_is_read_by_the_documented_options(
    tmp_path: Path, name: str, options: str, prefix: int, grid: tuple[int, int]
) -> None:
    """Of networks of one narrow block, with positions for the size of the published weights."""
    documents = (Path(__file__).parents[3] / "docs" / "backbones.md").read_text("utf-8")
    assert f"timm:{name}" in documents
    assert f"[weights=FILE,{options}," in documents
    path = tmp_path / "weights.safetensors"
    network = timm.create_model(name, **SMALL)
    save_file(network.state_dict(), path)
    spec = f"timm:{name}[weights={path},{options},pretrained_on=mine,{SMALL_SPEC}"
    images = random_images(2, (32, 32, 3))
    plain = create_backbone(f"{spec}]", images.array.shape[1:]).freeze()
    assert plain.preparation.size == (224, 224)
    pixels = plain.prepare(images.array)
    with torch.no_grad():
        tokens = plain.network.forward_features(pixels)
    assert tokens.shape[1] == prefix + grid[0] * grid[1]
    expected = {
        "class": tokens[:, 0],
        "mean": tokens[:, prefix:].mean(1),
        "patches": tokens[:, prefix:].reshape(2, *grid, 24).permute(0, 3, 1, 2).flatten(1),
    }
    for chosen, features in expected.items():
        if chosen == "class" and not prefix:
            with pytest.raises(BenchbenchError, match=f"{name} has no class token; choose"):
                create_backbone(f"{spec},tokens=class]", (32, 32, 3))
            continue
        backbone = create_backbone(f"{spec},tokens={chosen}]", (32, 32, 3)).freeze()
        assert backbone.map_shape == ((24, *grid) if chosen == "patches" else None)
        assert backbone.feature_size == features.shape[1]
        torch.testing.assert_close(backbone(images), features)
        if chosen == "class":
            torch.testing.assert_close(plain(images), features)


def test_dinov2s_file_does_not_fit_a_network_of_another_size(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(timm.create_model("vit_small_patch14_dinov2", **SMALL).state_dict(), path)
    spec = f"timm:vit_small_patch14_dinov2[weights={path},{SMALL_SPEC},img_size=224]"
    with pytest.raises(BenchbenchError, match="in another shape pos_embed"):
        create_backbone(spec, (32, 32, 3))


def test_networks_without_tokens_say_so() -> None:
    with pytest.raises(
        BenchbenchError, match="resnet18 is no vision transformer; leave out tokens"
    ):
        create_backbone("timm:resnet18[tokens=class]", GREY)
