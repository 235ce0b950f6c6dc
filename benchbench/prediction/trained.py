"""A method as it was trained, or as it needs no training, before it has met any support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchbench.datasets.open_dataset import OpenDataset, Pixels
from benchbench.errors import BenchbenchError
from benchbench.evaluation.given import LEARNED, Given, HiddenImages
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.participant import Participant
from benchbench.learners.creation import create_method
from benchbench.method import Method, Task
from benchbench.prediction.own_size import images_sha256
from benchbench.runs.method_card import MethodCard, method_source
from benchbench.system.progress import say_once

SPLIT = "pictures"


@dataclass(frozen=True)
class Trained:
    """What a method needs to be as it was after its training, without being trained again.

    method: its canonical spec. given: what it was trained with; the test images come later. source:
    the hash of the method's code then. weight_files: the hashes of the files that its parameters
    name. seconds: what each of its trainings took, by which their weights are known. origin: where
    it comes from, in words.
    """

    method: str
    given: Given
    source: str
    weight_files: dict[str, str] = field(default_factory=dict)
    seconds: Sequence[float] = ()
    origin: str = ""

    def created(self) -> Method:
        """The method, not yet restored.

        Raises BenchbenchError if it is not installed, or a file of weights is another one; other
        code of the method is said.
        """
        method = create_method(self.method)
        card = MethodCard.of(method)
        here = card.weight_files.get("weight_files", {})
        for name, digest in self.weight_files.items():
            if here.get(name) != digest:
                what = (
                    "is another one than that of" if name in here else "is not here, as it was in"
                )
                raise BenchbenchError(f"The file of weights {name} {what} {self.origin}.")
        if method_source(card) != self.source:
            say_once(
                f"the code of {card.name} is not what it was in {self.origin}; answers may differ"
            )
        return method

    def restored(self, method: Method, pixels: Pixels) -> Participant:
        """The method brought to its weights, and about to be asked of these images.

        Raises BenchbenchError if it would have to be trained, or to weights that it did not have.
        """
        self.given.compute.apply()
        participant = Participant(method)
        try:
            found = participant.train(replace(self.given, test=hidden(pixels)))
        except BenchbenchError as error:  # it learns from classes that are not there
            raise BenchbenchError(f"{self.method} {self._not_here(error)}.") from error
        if [record["seconds"] for record in found["training"]] != list(self.seconds):
            raise BenchbenchError(f"The weights that are stored are not those of {self.origin}.")
        return participant

    def _not_here(self, error: BenchbenchError) -> str:
        """What cannot be done and why; a run that was trained helps a method by itself."""
        reason = str(error).rstrip(".")
        if self.origin != self.method:
            return f"cannot be restored as it was in {self.origin}: {reason}"
        other = "or " if "; use " in reason else ""
        cure = f"{other}name the folder of a run in which it was trained"
        return f"cannot be asked by itself: {reason}; {cure}"


def hidden(pixels: Pixels) -> HiddenImages:
    """Images by their place, as a method sees them; pixels: uint8 [n, h, w, c], or
    `HeldPictures`.
    """
    fingerprint = images_sha256(pixels)
    ids = Nonce.derived(b"pictures", fingerprint).ids(len(pixels))
    return HiddenImages(pixels, np.arange(len(pixels)), fingerprint, SPLIT, ids)


def no_images(image_shape: tuple[int, int, int]) -> HiddenImages:
    """What is asked before there is any image."""
    return hidden(np.empty((0, *image_shape), np.uint8))


def nothing_learned(image_shape: tuple[int, int, int]) -> OpenDataset:
    """A data set without any class to learn from."""
    none = np.empty(0, np.int64)
    pixels = np.empty((0, *image_shape), np.uint8)
    fingerprint = images_sha256(pixels)
    return OpenDataset("nothing", fingerprint, pixels, none, [], dict.fromkeys(LEARNED, none))


def task_without_training(
    image_shape: tuple[int, int, int], n_way: int | None = None, n_shot: int | None = None
) -> Task:
    """What is asked of a method that has no classes to learn from."""
    return Task(SPLIT, SPLIT, image_shape, n_way, n_shot, None, has_training_classes=False)
