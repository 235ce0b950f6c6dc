"""Backbones: networks that turn images into feature vectors."""

from __future__ import annotations

from collections.abc import Callable

from benchbench import plugins, specs
from benchbench.backbones.base import Backbone
from benchbench.backbones.conv4 import Conv4
from benchbench.backbones.pixels import Pixels
from benchbench.compute import separate_randomness
from benchbench.hookspecs import hookimpl


def create_backbone(text: str, image_shape: tuple[int, int, int], seed: int = 0) -> Backbone:
    """The backbone of a spec such as `conv4[width=32]` for images of [h, w, c].

    Its initial weights depend on `seed` alone; the global generators are left as they were.
    """
    spec = specs.parse(text)
    cls = plugins.find("register_backbones", "backbone", spec.name)
    with separate_randomness(seed):
        backbone: Backbone = specs.configure(cls, spec, image_shape=image_shape)
    return backbone


@hookimpl
def register_backbones(register: Callable[[type], None]) -> None:
    register(Conv4)
    register(Pixels)
