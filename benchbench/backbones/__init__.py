"""Backbones: networks that turn images into feature vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchbench.backbones.base import Backbone
from benchbench.backbones.cct import CCT
from benchbench.backbones.conv4 import Conv4
from benchbench.backbones.features import Features
from benchbench.backbones.libraries.open_clip import OpenClip
from benchbench.backbones.libraries.timm import Timm
from benchbench.backbones.libraries.torchvision import Torchvision
from benchbench.backbones.pixels import Pixels
from benchbench.backbones.resnet12 import ResNet12
from benchbench.backbones.vit import ViT
from benchbench.registry import loading, specs
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.compute import separate_randomness


def create_backbone(text: str, image_shape: tuple[int, int, int], seed: int = 0) -> Backbone:
    """The backbone of a spec for images [h, w, c]; its random weights depend on `seed` alone."""
    cls, arguments = backbone_arguments(text)
    with separate_randomness(seed):
        return specs.construct(cls, cls.name, **arguments, image_shape=image_shape)


def backbone_arguments(text: str) -> tuple[type[Backbone], dict[str, Any]]:
    """A backbone's class and parameters, unbuilt. Raises BenchbenchError if its spec is wrong."""
    spec = specs.parse(text)
    cls: type[Backbone] = loading.find("register_backbones", "backbone", spec.name)
    arguments = specs.arguments(cls, spec)
    cls.check(arguments)
    return cls, arguments


@hookimpl
def register_backbones(register: Callable[[type], None]) -> None:
    register(CCT)
    register(Conv4)
    register(Features)
    register(OpenClip)
    register(Pixels)
    register(ResNet12)
    register(Timm)
    register(Torchvision)
    register(ViT)
