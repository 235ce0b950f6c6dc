"""Reading pickles of plain arrays without running anything that they ask for.

Some published data sets are pickles. A pickle is a program: it may name any function to be called.
`find_class` knows only the names that NumPy arrays and plain containers need (Python's manual,
"Restricting Globals"). They lead to substitutes in this module, since the state of a real array or
type may be crafted to crash: NumPy receives nothing but bytes, a type and a shape.
"""

from __future__ import annotations

import math
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.reading.damage import copy_again
from benchbench.errors import BenchbenchError

PLAIN_TYPE = re.compile(r"[biuf][1248]")  # no objects, records, texts or dates

DEPTH = 20  # containers within each other, at most


class _RefusedError(Exception):
    """The pickle asks for something that no plain array needs."""


class _Type:
    """Replaces a `numpy.dtype`."""

    def __init__(self, code: object, *flags: object) -> None:
        text = _bytes(code).decode("latin1")
        self.code, self.order = text.lstrip("<>|="), "<"
        if not PLAIN_TYPE.fullmatch(self.code):
            raise _RefusedError(f"an array of type '{text}'")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = ">" if _bytes(state[1]) == b">" else "<"

    def array(self, data: bytes, shape: tuple[int, ...], order: str = "C") -> NDArray[Any]:
        """The array whose bytes are `data`. Raises ValueError if their number does not fit."""
        kind = np.dtype(self.order + self.code)
        if any(size < 0 for size in shape) or math.prod(shape) * kind.itemsize != len(data):
            raise ValueError("the bytes of an array do not fit its shape")
        flat = np.frombuffer(data, kind)
        return flat.reshape(shape[::-1]).T if order == "F" else flat.reshape(shape)


class _Array:
    """Replaces a `numpy.ndarray` until its state arrives."""

    value: NDArray[Any]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, data = state
        self.value = _Type.array(kind, _bytes(data), tuple(shape), "F" if by_columns else "C")


def _from_buffer(data: object, kind: _Type, shape: tuple[int, ...], order: str) -> NDArray[Any]:
    return _Type.array(kind, _bytes(data), tuple(shape), order)


def _scalar(kind: _Type, data: object) -> Any:
    return _Type.array(kind, _bytes(data), ()).item()


NUMPY_CORES = ("core", "_core")

KNOWN_NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    # In older protocols Python 3 writes bytes as the first, and no bytes as the second.
    ("_codecs", "encode"): lambda text, _: text.encode("latin1"),
    ("__builtin__", "bytes"): lambda: b"",
    ("collections", "OrderedDict"): OrderedDict,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): lambda *_: _Array() for core in NUMPY_CORES},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in NUMPY_CORES},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in NUMPY_CORES},
}


class _Unpickler(pickle._Unpickler):
    """The one in Python: the one in C allocates any memory that a damaged file asks for."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN_NAMES:
            asked = f"{module}.{name}"
            raise _RefusedError(asked if asked.isprintable() else repr(asked))
        known = KNOWN_NAMES[module, name]
        if isinstance(known, type):
            return known
        return lambda *arguments: known(*arguments)  # a pickle may set attributes of what it names


def read_pickle(file: IO[bytes], name: str) -> Any:
    """What `file` holds: arrays, numbers and texts in lists, tuples and dictionaries.

    It may be of Python 2 or 3, in any protocol. Byte strings that are keys become text. `name` is
    what messages call the file. Raises BenchbenchError if it is damaged or asks for anything else;
    nothing of that is run.
    """
    try:
        content = _Unpickler(file, encoding="bytes").load()
        return _plain(content, {})
    except _RefusedError as error:
        raise BenchbenchError(
            f"{name} holds {error}, which no file of plain arrays has, and was not read; "
            "get it from its authors."
        ) from error
    except Exception as error:  # a damaged pickle may raise almost any
        raise copy_again(f"{name} is not a readable pickle of plain arrays ({error})") from error


def _plain(value: Any, done: dict[int, Any], depth: int = 0) -> Any:
    """`value` with arrays and with text as keys; done: the containers made so far, by identity."""
    if depth > DEPTH:
        raise ValueError("its containers are nested too deeply")
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, _Type):
        raise _RefusedError("a type on its own")
    if not isinstance(value, (dict, list, tuple)):
        return value
    if id(value) not in done:
        if isinstance(value, dict):
            done[id(value)] = {
                key.decode("latin1") if isinstance(key, bytes) else key: _plain(v, done, depth + 1)
                for key, v in value.items()
            }
        else:
            done[id(value)] = type(value)([_plain(item, done, depth + 1) for item in value])
    return done[id(value)]


def _bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("latin1")
    if not isinstance(value, (bytes, bytearray)):
        raise TypeError("bytes are missing")
    return bytes(value)
