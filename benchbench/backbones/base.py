"""What a backbone is, and how it is called."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from benchbench.backbones import feature_cache
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.registry import specs
from benchbench.system.arrays import ByteArray
from benchbench.system.framing import at_own_size, needs_one_size

REMEMBERED = ("_tensors", "_hashed")
"""What a backbone has looked up, and a copy of it must look up again."""


@dataclass(frozen=True)
class TrainingNeeds:
    """How a network has to learn from scratch, where methods' recipes are made for convolutions.

    lr: the rate of AdamW. warmup: the share of the steps in which it rises to that, before half a
    cosine to zero. weight_decay: decoupled from the gradient.
    """

    lr: float
    warmup: float
    weight_decay: float


@dataclass(eq=False)
class Backbone(nn.Module):
    """A network from images to features [n, feature_size]. Subclass it as a dataclass.

    The fields are its parameters; `image_shape` [h, w, c] is that of the data set. A subclass
    builds its layers in `build`, declares `feature_size`, and computes in `embed`; its own
    pre-processing goes into `prepare`, and that of pictures at their own size, if it takes any,
    into `prepare_pictures`. If its weights were trained elsewhere, `pretrained_on` names the data
    sets.
    """

    name: ClassVar[str]
    images_at_once: ClassVar[int | None] = None
    """The most images that a frozen network embeds in one pass; None for any number."""
    keeps_features: ClassVar[bool] = True
    """Whether a frozen network embeds an image of a split only once; False where features are too
    large to keep."""
    takes_pictures: ClassVar[bool] = False
    """Whether it has `prepare_pictures`, and is built for the `image_shape` [0, 0, c]."""
    training_needs: ClassVar[TrainingNeeds | None] = None
    """The rate, warm-up and decay that replace those of every recipe; None for the recipe's own."""
    _: KW_ONLY
    image_shape: tuple[int, int, int]

    def __new__(cls, *arguments: object, **parameters: object) -> Backbone:
        """Initialise nn.Module before dataclass fields are set on it."""
        self = super().__new__(cls)
        nn.Module.__init__(self)
        return self

    def __post_init__(self) -> None:
        if at_own_size(self.image_shape) and not self.takes_pictures:
            raise ValueError(needs_one_size("it"))
        self.build()

    def build(self) -> None:
        """Make the layers."""

    @classmethod
    def check(cls, arguments: dict[str, Any]) -> None:
        """Find mistakes in the parameters before building; optional. Raises BenchbenchError."""

    @classmethod
    def why_not_from_scratch(cls, arguments: dict[str, Any]) -> str:
        """Why a network with these parameters is not trained from random weights, known unbuilt.

        It `has nothing to learn` or `comes with weights`; empty if it is trained, or may be.
        """
        return ""

    @property
    def feature_size(self) -> int:
        raise NotImplementedError

    @property
    def map_shape(self) -> tuple[int, int, int] | None:
        """Channels, height and width of the map that the features are, flattened; None if of none.

        `features.unflatten(1, backbone.map_shape)` is the map.
        """
        return None

    @property
    def preprocessing(self) -> str:
        """A description of `prepare`; it is part of the key of cached features."""
        return "uint8 / 255"

    @property
    def pretrained_on(self) -> tuple[str, ...]:
        """The data sets that the weights have seen before any training here; none if random."""
        return ()

    def embed(self, pixels: Tensor) -> Tensor:
        """Features [n, feature_size] of prepared images [n, c, h, w]."""
        raise NotImplementedError

    def prepare(self, array: ByteArray) -> Tensor:
        """Images uint8 [n, h, w, c] as the float32 tensor [n, c, h, w] that `embed` takes."""
        pixels = torch.from_numpy(array).to(self.device, non_blocking=True)
        return pixels.permute(0, 3, 1, 2).float() / 255

    def prepare_pictures(self, images: Images) -> Iterator[Tensor]:
        """Pictures at their own size, block by block, each as `embed` takes it.

        Blocks have `images_at_once` pictures, and the last what is left. Raises BenchbenchError
        unless `takes_pictures`.
        """
        raise BenchbenchError(f"{needs_one_size(f'The backbone {self.name}')}.")

    if TYPE_CHECKING:  # nn.Module's own gives anything

        def __call__(self, images: Images) -> Tensor: ...

    @property
    def device(self) -> torch.device:
        return next((tensor.device for tensor in self._tensors), torch.device("cpu"))

    @property
    def frozen(self) -> bool:
        """Whether it is in evaluation mode and no parameter needs a gradient."""
        return not self.training and not any(tensor.requires_grad for tensor in self._tensors)

    @cached_property
    def _tensors(self) -> list[Tensor]:
        """All parameters and buffers, looked up once: walking the modules is slow."""
        return [*self.parameters(), *self.buffers()]

    def train(self, mode: bool = True) -> Backbone:
        """Switch between training and evaluation; layers may have been replaced before."""
        self._forget()
        super().train(mode)
        return self

    def load_state_dict(self, *arguments: Any, **options: Any) -> Any:
        self._forget()
        return super().load_state_dict(*arguments, **options)

    def __getstate__(self) -> dict[str, Any]:
        """The state of a copy, which looks up its own tensors."""
        return {name: value for name, value in self.__dict__.items() if name not in REMEMBERED}

    def _forget(self) -> None:
        for name in REMEMBERED:
            self.__dict__.pop(name, None)

    def freeze(self) -> Backbone:
        """Switch to evaluation mode, without gradients."""
        self.eval().requires_grad_(False)
        return self

    def weights_key(self) -> str:
        """What the features depend on: class, parameters, and the weights' hash.

        The hash is computed again after torch has counted a change of a tensor; a change through
        `tensor.data` is not counted.
        """
        versions = [tensor._version for tensor in self._tensors]
        hashed = self.__dict__.get("_hashed")
        if hashed is None or hashed[0] != versions:
            cls = f"{type(self).__module__}.{type(self).__qualname__}"
            hashed = versions, f"{cls}:{specs.text_of(self)}:{self.weights_sha256()}"
            self.__dict__["_hashed"] = hashed
        return str(hashed[1])

    def forward(self, images: Images) -> Tensor:
        """Features float32 [n, feature_size]; a frozen backbone embeds an image only once."""
        if self.frozen:
            return feature_cache.features(self, images)
        return self.embed(self.prepare(images.array))

    def weights_sha256(self) -> str:
        """The hash of all parameters and buffers, in the order of their names."""
        return module_sha256(self)


def module_sha256(module: nn.Module) -> str:
    """The hash of all parameters and buffers of a module, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}:".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
