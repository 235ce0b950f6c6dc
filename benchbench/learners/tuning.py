"""A copy of a network that is tuned for one episode (Dhillon et al., ICLR 2020)."""

from __future__ import annotations

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbench.backbones.base import Backbone
from benchbench.backbones.blocks import parameter_blocks
from benchbench.learners.metric import class_means
from benchbench.method import Support


class TunedCopy(nn.Module):
    """A copy of a backbone with a linear head on its rectified features of unit length.

    logits: the layer from the backbone's features to those that are rectified; None leaves them as
    they are. depth: how many of the backbone's last blocks learn; None is all. The layer learns
    with the last block. The head begins with the normalised mean of each class's rectified
    features, and biases of zero.
    """

    def __init__(
        self,
        backbone: Backbone,
        depth: int | None,
        support: Support,
        logits: nn.Linear | None = None,
    ) -> None:
        super().__init__()
        self.backbone = deepcopy(backbone)
        self.logits = nn.Identity() if logits is None else deepcopy(logits)
        means = class_means(F.relu(self.logits(backbone(support.images))), support)
        self.weight = nn.Parameter(F.normalize(means, dim=1))
        self.bias = nn.Parameter(torch.zeros_like(means[:, 0]))
        blocks = parameter_blocks(self.backbone)
        learning = blocks if depth is None else blocks[max(0, len(blocks) - depth) :]
        for block in learning:
            for name in block:
                self.backbone.get_parameter(name).requires_grad_()
        self.logits.requires_grad_(bool(learning))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of prepared images."""
        features = F.normalize(F.relu(self.logits(self.backbone.embed(pixels))), dim=1)
        return F.linear(features, self.weight, self.bias)


def mean_entropy(logits: Tensor) -> Tensor:
    """The mean entropy, in nats, of the softmax of logits [n, k]."""
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean()
