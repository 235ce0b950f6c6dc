"""The compact convolutional transformer of Hassani et al. (2021, arXiv:2104.05704)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from torch import Tensor, nn

from benchbench.backbones.transformer import SmallTransformer, initialise
from benchbench.registry.bounds import Bounds

INNER_FILTERS = 64
"""Of the convolutions before the last one."""


@dataclass(eq=False)
class CCT(SmallTransformer):
    """Tokens are places of a map that convolutions make; their weighted mean is the feature.

    CCT-2/3x2 is `cct`, and CCT-7/3x1 is `cct[depth=7,width=256,heads=4,mlp=2,convolutions=1]`. Its
    blocks are those of the authors' code, where the second addition is to the normed tokens.

    kernel: the side of the convolutions in pixels, an odd number.
    convolutions: how many there are, each with ReLU and 3x3 max-pooling that halves the map.
    tokens: the features: `pooled` by weights that a linear layer gives each token (section 3.2),
        their `mean`, or all `patches` as a map.
    """

    name: ClassVar[str] = "cct"
    normalised_stream: ClassVar[bool] = True
    kernel: Annotated[int, Bounds(ge=1, le=31)] = 3
    convolutions: Annotated[int, Bounds(ge=1, le=8)] = 2
    tokens: Literal["pooled", "mean", "patches"] = "pooled"

    def build(self) -> None:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, not {self.kernel}")
        inner = [INNER_FILTERS] * (self.convolutions - 1)
        filters = [self.image_shape[2], *inner, self.width]
        self.tokenizer = nn.Sequential(*(_halving(i, o, self.kernel) for i, o in pairwise(filters)))
        height, width = self._grid
        self.build_encoder(height * width)
        if self.tokens == "pooled":
            self.importance = nn.Linear(self.width, 1).apply(initialise)

    @property
    def _grid(self) -> tuple[int, int]:
        height, width, _ = self.image_shape
        shrink = 2**self.convolutions
        return -(-height // shrink), -(-width // shrink)

    @property
    def map_shape(self) -> tuple[int, int, int] | None:
        return (self.width, *self._grid) if self.tokens == "patches" else None

    @property
    def feature_size(self) -> int:
        return self.width * (self.positions.shape[1] if self.tokens == "patches" else 1)

    def embed(self, pixels: Tensor) -> Tensor:
        encoded = self.encode(self.tokenizer(pixels).flatten(2).mT)
        if self.tokens == "patches":
            return encoded.mT.flatten(1)
        if self.tokens == "mean":
            return encoded.mean(1)
        weights: Tensor = self.importance(encoded).softmax(1)
        return (weights.mT @ encoded).squeeze(1)


def _halving(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight)
    return nn.Sequential(convolution, nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1))
