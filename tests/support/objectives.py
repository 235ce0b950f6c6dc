"""An objective of pre-training that compares two views of an image, and knows no label."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from benchbench.backbones.base import Backbone
from benchbench.learners.pretraining import Pretraining, mlp


@dataclass
class Still(Pretraining):
    """It compares the two views of an image, and knows no label."""

    name = "still"
    augment: str = "flip"
    select: Literal["last", "validation"] = "last"

    def further_modules(self, encoder: Backbone) -> dict[str, nn.Module]:
        return {"projector": mlp(encoder.feature_size, 8, 8)}

    def loss(self, network: nn.ModuleDict, *embedded: Tensor) -> Tensor:
        return (embedded[0] - embedded[1]).square().mean()
