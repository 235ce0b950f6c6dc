"""The four-block convolutional network of Vinyals et al. (NeurIPS 2016) and Snell et al. (2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor, nn

from benchbench.backbones.base import Backbone
from benchbench.registry.bounds import Bounds

BLOCKS = 4


@dataclass(eq=False)
class Conv4(Backbone):
    """Four blocks of 3x3 convolution, batch norm, ReLU and 2x2 max-pooling, flattened.

    width: filters of each block; 64 gives 64 features at 28 px and 1600 at 84 px.
    """

    name: ClassVar[str] = "conv4"
    width: Annotated[int, Bounds(ge=1, le=4096)] = 64

    def build(self) -> None:
        height, width, channels = self.image_shape
        if min(height, width) < 2**BLOCKS:
            raise ValueError(f"needs images of at least {2**BLOCKS} px, not {height}x{width}")
        blocks = [
            _block(channels if index == 0 else self.width, self.width) for index in range(BLOCKS)
        ]
        self.layers = nn.Sequential(*blocks, nn.Flatten())

    @property
    def feature_size(self) -> int:
        height, width, _ = self.image_shape
        return self.width * (height >> BLOCKS) * (width >> BLOCKS)

    def embed(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.layers(pixels)
        return features


def _block(inputs: int, outputs: int) -> nn.Sequential:
    # Pooling before the ReLU is the same function, and a quarter of the work for the ReLU.
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
    )
