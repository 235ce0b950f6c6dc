"""The backbone of a data set that has features: their bits, frozen, and for no image."""

import numpy as np
import pytest
import torch

from benchbench.backbones import create_backbone
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.system.vectors import as_images


def test_features_are_as_they_were() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    backbone = create_backbone("features", (1, 3, 4))
    assert backbone.frozen
    assert backbone.feature_size == 3
    found = backbone(Images.from_array(as_images(vectors)))
    assert torch.equal(found, torch.from_numpy(vectors))


def test_images_are_refused() -> None:
    with pytest.raises(BenchbenchError, match="this data set has images"):
        create_backbone("features", (32, 32, 3))
