"""Backbones: networks that turn images into feature vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchbench.backbones.base import Backbone
from benchbench.backbones.conv4 import Conv4
from benchbench.backbones.libraries.open_clip import OpenClip
from benchbench.backbones.libraries.timm import Timm
from benchbench.backbones.libraries.torchvision import Torchvision
from benchbench.backbones.pixels import Pixels
from benchbench.backbones.resnet12 import ResNet12
from benchbench.registry import loading, specs
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.compute import separate_randomness


def create_backbone(text: str, image_shape: tuple[int, int, int], seed: int = 0) -> Backbone:
    """The backbone of a spec such as `conv4[width=32]` for images of [h, w, c].

    Its initial weights depend on `seed` alone; the global generators stay unchanged.
    """
    cls, arguments = backbone_arguments(text)
    with separate_randomness(seed):
        return specs.construct(cls, cls.name, **arguments, image_shape=image_shape)


def backbone_arguments(text: str) -> tuple[type[Backbone], dict[str, Any]]:
    """The class and parameters of a backbone's spec, without building anything.

    Raises BenchbenchError if there is no such backbone or parameter, or `cls.check` refuses it.
    """
    spec = specs.parse(text)
    cls: type[Backbone] = loading.find("register_backbones", "backbone", spec.name)
    arguments = specs.arguments(cls, spec)
    cls.check(arguments)
    return cls, arguments


@hookimpl
def register_backbones(register: Callable[[type], None]) -> None:
    register(Conv4)
    register(OpenClip)
    register(Pixels)
    register(ResNet12)
    register(Timm)
    register(Torchvision)
