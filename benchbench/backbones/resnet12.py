"""ResNet-12 as few-shot learners use it (Oreshkin et al., 2018; Lee et al., MetaOptNet, 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones.base import Backbone
from benchbench.registry.bounds import Bounds

WIDTHS = (64, 160, 320, 640)


@dataclass(eq=False)
class ResNet12(Backbone):
    """Four residual blocks of three 3x3 convolutions, 64, 160, 320 and 640 filters, LeakyReLU 0.1.

    Each block ends with 2x2 max-pooling.

    pool: average the last map to 640 features; MetaOptNet flattens it (16 000 features at 84 px).
    drop: the share of features dropped in training, as single values in the first two blocks and as
        5x5 squares (DropBlock, Ghiasi et al., 2018) in the last two, as MetaOptNet does.
    """

    name: ClassVar[str] = "resnet12"
    pool: bool = True
    drop: Annotated[float, Bounds(ge=0, lt=1)] = 0.1

    def build(self) -> None:
        height, width, channels = self.image_shape
        if min(height, width) < 2 ** len(WIDTHS):
            raise ValueError(f"needs images of at least 16 px, not {height}x{width}")
        inputs, squares = (channels, *WIDTHS[:-1]), (1, 1, 5, 5)
        shapes = zip(inputs, WIDTHS, squares, strict=True)
        self.blocks = nn.Sequential(*(Block(i, o, self.drop, square) for i, o, square in shapes))

    @property
    def feature_size(self) -> int:
        height, width, _ = self.image_shape
        return WIDTHS[-1] * (1 if self.pool else (height >> 4) * (width >> 4))

    @property
    def map_shape(self) -> tuple[int, int, int] | None:
        height, width, _ = self.image_shape
        return None if self.pool else (WIDTHS[-1], height >> 4, width >> 4)

    def embed(self, pixels: Tensor) -> Tensor:
        maps: Tensor = self.blocks(pixels)
        return maps.mean((2, 3)) if self.pool else maps.flatten(1)


class Block(nn.Module):
    """Three convolutions and a 1x1 shortcut, then pooling and dropping."""

    def __init__(self, inputs: int, outputs: int, drop: float, square: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *_convolution(inputs, outputs, 3),
            nn.LeakyReLU(0.1),
            *_convolution(outputs, outputs, 3),
            nn.LeakyReLU(0.1),
            *_convolution(outputs, outputs, 3),
        )
        self.shortcut = nn.Sequential(*_convolution(inputs, outputs, 1))
        self.drop, self.square = drop, square

    def forward(self, maps: Tensor) -> Tensor:
        maps = F.leaky_relu(self.convolutions(maps) + self.shortcut(maps), 0.1)
        maps = F.max_pool2d(maps, 2)
        return drop_block(maps, self.drop, self.square) if self.training else maps


def _convolution(inputs: int, outputs: int, kernel: int) -> tuple[nn.Module, nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="leaky_relu")
    return convolution, nn.BatchNorm2d(outputs)


def drop_block(maps: Tensor, drop: float, square: int) -> Tensor:
    """Zero squares of the maps [n, c, h, w], each value with probability near `drop`.

    What remains is scaled up, so that the expected sum stays (Ghiasi et al., 2018, algorithm 1).
    """
    if drop == 0:
        return maps
    square = min(square, *maps.shape[2:])
    inner = torch.tensor(maps.shape[2:]) - square + 1
    rate = drop * maps[0, 0].numel() / (square**2 * int(inner.prod()))
    seeds = torch.rand(*maps.shape[:2], *inner.tolist(), device=maps.device) < rate
    padded = F.pad(seeds.to(maps.dtype), [square - 1] * 4)
    kept = 1 - F.max_pool2d(padded, square, stride=1)
    return maps * kept * (kept.numel() / kept.sum().clamp(min=1))
