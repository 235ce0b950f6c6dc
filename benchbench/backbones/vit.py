"""The vision transformer of Dosovitskiy et al. (ICLR 2021, arXiv:2010.11929), for small images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from benchbench.backbones.transformer import SmallTransformer
from benchbench.registry.bounds import Bounds


@dataclass(eq=False)
class ViT(SmallTransformer):
    """Tokens are linear maps of square patches, and one of the class that reads from all others.

    ViT-Lite-7/4 of Hassani et al. (2021, arXiv:2104.05704) is `vit[depth=7,width=256,heads=4,
    mlp=2]`; ViT-Lite-2/4 is `vit`.

    patch: the side of a patch in pixels, which divides those of the images.
    tokens: the features: the `class` token, the `mean` of the patches', or all `patches` as a map.
    """

    name: ClassVar[str] = "vit"
    patch: Annotated[int, Bounds(ge=1, le=4096)] = 4
    tokens: Literal["class", "mean", "patches"] = "class"

    def build(self) -> None:
        height, width, channels = self.image_shape
        if height % self.patch or width % self.patch:
            raise ValueError(
                f"patches of {self.patch} px do not fill images of {height}x{width}; give another "
                "patch="
            )
        self.patches = nn.Conv2d(channels, self.width, self.patch, stride=self.patch)
        nn.init.kaiming_normal_(self.patches.weight)
        self.class_token = nn.Parameter(torch.zeros(1, 1, self.width))
        self.build_encoder(1 + (height // self.patch) * (width // self.patch))

    @property
    def map_shape(self) -> tuple[int, int, int] | None:
        height, width, _ = self.image_shape
        grid = (height // self.patch, width // self.patch)
        return (self.width, *grid) if self.tokens == "patches" else None

    @property
    def feature_size(self) -> int:
        return self.width * (self.positions.shape[1] - 1 if self.tokens == "patches" else 1)

    def embed(self, pixels: Tensor) -> Tensor:
        patches = self.patches(pixels).flatten(2).mT
        encoded = self.encode(
            torch.cat([self.class_token.expand(len(patches), -1, -1), patches], 1)
        )
        if self.tokens == "class":
            return encoded[:, 0]
        return encoded[:, 1:].mean(1) if self.tokens == "mean" else encoded[:, 1:].mT.flatten(1)
