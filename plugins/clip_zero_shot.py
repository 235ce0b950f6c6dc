"""CLIP's zero-shot classifier (Radford et al., arXiv:2103.00020), and a small CLIP to train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchbench import Classifier, ImageTextMethod, Support, hookimpl


@dataclass
class ClipZeroShot(ImageTextMethod):
    """Each query gets the class whose prompts are nearest in the joint space of images and text.

    A class is the mean of its prompts' normalised embeddings, normalised again. Scores are cosines
    times the model's temperature. Support images are not used.
    """

    name = "clip_zero_shot"
    paper = "arXiv:2103.00020"
    family = "zero-shot"

    def adapt(self, support: Support) -> Classifier:
        return self.zero_shot(support)


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(ClipZeroShot)
