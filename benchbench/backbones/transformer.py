"""Transformer encoders that learn from small images, which `vit` and `cct` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones.base import Backbone, TrainingNeeds
from benchbench.registry.bounds import Bounds
from benchbench.system.arrays import ByteArray

POSITION_DEVIATION, WEIGHT_DEVIATION = 0.2, 0.02
"""The standard deviations of initial positions and weights (Hassani et al., 2021, their code)."""


@dataclass(eq=False)
class SmallTransformer(Backbone):
    """A sequence of tokens with learned positions, and blocks that let them attend to each other.

    A subclass makes the tokens and says in `tokens` which of the last ones are the features.

    width: the size of a token.
    depth: the number of blocks.
    heads: of the attention of a block; they divide the width.
    mlp: the width of a block's hidden layer, in sizes of a token.
    drop: the share of attention weights that is dropped in training, and that of images whose last
        block is left out, to which the blocks before rise from none.
    """

    training_needs: ClassVar[TrainingNeeds] = TrainingNeeds(lr=1e-3, warmup=0.1, weight_decay=0.05)
    images_at_once: ClassVar[int | None] = 64  # attention takes the square of the tokens
    normalised_stream: ClassVar[bool] = False
    """Whether a block adds its second half to the tokens as its norm leaves them."""
    width: Annotated[int, Bounds(ge=1, le=4096)] = 128
    depth: Annotated[int, Bounds(ge=1, le=100)] = 2
    heads: Annotated[int, Bounds(ge=1, le=64)] = 2
    mlp: Annotated[int, Bounds(ge=1, le=16)] = 1
    drop: Annotated[float, Bounds(ge=0, lt=1)] = 0.1

    def build_encoder(self, places: int) -> None:
        """Make positions, blocks and the last norm for a sequence of so many tokens.

        Raises ValueError if the heads do not divide the width.
        """
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a width of {self.width}")
        self.positions = nn.Parameter(torch.empty(1, places, self.width))
        nn.init.trunc_normal_(self.positions, std=POSITION_DEVIATION)
        paths = torch.linspace(0, self.drop, self.depth).tolist()
        self.blocks = nn.Sequential(*(self._block(path) for path in paths))
        self.norm = nn.LayerNorm(self.width)

    def _block(self, path: float) -> Block:
        hidden = self.mlp * self.width
        return Block(self.width, self.heads, hidden, self.drop, path, self.normalised_stream)

    def encode(self, tokens: Tensor) -> Tensor:
        """The last tokens [n, places, width] of the first ones."""
        encoded: Tensor = self.norm(self.blocks(tokens + self.positions))
        return encoded

    @property
    def preprocessing(self) -> str:
        return "uint8 / 127.5 - 1"

    def prepare(self, array: ByteArray) -> Tensor:
        # No batch norm follows, which would centre the values.
        return super().prepare(array) * 2 - 1


class Block(nn.Module):
    """Attention and two layers with GELU, each behind a norm and added to what came before.

    drop: the share of attention weights dropped in training. path: the share of images for which an
    addition is left out. normalised_stream: whether the second addition is to the normed tokens.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        drop: float = 0.0,
        path: float = 0.0,
        normalised_stream: bool = False,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.inputs = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.heads, self.drop, self.path = heads, drop, path
        self.normalised_stream = normalised_stream
        self.apply(initialise)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self._kept(self._attended(self.attention_norm(tokens)))
        normed = self.mlp_norm(tokens)
        return (normed if self.normalised_stream else tokens) + self._kept(self.mlp(normed))

    def _attended(self, tokens: Tensor) -> Tensor:
        parts = self.inputs(tokens).unflatten(-1, (3, self.heads, -1))
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        # Written out, as torch's fused attention has no second derivative, which MAML needs.
        weights = (queries @ keys.mT * queries.shape[-1] ** -0.5).softmax(-1)
        weights = F.dropout(weights, self.drop, self.training)
        attended: Tensor = self.output((weights @ values).transpose(1, 2).flatten(2))
        return attended

    def _kept(self, branch: Tensor) -> Tensor:
        """The branch of most images, scaled up so that the expected sum stays (Huang et al., 2016).

        Stochastic depth, arXiv:1603.09382.
        """
        if not self.training or self.path == 0:
            return branch
        kept = torch.rand(len(branch), 1, 1, device=branch.device) >= self.path
        return branch * kept / (1 - self.path)


def initialise(module: nn.Module) -> None:
    """Draw the weights of a linear layer, without bias."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=WEIGHT_DEVIATION)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
