"""The order in which images lie on disk: a permutation that nobody can compute.

Decoding appends class after class, so that places would reveal classes to whoever reads the file.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

import numpy as np

from benchbench.system.arrays import IntArray
from benchbench.system.randomness import permutation
from benchbench.system.salt import SALT

BYTES_AT_ONCE = 2**26


def secret_places(count: int, identity: str = "") -> IntArray:
    """A place for each of `count` images, int64 [count].

    A function of BENCHBENCH_SALT and the identity if that variable is set, and random otherwise.
    """
    salt = os.environ.get(SALT) or secrets.token_hex(16)
    key = hashlib.sha256(f"{salt} {identity}".encode()).digest()
    return permutation(count, int.from_bytes(key[:16], "little"))


def write_in_order(source: Path, target: Path, shape: tuple[int, ...], places: IntArray) -> None:
    """Write the images uint8 [n, h, w, c] of one file to another, each at its place."""
    images = np.asarray(np.memmap(source, np.uint8, "r", shape=shape))
    order = np.argsort(places)
    size = max(1, BYTES_AT_ONCE // int(np.prod(shape[1:])))
    with target.open("wb") as file:
        for start in range(0, len(order), size):
            file.write(images[order[start : start + size]].data)
