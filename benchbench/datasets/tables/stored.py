"""Stub until the tables lie in a secret order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


class PermutedPixels:
    def __init__(self, stored: Any, places: Any) -> None:
        self._stored, self._places = stored, places
        self.shape = (len(places), *stored.shape[1:])
        self.dtype, self.ndim = np.dtype(np.uint8), 4

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, rows: Any) -> Any:
        return np.asarray(self._stored[self._places[rows]])


@dataclass(frozen=True)
class Storage:
    pixels: Any
    places: Any
