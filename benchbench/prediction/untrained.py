"""A method that needs no training, by its spec."""

from __future__ import annotations

from benchbench.datasets.reading.conversion import WHITE
from benchbench.datasets.reading.pictures import Pictures
from benchbench.errors import BenchbenchError
from benchbench.evaluation.given import Given
from benchbench.learners.creation import create_method
from benchbench.method import Method
from benchbench.prediction.labelled import LabelledFiles
from benchbench.prediction.pictures import PictureReader
from benchbench.prediction.trained import Trained, no_images, nothing_learned, task_without_training
from benchbench.registry import specs
from benchbench.registry.bounds import Side
from benchbench.runs.method_card import MethodCard, method_source
from benchbench.system.compute import Compute


def untrained(text: str, image_shape: tuple[int, int, int], compute: Compute) -> Trained:
    """The method of a spec, which comes with its weights or has none.

    Raises BenchbenchError if it learns from classes that it has not been given.
    """
    method = create_method(text)
    task = task_without_training(image_shape)
    if reason := method.skip(task_without_training(image_shape, n_way=5, n_shot=1)):
        raise BenchbenchError(
            f"{specs.text_of(method)} cannot be asked by itself: {reason}{_cure(method, reason)}."
        )
    learned = nothing_learned(image_shape)
    given = Given(learned, no_images(image_shape), learned.name, task, compute=compute)
    card = MethodCard.of(method)
    files = card.weight_files.get("weight_files", {})
    return Trained(card.spec, given, method_source(card), files, origin=card.spec)


def _cure(method: Method, reason: str) -> str:
    """What helps, after the cure that the reason has itself; a run helps to training alone."""
    if method.uses_attributes:
        return "; and nobody has said any attribute of the classes of pictures"
    if method.uses_validation:
        return ""
    return f"; {'or ' if '; ' in reason else ''}name the folder of a run in which it was trained"


def reader_for(found: LabelledFiles, size: Side) -> PictureReader:
    """Three channels unless all labelled pictures are grey, whose scale of deep greys counts."""
    pictures = Pictures(found.files, size, "auto", WHITE)
    return PictureReader(size, "L" if pictures.shape[2] == 1 else "RGB", scale=pictures.scale)
