"""Folders of pictures at their own size, and the small encoder that reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

ENCODER = "timm:test_convnext"
"""A network of 64 features, the least of timm's."""


def write_own_size(root: Path, classes: int = 6, count: int = 8, seed: int = 0) -> Path:
    """A folder of colour pictures of many sizes; a class is a pattern, which they all stretch."""
    rng = np.random.default_rng(seed)
    for number in range(classes):
        place = root / f"class{number:02}"
        place.mkdir(parents=True)
        pattern = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
        for index in range(count):
            width, height = rng.integers(24, 72, 2).tolist()
            image = np.asarray(pattern.resize((width, height), Image.Resampling.BICUBIC), np.int64)
            noisy = image + rng.integers(-120, 121, image.shape)
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(place / f"{index}.png")
    return root


def write_encoder(path: Path, seed: int = 0) -> str:
    """Write the encoder's weights to a file; its spec, for pictures of 32 px out of 36."""
    from benchbench.system.vision import torchvision

    torchvision()
    timm = pytest.importorskip("timm")

    torch.manual_seed(seed)
    network = timm.create_model(ENCODER.partition(":")[2])
    save_file(network.state_dict(), path)
    return f"{ENCODER}[weights={path},size=32]"
