"""Augmentations: random changes of training images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchbench.augmentations.base import Augmentation
from benchbench.augmentations.colour import Blur, Grey, Jitter, Solarise
from benchbench.augmentations.geometry import Affine, Crop, Flip, PadCrop
from benchbench.augmentations.masking import Cutout, Erase
from benchbench.augmentations.randaugment import RandAugment
from benchbench.errors import BenchbenchError
from benchbench.registry import loading, specs
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import ByteArray

Augment = Callable[[ByteArray, np.random.Generator], ByteArray]
"""What takes pixels uint8 [n, h, w, c] and a NumPy generator, and returns as many of that shape."""


def create_augmentation(text: str) -> Augment:
    """The augmentations of a spec such as `pad_crop[pad=8]+flip`, one after the other.

    Raises BenchbenchError for a spec that is wrong.
    """
    parts = [_single(part) for part in _split(text)]
    if not parts:
        raise BenchbenchError("No augmentation is named; see `benchbench list augmentations`.")

    def augment(pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        for part in parts:
            pixels = part(pixels, rng)
        return pixels

    return augment


def _single(text: str) -> Augmentation:
    spec = specs.parse(text)
    cls: type[Augmentation] = loading.find("register_augmentations", "augmentation", spec.name)
    return specs.configure(cls, spec)


def _split(text: str) -> list[str]:
    """Split at each `+` outside brackets; inside, it joins the items of a value."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "+" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


@hookimpl
def register_augmentations(register: Callable[[type], None]) -> None:
    register(Affine)
    register(Blur)
    register(Crop)
    register(Cutout)
    register(Erase)
    register(Flip)
    register(Grey)
    register(Jitter)
    register(PadCrop)
    register(RandAugment)
    register(Solarise)
