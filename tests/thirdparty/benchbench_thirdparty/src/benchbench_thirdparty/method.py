"""A method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchbench import (
    Backbone,
    Classifier,
    Method,
    Support,
    TrainingSource,
    class_means,
    create_backbone,
    hookimpl,
)


@dataclass
class ThirdPartyNearest(Method):
    """Nearest class mean of raw pixels.

    power: the pixels are raised to it.
    """

    name = "thirdparty_nearest"
    power: float = 1.0

    def train(self, source: TrainingSource) -> None:
        self.pixels: Backbone = create_backbone("pixels", source.image_shape)

    def adapt(self, support: Support) -> Classifier:
        means = class_means(self.pixels(support.images) ** self.power, support)
        return lambda images: -torch.cdist(self.pixels(images) ** self.power, means)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(ThirdPartyNearest)
