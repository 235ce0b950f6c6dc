"""Encoded pictures as a class hands them over, and how they become pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from benchbench.datasets.reading.conversion import WHITE, Conversion
from benchbench.datasets.reading.deep_greys import SIXTEEN_BITS, GreyScale
from benchbench.system.framing import OWN_SIZE


@dataclass(frozen=True)
class Reading:
    """How encoded pictures become pixels: in `mode` (`L` or `RGB`), on a background.

    scale: of deep greys; None if there are none.
    """

    mode: str = "RGB"
    background: str = WHITE
    scale: GreyScale | None = None

    @property
    def conversion(self) -> Conversion:
        """The same for Pillow's images."""
        return Conversion(self.mode, self.background, lambda: self.scale or SIXTEEN_BITS)

    def as_json(self) -> dict[str, Any]:
        """The fields in plain values; `from_json` reads them."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Reading:
        """Raises TypeError or KeyError if the content is anything else."""
        scale = content["scale"]
        return cls(**{**content, "scale": scale and GreyScale(**scale)})


class EncodedPictures(Sequence[bytes]):
    """The encoded pictures of a class; each is read from its file when it is asked for."""

    def __init__(self, read: Sequence[Callable[[], bytes]], reading: Reading) -> None:
        self._read, self.reading = read, reading
        self.shape = (len(read), *OWN_SIZE, len(reading.mode))

    def __len__(self) -> int:
        return len(self._read)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [read() for read in self._read[index]]
        return self._read[index]()


def as_encoded(images: Any) -> EncodedPictures | None:
    """Pictures, given as `DecodedClass.images`, if they are encoded; None if they are an array."""
    if isinstance(images, EncodedPictures):
        return images
    if hasattr(images, "shape"):
        return None
    return EncodedPictures([partial(bytes, content) for content in images], Reading())


def contents_of(images: Any) -> Sequence[bytes | memoryview]:
    """What a table gets of a class's images: the bytes of each picture, or of all at once."""
    encoded = as_encoded(images)
    if encoded is None:
        return [np.ascontiguousarray(images, dtype=np.uint8).reshape(-1).data]
    return encoded
