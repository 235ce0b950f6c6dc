"""Raw pixels instead of features: a baseline for every method."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from torch import Tensor

from benchbench.backbones.base import Backbone


@dataclass(eq=False)
class Pixels(Backbone):
    """The image itself, flattened, in [0, 1]; nothing is trained."""

    name: ClassVar[str] = "pixels"

    @classmethod
    def why_not_from_scratch(cls, arguments: dict[str, Any]) -> str:
        return "has nothing to learn"

    def build(self) -> None:
        self.freeze()

    @property
    def feature_size(self) -> int:
        return prod(self.image_shape)

    def embed(self, pixels: Tensor) -> Tensor:
        return pixels.flatten(1)
