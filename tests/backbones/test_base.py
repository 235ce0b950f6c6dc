"""What every backbone does: prepare, freeze, know its weights, be made from a spec and a seed."""

import copy
import hashlib
import pickle
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchbench.backbones import create_backbone
from benchbench.backbones.base import Backbone
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.system.compute import seed_everything, separate_randomness

SHAPE = (2, 2, 1)


@dataclass(eq=False)
class Linear(Backbone):
    """One linear layer without a buffer."""

    name: ClassVar[str] = "linear"
    width: int = 3

    def build(self) -> None:
        self.layer = nn.Linear(prod(self.image_shape), self.width)

    @property
    def feature_size(self) -> int:
        return self.width

    def embed(self, pixels: Tensor) -> Tensor:
        return self.layer(pixels.flatten(1))


def linear(seed: int = 0) -> Linear:
    with separate_randomness(seed):
        return Linear(image_shape=SHAPE)


def some_images(count: int = 4) -> Images:
    array = np.random.default_rng(0).integers(0, 256, (count, *SHAPE), dtype=np.uint8)
    return Images.from_array(array)


def test_images_are_prepared_as_floats_with_channels_first() -> None:
    array = np.array([[[[0, 51], [102, 153]], [[204, 255], [1, 2]]]], np.uint8)
    prepared = linear().prepare(array)
    assert prepared.shape == (1, 2, 2, 2)
    assert prepared.dtype == torch.float32
    expected = torch.tensor([[[[0, 102], [204, 1]], [[51, 153], [255, 2]]]]) / 255
    assert torch.equal(prepared, expected)


def test_features_are_those_of_the_layer() -> None:
    backbone, images = linear(), some_images()
    flat = torch.from_numpy(images.array.reshape(4, 4)) / 255
    expected = flat @ backbone.layer.weight.T + backbone.layer.bias
    torch.testing.assert_close(backbone(images), expected)
    torch.testing.assert_close(backbone.freeze()(images), expected.detach())


def test_a_backbone_is_a_module_with_fields() -> None:
    backbone = Linear(5, image_shape=SHAPE)
    assert (backbone.width, backbone.image_shape) == (5, SHAPE)
    assert {name for name, _ in backbone.named_parameters()} == {"layer.weight", "layer.bias"}
    assert len({backbone, linear(), linear()}) == 3


def test_only_an_evaluated_network_without_gradients_is_frozen() -> None:
    backbone = linear()
    assert not backbone.frozen
    assert not backbone.eval().frozen
    assert backbone.requires_grad_(False).frozen
    assert not backbone.train().frozen
    assert backbone.freeze() is backbone
    assert backbone.frozen
    backbone.layer.bias.requires_grad_(True)
    assert not backbone.frozen


def test_gradients_flow_unless_frozen() -> None:
    backbone, images = linear(), some_images()
    for features in (backbone(images), backbone.eval()(images)):
        backbone.zero_grad()
        features.sum().backward()
        assert torch.equal(backbone.layer.bias.grad, torch.full((3,), 4.0))
    assert not backbone.freeze()(images).requires_grad


def test_the_hash_of_the_weights() -> None:
    backbone = linear()
    digest = hashlib.sha256()
    for name, shape in (("bias", (3,)), ("weight", (3, 4))):
        digest.update(f"layer.{name}:torch.float32:{shape}:".encode())
        digest.update(getattr(backbone.layer, name).detach().numpy().tobytes())
    assert backbone.weights_sha256() == digest.hexdigest()
    assert backbone.weights_sha256() == linear().weights_sha256() != linear(1).weights_sha256()


def test_buffers_are_weights_too() -> None:
    backbone = create_backbone("conv4[width=2]", (16, 16, 1))
    before = backbone.weights_sha256()
    backbone(Images.from_array(np.full((2, 16, 16, 1), 9, np.uint8)))
    assert backbone.weights_sha256() != before


def test_weights_are_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = linear().freeze()
    key = backbone.weights_key()
    monkeypatch.delattr(Backbone, "weights_sha256")
    assert backbone.weights_key() == key


def take_a_step(backbone: Linear) -> None:
    backbone.train().requires_grad_(True)
    optimizer = torch.optim.SGD(backbone.parameters(), 0.1)
    backbone.embed(torch.ones(1, *SHAPE)).sum().backward()
    optimizer.step()


def load(backbone: Linear, **options: bool) -> None:
    backbone.load_state_dict(linear(1).state_dict(), **options)


CHANGES = {
    "an optimizer's step": take_a_step,
    "other weights": load,
    "other tensors": lambda backbone: load(backbone, assign=True),
    "another layer": lambda backbone: setattr(backbone, "layer", linear(1).layer),
    "another parameter": lambda backbone: setattr(
        backbone.layer, "weight", nn.Parameter(torch.ones(3, 4))
    ),
    "in place": lambda backbone: backbone.layer.weight[0, 0].add_(1),
}
COPIES = {
    "itself": lambda it: it,
    "copy": copy.deepcopy,
    "pickle": lambda it: pickle.loads(pickle.dumps(it)),
}


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("change", CHANGES)
def test_changed_weights_have_another_key(change: str, copied: str) -> None:
    backbone = linear().freeze()
    before = backbone.weights_key()
    changed = COPIES[copied](backbone)
    CHANGES[change](changed)
    assert changed.freeze().weights_key() != before
    assert changed.weights_key().endswith(changed.weights_sha256())


def test_a_copy_has_the_same_key() -> None:
    backbone = linear().freeze()
    key = backbone.weights_key()
    assert copy.deepcopy(backbone).weights_key() == key == linear().weights_key()


def test_networks_without_weights_are_on_the_cpu() -> None:
    assert create_backbone("pixels", SHAPE).device == torch.device("cpu")
    assert linear().device == torch.device("cpu")


@pytest.mark.parametrize("text", ["conv4", "conv4[width=8]"])
def test_initial_weights_hang_on_the_seed_alone(text: str) -> None:
    def weights(seed: int, disturbance: int) -> str:
        seed_everything(disturbance)
        return create_backbone(text, (16, 16, 1), seed).weights_sha256()

    with separate_randomness(0):
        assert weights(0, 1) == weights(0, 2) != weights(1, 1)
    assert create_backbone(text, (16, 16, 1)).weights_sha256() == weights(0, 3)


@pytest.mark.parametrize("text", ["conv4", "conv4[width=none]", "conv5"])
def test_the_global_generators_are_left_alone(text: str) -> None:
    def draws(make: bool) -> tuple[float, float]:
        seed_everything(4)
        if make:
            try:
                create_backbone(text, (16, 16, 1))
            except BenchbenchError:
                assert text != "conv4"
        return np.random.random_sample(), torch.rand(()).item()

    with separate_randomness(0):
        assert draws(make=True) == draws(make=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("conv5", "no backbone named 'conv5'; did you mean conv4"),
        ("conv4[wide=3]", "no parameter of conv4 named 'wide'; did you mean width"),
        ("conv4[width=x]", "width=x is not a whole number"),
        ("conv4[image_shape=3]", "no parameter of conv4 named 'image_shape'"),
        ("conv4:64", "'conv4' takes nothing after a colon"),
        ("pixels[width=3]", "no parameter of pixels named 'width'"),
    ],
)
def test_a_spec_that_cannot_be(text: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        create_backbone(text, (28, 28, 1))
