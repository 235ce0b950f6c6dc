"""torchvision's networks as backbones."""

import urllib.error
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from support.jobs import run_job
from support.pictures import random_images
from torch import nn

from benchbench.backbones import backbone_arguments, create_backbone
from benchbench.backbones.libraries.torchvision import drop_last_layer
from benchbench.errors import BenchbenchError
from benchbench.learners.creation import create_methods
from benchbench.runs.store import Store
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.system.vision import torchvision

SHAPE = (84, 84, 3)
GREY = (28, 28, 1)


@pytest.mark.parametrize(
    ("spec", "shape", "features"),
    [
        ("torchvision:resnet18", GREY, 512),
        ("torchvision:mobilenet_v3_small", SHAPE, 1024),
        ("torchvision:squeezenet1_1", SHAPE, 512),
        ("torchvision:densenet121", (33, 47, 1), 1024),
        ("torchvision:shufflenet_v2_x0_5[num_classes=10]", SHAPE, 1024),
        ("torchvision:convnext_tiny", (64, 64, 4), 768),
        ("torchvision:googlenet[init_weights=false]", SHAPE, 1024),
    ],
)
def test_the_number_of_features(spec: str, shape: tuple[int, int, int], features: int) -> None:
    backbone = create_backbone(spec, shape)
    assert backbone.feature_size == features
    assert backbone(random_images(2, shape)).shape == (2, features)
    assert backbone.freeze()(random_images(2, shape)).shape == (2, features)
    assert backbone.pretrained_on == ()


def test_features_are_what_the_last_layer_gets() -> None:
    backbone = create_backbone("torchvision:resnet18", SHAPE).freeze()
    network = torchvision("models").resnet18()
    network.load_state_dict(backbone.network.state_dict(), strict=False)
    got: list[torch.Tensor] = []
    network.fc.register_forward_pre_hook(lambda _, inputs: got.append(inputs[0]))
    pixels = torch.from_numpy(random_images(2, SHAPE).array).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        network.eval()((pixels - 0.5) / 0.5)
    torch.testing.assert_close(backbone(random_images(2, SHAPE)), got[0])


@pytest.mark.parametrize(
    ("model", "parameters", "features"),
    # Of the common networks for CIFAR-10 without their classifiers of 5130 and 20 490 parameters.
    [("resnet18", 11_173_962 - 5130, 512), ("resnet50", 23_520_842 - 20_490, 2048)],
)
def test_the_stem_for_images_of_32_px(model: str, parameters: int, features: int) -> None:
    backbone = create_backbone(f"torchvision:{model}[stem=cifar]", (32, 32, 3))
    assert sum(each.numel() for each in backbone.parameters()) == parameters
    again = create_backbone(f"torchvision:{model}[stem=cifar]", (32, 32, 3))
    assert again.weights_sha256() == backbone.weights_sha256()
    assert backbone.feature_size == features
    seen: list[torch.Size] = []
    backbone.network.layer1.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape))
    assert backbone(random_images(1, (32, 32, 3))).shape == (1, features)
    assert seen == [(1, 64, 32, 32)]


def test_weights_of_the_small_stem_are_a_file_of_it(tmp_path: Path) -> None:
    path, shape = tmp_path / "weights.safetensors", (32, 32, 3)
    made = create_backbone("torchvision:resnet18[stem=cifar]", shape, seed=3)
    save_file(made.network.state_dict(), path)
    loaded = create_backbone(f"torchvision:resnet18[stem=cifar,weights={path}]", shape)
    assert loaded.weights_sha256() == made.weights_sha256()
    assert loaded.preparation == made.preparation
    with pytest.raises(BenchbenchError, match=r"conv1\.weight"):
        create_backbone(f"torchvision:resnet18[weights={path}]", shape)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("torchvision:vgg11[stem=cifar]", "vgg11 is no ResNet; leave out stem=cifar"),
        ("torchvision:resnet18[stem=small]", "stem"),
    ],
)
def test_a_stem_that_does_not_fit_is_a_sentence(spec: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        create_backbone(spec, (32, 32, 3))


def test_weights_of_the_other_stem_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    models = torchvision("models")
    plain = models.get_model
    monkeypatch.setattr(models, "get_model", lambda name, weights=None, **of: plain(name, **of))
    with pytest.raises(BenchbenchError, match="weights IMAGENET1K_V1 are of ImageNet's stem"):
        create_backbone("torchvision:resnet18[stem=cifar,weights=IMAGENET1K_V1]", (32, 32, 3))


def test_the_last_of_the_layers_with_a_value_for_each_class_is_dropped() -> None:
    network = nn.Sequential(nn.Linear(2, 5), nn.Sequential(nn.Linear(5, 5), nn.ReLU()))
    drop_last_layer(network, 5)
    assert isinstance(network[0], nn.Linear)
    assert isinstance(network[1][0], nn.Identity)
    with pytest.raises(ValueError, match="no layer of the network gives 9 values"):
        drop_last_layer(network, 9)


def test_a_file_is_prepared_as_torchvision_says_and_its_head_dropped(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    network = torchvision("models").resnet18(num_classes=7)
    save_file(network.state_dict(), path)
    backbone = create_backbone(f"torchvision:resnet18[weights={path}]", GREY)
    assert backbone.preparation.size == (224, 224)
    assert backbone.preparation.crop == 224 / 256
    assert backbone.preparation.mean == (0.485, 0.456, 0.406)
    assert backbone.preparation.interpolation == "bilinear"
    assert backbone.pretrained_on == ("unknown",)
    assert torch.equal(backbone.network.conv1.weight, network.conv1.weight)


@pytest.mark.parametrize(
    ("tag", "resized"), [("IMAGENET1K_V1", 256), ("imagenet1k_v2", 232), ("DEFAULT", 232)]
)
def test_a_tag_says_what_the_weights_need_and_have_seen(tag, resized, monkeypatch) -> None:
    models = torchvision("models")
    state = models.resnet50().state_dict()
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", lambda *_, **__: state)
    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", lambda *_, **__: state)
    backbone = create_backbone(f"torchvision:resnet50[weights={tag}]", GREY)
    assert backbone.preparation.crop == 224 / resized
    assert backbone.pretrained_on == ("imagenet-1k",)
    assert torch.equal(backbone.network.conv1.weight, state["conv1.weight"])


def test_weights_that_cannot_be_downloaded_are_told_with_the_cure(monkeypatch, tmp_path) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", fail)
    says = r"The weights 'DEFAULT' of torchvision:resnet18 cannot be downloaded \(URLError\).*FILE"
    with pytest.raises(BenchbenchError, match=says):
        create_backbone("torchvision:resnet18[weights=DEFAULT]", GREY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("torchvision:resnet81", "no network of torchvision named 'resnet81'; did you mean resn"),
        ("torchvision:fcn_resnet50", "no network of torchvision named 'fcn_resnet50'"),
        ("torchvision:resnet18[weights=IMAGENET1K_V9]", "did you mean IMAGENET1K_V1"),
        ("torchvision:resnet18[weights=w.pth]", "is a pickle"),
        ("torchvision", "'torchvision' needs its model: torchvision:MODEL"),
    ],
)
def test_mistakes_are_found_before_anything_is_built(text: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        backbone_arguments(text)


def test_a_network_that_needs_larger_images_says_so() -> None:
    with pytest.raises(BenchbenchError, match="cannot embed images of 28x28 px"):
        create_backbone("torchvision:alexnet", GREY)
    assert create_backbone("torchvision:alexnet[size=64]", GREY).feature_size == 4096


def test_a_run_with_weights_from_a_file(make_dataset, tmp_path) -> None:
    """Nothing is trained, and the manifest says what the weights have seen."""
    path = tmp_path / "v1.0" / "weights.safetensors"
    path.parent.mkdir()
    state = torchvision("models").squeezenet1_1().state_dict()
    save_file(state, path, metadata={"pretrained_on": "a+b"})
    dataset = make_dataset(classes=(2, 0, 5), per_class=4)
    spec = f"knn[backbone=torchvision:squeezenet1_1[weights={path},size=48]]"
    (method,) = create_methods(spec)
    episodes = FixedSampler(query=2).sample(ClassPool(dataset, "test"), 5)
    cell = run_job(method, dataset, episodes, Store(tmp_path / "results"))
    assert cell.status == "finished", cell.reason
    assert cell.method == spec
    told = cell.run.manifest
    assert told["method"]["pretrained_on"] == ["a", "b"]
    assert told["training"] == []
    assert told["parameters"] == sum(t.numel() for n, t in state.items() if "classifier" not in n)
    assert told["software"]["torchvision"]
    assert method.encoder.frozen
