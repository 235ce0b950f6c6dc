"""Attributes of classes: what is known of each in numbers, and a table of them in a CSV file."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError

ATTRIBUTE_FILE = "attributes.csv"
LARGEST = float(np.finfo(np.float32).max)
FORM = "a heading `class,ATTRIBUTE,ATTRIBUTE,...` and a row for each class, of its name and numbers"


@dataclass(frozen=True)
class ClassAttributes:
    """What is known of each class, such as how likely a picture of it is striped.

    names: of the attributes. values: float32 [classes, a], by class id; a row of NaN is withheld.
    Raises ValueError if they do not fit.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        shape = self.values.shape
        if len(shape) != 2 or shape[1] != len(self.names) or not self.names:
            raise ValueError(f"{len(self.names)} attributes have values of shape {list(shape)}")
        if len(set(self.names)) < len(self.names):
            raise ValueError("two attributes have one name")
        object.__setattr__(self, "values", np.ascontiguousarray(self.values, np.float32))

    @property
    def sha256(self) -> str:
        """The hash of the names and values."""
        digest = hashlib.sha256(json.dumps(self.names).encode())
        digest.update(self.values.astype("<f4").tobytes())
        return digest.hexdigest()

    def of_only(self, classes: NDArray[np.int64]) -> ClassAttributes:
        """The same, with the rows of all classes but these withheld."""
        values = np.full_like(self.values, np.nan)
        values[classes] = self.values[classes]
        return ClassAttributes(self.names, values)


def joined_attributes(parts: Sequence[ClassAttributes | None]) -> ClassAttributes | None:
    """The attributes of several data sets' classes, side by side; None if they are not the same."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({part.names for part in known}) != 1:
        return None
    return ClassAttributes(known[0].names, np.concatenate([part.values for part in known]))


def read_attributes(
    content: bytes, where: str, class_names: Sequence[str], remark: Callable[[str], None]
) -> ClassAttributes:
    """The attributes of the classes, from a CSV file with `FORM`.

    A row has the name of a class, or the last part of its path. where: what messages call the file.
    remark: is told of rows of unknown classes, which are left out. Raises BenchbenchError if the
    file is something else, or a class has no row.
    """
    try:
        heading, found = _table(content)
        names = tuple(name.strip() for name in heading)
        keys = [name if name in found else name.rpartition("/")[2] for name in class_names]
        other = sorted(found.keys() - set(keys))
        if missing := [key for key in keys if key not in found]:
            what = "class has" if len(missing) == 1 else "classes have"
            of_none = f"; rows of no class: {len(other)}, such as '{other[0]}'" if other else ""
            raise ValueError(f"{len(missing)} {what} no row, such as '{missing[0]}'{of_none}")
        attributes = ClassAttributes(names, np.array([found[key] for key in keys], np.float32))
    except (ValueError, csv.Error) as error:
        raise BenchbenchError(f"{where} cannot be read ({error}); it needs {FORM}.") from error
    remark_on_equal(attributes, where, remark)
    if other:
        remark(f"{where} has rows of no class, left out: {len(other)}, such as '{other[0]}'.")
    return attributes


def remark_on_equal(attributes: ClassAttributes, where: str, remark: Callable[[str], None]) -> None:
    """Say so if all classes have the same numbers."""
    if len(np.unique(attributes.values, axis=0)) == 1 < len(attributes.values):
        remark(f"{where} has the same numbers for all classes, so that nothing tells them apart.")


def _table(content: bytes) -> tuple[list[str], dict[str, list[float]]]:
    """The names of the columns and the numbers of each row. Raises ValueError if it has no such."""
    try:
        lines = list(filter(None, csv.reader(io.StringIO(content.decode("utf-8-sig")))))
    except UnicodeDecodeError as error:
        raise ValueError("it is not in UTF-8; save it anew") from error
    if len(lines) < 2:
        raise ValueError("it has no row below a heading")
    heading, *rows = [lines[0][1:], *lines[1:]]
    found: dict[str, list[float]] = {}
    for name, *cells in rows:
        if name.strip() in found:
            raise ValueError(f"the class '{name.strip()}' has two rows")
        if len(cells) != len(heading):
            row = f"the row of '{name.strip()}' has {len(cells)} numbers"
            raise ValueError(f"{row} and the heading names {len(heading)}, parted by commas")
        found[name.strip()] = [_number(cell, name.strip()) for cell in cells]
    return heading, found


def _number(cell: str, row: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        raise ValueError(f"'{cell}' in the row of '{row}' is no number") from None
    if not abs(number) <= LARGEST:
        raise ValueError(f"'{cell}' in the row of '{row}' is not finite in float32")
    return number
