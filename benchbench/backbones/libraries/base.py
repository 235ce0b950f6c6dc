"""What the adapters to libraries of networks share: weights, pre-processing, dropped heads."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Annotated, Any, ClassVar

import numpy as np
import PIL
import torch
from torch import Tensor, nn

from benchbench.backbones.base import Backbone
from benchbench.backbones.libraries import weights as weight_files
from benchbench.backbones.libraries.preprocessing import Interpolation, Preparation
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.registry import specs
from benchbench.registry.bounds import Bounds, Pixels
from benchbench.system.arrays import ByteArray
from benchbench.system.framing import at_own_size, needs_one_size
from benchbench.system.vision import torchvision


@dataclass
class Created:
    """A network as its library makes it, without its head.

    head: the names of the head's weights, which a file may also hold.
    preparation: how its images are prepared. pretrained_on: the data its weights have seen.
    """

    network: nn.Module
    preparation: Preparation
    head: frozenset[str] = frozenset()
    pretrained_on: tuple[str, ...] = ()


@dataclass(eq=False)
class LibraryBackbone(Backbone):
    """A network of a library, by name, with random or pre-trained weights.

    A subclass makes the network in `create` and finds mistakes in `check`. All other parameters are
    passed on to the library.

    model: the network's name in the library.
    weights: none (random), a tag that the library downloads, or a .safetensors file.
    pretrained_on: the data sets that the weights have seen, joined by +; by default those that the
        tag or the file's metadata name.
    size: the size of the network's input in pixels, by default that of its weights; with random
        weights images keep their size, if the network allows it.
    mean, std: of values in [0, 1], one for each channel joined by +, or one for all; by default
        those of the weights, and 0.5 for random weights.
    interpolation: bilinear or bicubic, both with antialiasing.
    crop: the share of the resized image that is kept, around its centre.
    """

    argument: ClassVar[str] = "model"
    open_parameters: ClassVar[str] = "options"
    images_at_once: ClassVar[int | None] = 32
    takes_pictures: ClassVar[bool] = True
    model: str
    weights: str | None = None
    pretrained_on: tuple[str, ...] = ()
    size: Pixels | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[Annotated[float, Bounds(gt=0)], ...] | None = None
    interpolation: Interpolation | None = None
    crop: Annotated[float, Bounds(gt=0, le=1)] | None = None
    options: dict[str, specs.OpenValue] = field(default_factory=dict)

    tag_sign: ClassVar[str] = ""
    """What is between a network's name and the tag of its weights, if a name may have one."""

    @classmethod
    def why_not_from_scratch(cls, arguments: dict[str, Any]) -> str:
        tagged = cls.tag_sign and cls.tag_sign in str(arguments.get("model", ""))
        return "comes with weights" if arguments.get("weights") or tagged else ""

    def create(self, tag: str | None, from_file: bool) -> Created:
        """Make the network with the weights of the tag, or with random ones.

        from_file: whether a file's weights are loaded afterwards; the preparation is then that of
        the library's own weights for this network.
        """
        raise NotImplementedError

    def build(self) -> None:
        file = weight_files.local_file(self.weights)
        made = self.create(None if file else self.weights, file is not None)
        self.network, seen, facts = made.network, made.pretrained_on, {}
        if file is not None:
            texts = weight_files.metadata(file)
            weight_files.load(self.network, file, ignored=made.head)
            seen, facts = weight_files.data_sets_of_file(texts), preparation_in(texts)
        if at_own_size(self.image_shape) and not seen:
            raise ValueError(needs_one_size("training it from random weights"))
        if self.pretrained_on and not seen:
            raise ValueError("random weights have seen no data; leave out pretrained_on")
        self.pretrained_on = self.pretrained_on or seen
        self.preparation = replace(made.preparation, **{**facts, **self._given()})
        self._feature_size = self._measure()

    def _given(self) -> dict[str, Any]:
        """The parts of the preparation that the user gives."""
        size = None if self.size is None else (self.size, self.size)
        facts = {name: getattr(self, name) for name in ("mean", "std", "interpolation", "crop")}
        return {name: value for name, value in {**facts, "size": size}.items() if value is not None}

    def _measure(self) -> int:
        """The number of features of one image, found by embedding it."""
        height, width, channels = self.image_shape
        if at_own_size(self.image_shape):
            height, width = self.preparation.framing.target
        self.eval()
        blank = self.prepare(np.zeros((1, height, width, channels), np.uint8))
        try:
            with torch.no_grad():
                features = self.embed(blank)
        except (RuntimeError, ValueError, AssertionError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"it cannot embed images of {blank.shape[2]}x{blank.shape[3]} px ({reason}); "
                "give a larger size=... or the one it is made for"
            ) from error
        self.train()
        return features.shape[1]

    @property
    def feature_size(self) -> int:
        return self._feature_size

    @property
    def preprocessing(self) -> str:
        if at_own_size(self.image_shape):
            return f"{self.preparation} of pictures at their own size, by Pillow {PIL.__version__}"
        return str(self.preparation)

    def prepare(self, array: ByteArray) -> Tensor:
        images = torch.from_numpy(array).to(self.device, non_blocking=True)
        return self.preparation(images.permute(0, 3, 1, 2))

    def prepare_pictures(self, images: Images) -> Iterator[Tensor]:
        """Resized and cut by Pillow, as the library's own evaluation does it."""
        framing = self.preparation.framing
        for block in images.pictures(
            framing.size,
            framing.crop,
            framing.interpolation,
            squash=framing.squash,
            at_once=self.images_at_once or len(images),
        ):
            framed = torch.from_numpy(block).to(self.device, non_blocking=True)
            yield self.preparation.of_framed(framed.permute(0, 3, 1, 2))

    def embed(self, pixels: Tensor) -> Tensor:
        features = self.network(pixels)
        # In training, networks with auxiliary heads give several outputs.
        main: Tensor = features if isinstance(features, Tensor) else features[0]
        return main.flatten(1)


def import_library(name: str, extra: str) -> ModuleType:
    """An optional library. Raises BenchbenchError that names the cure if it is missing."""
    # Libraries of networks import torchvision themselves, which needs a repair with some torches.
    torchvision()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        cure = f'pip install "benchbench[{extra}]"'
        raise BenchbenchError(f"The library {name} is not installed; {cure}.") from error


def input_channels(network: nn.Module) -> int:
    """The input channels of the network's first convolution."""
    convolutions = (m for m in network.modules() if isinstance(m, nn.Conv2d))
    return next((m.in_channels for m in convolutions), 3)


def preparation_in(texts: dict[str, str]) -> dict[str, Any]:
    """The facts of a `Preparation` in a safetensors file's metadata, which has timm's names."""
    facts: dict[str, Any] = {}
    if "input_size" in texts:
        facts["size"] = tuple(int(side) for side in _numbers(texts["input_size"])[1:])
    for name in ("mean", "std"):
        if name in texts:
            facts[name] = _numbers(texts[name])
    if "crop_pct" in texts:
        facts["crop"] = float(texts["crop_pct"])
    if texts.get("interpolation") in ("bilinear", "bicubic"):
        facts["interpolation"] = texts["interpolation"]
    return facts


def _numbers(text: str) -> tuple[float, ...]:
    """Read `[0.5, 0.5]` or `0.5,0.5`."""
    values: Iterable[Any] = json.loads(f"[{text.strip('[]() ')}]")
    return tuple(float(value) for value in values)
