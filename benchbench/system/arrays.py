"""The kinds of arrays that annotations name, and what is asked of any."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
ByteArray: TypeAlias = NDArray[np.uint8]


def common_value(values: IntArray) -> int | None:
    """The number that all of them are; None if they differ or there are none."""
    return int(values[0]) if len(values) and (values == values[0]).all() else None
