"""Fine-tuning, the baseline of Meta-Dataset (Triantafillou et al., ICLR 2020, arXiv:1903.03096)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbench import (
    BatchMoments,
    Classifier,
    Images,
    PretrainedMethod,
    Support,
    Weights,
    embed_with,
    hookimpl,
    parameter_blocks,
)

LENGTHS = {"weight_norm": 1.0, "cosine": 10.0}
"""The initial length of a class vector; a softmax over cosines alone cannot be confident."""


@dataclass
class Finetune(PretrainedMethod):
    """A new head, and the network below it, trained on the support of each episode.

    Each step of Adam takes the mean cross-entropy of the whole support. Meta-Dataset's own setting
    is `finetune[steps=200,lr=0.01,head_lr=0.01,head=weight_norm]`, on images of 84 px.

    backbone: first trained to classify the training classes, unless it comes with weights.
    steps: the number of steps of Adam.
    lr: the rate of the last block.
    head_lr: the rate of the head.
    depth: how many of the backbone's last blocks are trained; 0 is the head alone, none is all.
    lr_decay: the factor on the rate from one block to the next nearer the input.
    head: `linear`; `weight_norm`, which learns each class vector's length and direction apart; or
        `cosine`, which does so on features of unit length (Baseline++ of arXiv:1904.04232).
    bn: the statistics that normalise all images, queries included: those of the `support`, or the
        `running` ones of the training. By default the support's, except for networks that come
        with weights.
    """

    name = "finetune"
    paper = "arXiv:1903.03096"
    family = "transfer"
    steps: int = 20
    lr: float = 0.0003
    head_lr: float = 0.1
    depth: int | None = None
    lr_decay: float = 1.0
    head: Literal["linear", "weight_norm", "cosine"] = "cosine"
    bn: Literal["support", "running"] | None = None

    def __post_init__(self) -> None:
        if self.steps < 0 or (self.depth is not None and self.depth < 0):
            raise ValueError("steps and depth cannot be negative")
        if self.lr < 0 or self.head_lr < 0 or self.lr_decay < 0:
            raise ValueError("lr, head_lr and lr_decay cannot be negative")

    def adapt(self, support: Support) -> Classifier:
        weights, groups = self.start(support.n_way)
        labels = support.labels.to(self.encoder.device)
        if self.depth == 0 and not self.by_support:
            self.descend(weights, groups, lambda: self.encoder(support.images), labels)
            return torch.no_grad()(lambda images: self.logits(weights, self.encoder(images)))
        support_pixels = self.encoder.prepare(support.images.array)
        self.descend(weights, groups, lambda: self.embed(weights, support_pixels), labels)

        @torch.no_grad()
        def classify(images: Images) -> Tensor:
            query_pixels = self.encoder.prepare(images.array)
            return self.logits(weights, self.embed(weights, support_pixels, query_pixels))

        return classify

    @property
    def by_support(self) -> bool:
        """Whether the support's statistics normalise the images."""
        by_default = "running" if self.encoder.pretrained_on else "support"
        return (self.bn or by_default) == "support"

    def start(self, n_way: int) -> tuple[Weights, list[dict[str, Any]]]:
        """Copies of the backbone's weights with a new head's, and the groups for Adam."""
        weights = {name: p.detach().clone() for name, p in self.encoder.named_parameters()}
        size = self.encoder.feature_size
        directions = torch.randn(n_way, size, device=self.encoder.device) / size**0.5
        head = {"head.weight": directions, "head.bias": directions.new_zeros(n_way)}
        if self.head != "linear":
            head["head.length"] = directions.new_full((n_way, 1), LENGTHS[self.head])
        groups: list[dict[str, Any]] = [{"params": list(head.values()), "lr": self.head_lr}]
        blocks = parameter_blocks(self.encoder)[::-1]
        for distance, block in enumerate(blocks[: self.depth]):
            rate = self.lr * self.lr_decay**distance
            groups.append({"params": [weights[name] for name in block], "lr": rate})
        for group in groups:
            for tensor in group["params"]:
                tensor.requires_grad_()
        return weights | head, groups

    def descend(
        self,
        weights: Weights,
        groups: list[dict[str, Any]],
        features_of_support: Callable[[], Tensor],
        labels: Tensor,
    ) -> None:
        """Train the groups of the weights in place."""
        optimizer = torch.optim.Adam(groups, fused=True)
        with torch.enable_grad():
            for step in range(self.steps):
                if step == 0 or self.depth != 0:
                    features = features_of_support()
                optimizer.zero_grad()
                F.cross_entropy(self.logits(weights, features), labels).backward()
                optimizer.step()

    def embed(
        self, weights: Weights, support_pixels: Tensor, query_pixels: Tensor | None = None
    ) -> Tensor:
        """Features of the queries, or of the support if there are none; all as prepared images."""
        pixels = support_pixels if query_pixels is None else query_pixels
        if not self.by_support:
            return embed_with(self.encoder, weights, pixels)
        with BatchMoments(len(support_pixels)):
            if query_pixels is None:
                return embed_with(self.encoder, weights, support_pixels)
            both = torch.cat([support_pixels, query_pixels])
            return embed_with(self.encoder, weights, both)[len(support_pixels) :]

    def logits(self, weights: Weights, features: Tensor) -> Tensor:
        weight = weights["head.weight"]
        if self.head == "cosine":
            features = F.normalize(features, dim=1)
        if self.head != "linear":
            weight = F.normalize(weight, dim=1) * weights["head.length"]
        return F.linear(features, weight, weights["head.bias"])


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(Finetune)
