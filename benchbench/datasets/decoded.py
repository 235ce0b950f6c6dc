"""Classes as a data set's decoder hands them over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass
class DecodedClass:
    """One class as `Dataset.decode` hands it over.

    images: uint8 [n, h, w, c], one size for the whole data set; or encoded pictures, such as the
    bytes of PNG files that Pillow can read, which keep their own size.
    parent: the class's place in a hierarchy, from the top, such as its alphabet.
    groups: [n] who or what made each image (a drawer, a track), or None if unknown.
    parts: [n] `train`, `val` or `test`, the official use of each image, or None if there is none.
    unreadable: names of the class's files that could not be decoded.
    changes: how many images were changed beside their size, by what was done with them, such as
    `image(s) turned upright`.
    """

    name: str
    images: NDArray[np.uint8] | Sequence[bytes]
    parent: tuple[str, ...] = ()
    groups: Sequence[str] | None = None
    unreadable: Sequence[str] = ()
    changes: Mapping[str, int] = field(default_factory=dict)
    parts: Sequence[str] | None = None


@dataclass(frozen=True)
class PendingClass:
    """A class that `Dataset.decode` announces and that is decoded when its turn comes.

    Interrupted decoding resumes after the last whole class: `load` is then not called for
    those before it.

    files: lists the names of the files of its images in their order, unreadable ones by the names
    that `DecodedClass.unreadable` has for them; None if an image is not a file.
    """

    name: str
    load: Callable[[], DecodedClass]
    files: Callable[[], Sequence[str]] | None = None
