"""The pre-processing of images for a pre-trained network: size, channels, scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench.system.framing import Framing

Interpolation = Literal["bilinear", "bicubic"]

LUMA = (0.299, 0.587, 0.114)  # grey of RGB (ITU-R BT.601), as Pillow weighs it


@dataclass(frozen=True)
class Preparation:
    """From uint8 images of any size and channel count to a network's input.

    channels: of the network, 1 or 3. Grey is repeated, colour is weighed to grey, alpha is dropped.
    size: (height, width) of the input; None leaves the images' size unchanged.
    mean, std: of values in [0, 1], one for each channel or one for all.
    crop: the share of the resized image that is kept, around its centre.
    squash: resize height and width each to its own target, not by one factor.
    """

    channels: int = 3
    size: tuple[int, int] | None = None
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.5,)
    interpolation: Interpolation = "bilinear"
    crop: float = 1.0
    squash: bool = False

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"its input has {self.channels} channels; 1 and 3 can be prepared")
        if self.size is not None and min(self.size) < 1:
            raise ValueError("size must be at least 1")
        if not 0 < self.crop <= 1:
            raise ValueError("crop must be above 0 and at most 1")
        if min(self.std) <= 0:
            raise ValueError("std must be above 0")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, 3, self.channels):
                raise ValueError(f"{name} has {len(values)} values for {self.channels} channels")

    def __call__(self, images: Tensor) -> Tensor:
        """Float32 [n, channels, *size] of uint8 images [n, c, h, w]."""
        return self._scaled(self._resize(self._recolour(images.float())))

    def of_framed(self, images: Tensor) -> Tensor:
        """The same of images that are framed already, as `framing` says."""
        return self._scaled(self._recolour(images.float()))

    @property
    def framing(self) -> Framing:
        """How a picture at its own size is resized and cut. Raises ValueError without a size."""
        if self.size is None:
            raise ValueError("its weights take images of any size; give it a size=N")
        return Framing(self.size, self.crop, self.interpolation, self.squash)

    def _scaled(self, values: Tensor) -> Tensor:
        # In place, as the tensor is fresh and large.
        mean, std = (self._by_channel(v).to(values.device) for v in (self.mean, self.std))
        return values.div_(255).sub_(mean).div_(std)

    def _by_channel(self, values: tuple[float, ...]) -> Tensor:
        """[channels or 1, 1, 1]; a grey input gets the mean over the colours."""
        tensor = torch.tensor(values).reshape(-1, 1, 1)
        return tensor.mean(0, keepdim=True) if self.channels == 1 else tensor

    def _recolour(self, images: Tensor) -> Tensor:
        count = images.shape[1]
        if count in (2, 4):
            images = images[:, : count - 1]
        if images.shape[1] not in (1, 3):
            raise ValueError(f"images have {count} channels; 1 to 4 can be prepared")
        if images.shape[1] == self.channels:
            return images
        if self.channels == 3:
            return images.repeat(1, 3, 1, 1)
        weights = torch.tensor(LUMA, device=images.device).reshape(-1, 1, 1)
        return (images * weights).sum(1, keepdim=True).round_()

    def _resize(self, images: Tensor) -> Tensor:
        """The centre of the image, resized; rounded and clamped, as 8-bit images are."""
        if self.size is None:
            return images
        height, width = images.shape[2:]
        target = list(self.framing.target)
        factor = max(target[0] / height, target[1] / width)
        free = [max(target[0], int(height * factor)), max(target[1], int(width * factor))]
        resized = target if self.squash else free
        if resized != [height, width]:
            images = F.interpolate(images, resized, mode=self.interpolation, antialias=True)
            images = images.round_().clamp_(0, 255)
        top, left = self.framing.corner(*resized)
        height, width = self.size
        return images[:, :, top : top + height, left : left + width]
