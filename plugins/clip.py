"""CLIP's training (Radford et al., arXiv:2103.00020) as an objective of pre-training.

What it does is in `ImageTextPretraining`, as the methods that start from a whole encoder of images
and texts share the training of one with those that keep its backbone alone.
"""

from __future__ import annotations

from collections.abc import Callable

from benchbench import ImageTextPretraining, hookimpl


@hookimpl
def register_pretrainings(register: Callable[[type], None]) -> None:
    register(ImageTextPretraining)
