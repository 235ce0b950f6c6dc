"""The four-block convolutional network of Vinyals et al. (NeurIPS 2016) and Snell et al. (2017)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar

from torch import Tensor, nn

from benchbench.backbones.base import Backbone
from benchbench.registry.bounds import Bounds

BLOCKS = 4


@dataclass(eq=False)
class Conv4(Backbone):
    """Four blocks of 3x3 convolution, batch norm, ReLU and 2x2 max-pooling, flattened.

    RelationNet (arXiv:1711.06025) has `conv4[pools=2,padding=0]`, a map of 5x5 at 28 px.

    width: filters of each block; 64 gives 64 features at 28 px and 1600 at 84 px.
    pools: how many blocks end with pooling, from the first on.
    padding: pixels around the images that these blocks convolve; the others keep the size.
    """

    name: ClassVar[str] = "conv4"
    width: Annotated[int, Bounds(ge=1, le=4096)] = 64
    pools: Annotated[int, Bounds(ge=0, le=BLOCKS)] = BLOCKS
    padding: Annotated[int, Bounds(ge=0, le=1)] = 1

    def build(self) -> None:
        height, width, channels = self.image_shape
        least = 1
        for _ in range(self.pools):
            least = 2 * least + 2 * (1 - self.padding)
        if min(height, width) < least:
            raise ValueError(f"needs images of at least {least} px, not {height}x{width}")
        blocks = [
            _block(channels if index == 0 else self.width, self.width, self._form(index))
            for index in range(BLOCKS)
        ]
        self.layers = nn.Sequential(*blocks, nn.Flatten())

    def _form(self, block: int) -> tuple[bool, int]:
        """Whether a block pools, and its padding."""
        pools = block < self.pools
        return pools, self.padding if pools else 1

    @property
    def map_shape(self) -> tuple[int, int, int]:
        height, width, _ = self.image_shape
        for _ in range(self.pools):
            height, width = (side + 2 * self.padding - 2 >> 1 for side in (height, width))
        return self.width, height, width

    @property
    def feature_size(self) -> int:
        return prod(self.map_shape)

    def embed(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.layers(pixels)
        return features


def _block(inputs: int, outputs: int, form: tuple[bool, int]) -> nn.Sequential:
    pools, padding = form
    # Pooling before the ReLU is the same function, and a quarter of the work for the ReLU.
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=padding),
        nn.BatchNorm2d(outputs),
        *([nn.MaxPool2d(2)] if pools else []),
        nn.ReLU(inplace=True),
    )
