"""Files of integers: an `.npz` file with arrays, and a header of what JSON can hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchbench.system.arrays import IntArray
from benchbench.system.files import output_file


def save_integers(path: Path, header: Mapping[str, Any], arrays: Mapping[str, IntArray]) -> None:
    """Write the file, whole or not at all; the integers must fit 32 bits.

    Raises BenchbenchError if it cannot be written.
    """
    stored: dict[str, Any] = {name: array.astype(np.int32) for name, array in arrays.items()}
    with output_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, header=np.array(json.dumps(header)), **stored)


def load_integers(path: Path) -> tuple[dict[str, Any], dict[str, IntArray]]:
    """The header and the arrays, as int64. Raises whatever numpy and json do of another file."""
    with np.load(path, allow_pickle=False) as file:
        header: dict[str, Any] = json.loads(str(file["header"]))
        names = [name for name in file.files if name != "header"]
        return header, {name: file[name].astype(np.int64) for name in names}
