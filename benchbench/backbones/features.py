"""Features that were computed before, where a data set has them in place of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from benchbench.backbones.base import Backbone
from benchbench.system.arrays import ByteArray
from benchbench.system.vectors import are_vectors, of_images


@dataclass(eq=False)
class Features(Backbone):
    """The features that `features:FILE` holds, as they are; nothing is trained."""

    name: ClassVar[str] = "features"
    keeps_features: ClassVar[bool] = False

    @classmethod
    def why_not_from_scratch(cls, arguments: dict[str, Any]) -> str:
        return "has nothing to learn"

    def build(self) -> None:
        if not are_vectors(self.image_shape):
            raise ValueError("this data set has images; `features` is for --dataset features:FILE")
        self.freeze()

    @property
    def feature_size(self) -> int:
        return self.image_shape[1]

    @property
    def preprocessing(self) -> str:
        return "none"

    def prepare(self, array: ByteArray) -> Tensor:
        """The vectors float32 [n, feature_size] of images that hold them."""
        return torch.from_numpy(of_images(array)).to(self.device, non_blocking=True)

    def embed(self, pixels: Tensor) -> Tensor:
        return pixels
