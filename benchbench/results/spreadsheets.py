"""Tables of figures as people export them from spreadsheets, read as rows of text.

Cells may be apart by commas, semicolons or tabs, figures may have decimal commas, percent signs or
their interval beside them, and there may be lines above and below the table. What is left out or
guessed is said in one line.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from benchbench.errors import BenchbenchError
from benchbench.system.progress import say

METHOD, SOURCE, ACCURACY, INTERVAL = "method", "test_source", "accuracy_percent", "ci95_percent"
REQUIRED = (METHOD, SOURCE, ACCURACY)
KNOWN = (*REQUIRED, INTERVAL, "dataset", "setting")
"""Columns whose names may be written in any case, and with spaces."""

SEPARATORS = (",", ";", "\t")
BOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""What files begin with that spreadsheet programs keep: .xlsx and .ods, and .xls."""

SUMMARIES = ("average", "avg", "mean", "median", "overall", "sum", "total")
"""What rows are called that spreadsheets compute from others."""

WITHOUT = "left out lines without a figure"

BESIDE = re.compile(r"±|\+/?-")
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")

Line = tuple[int, list[str]]
"""The number of a line and its cells."""


@dataclass
class _Remarks:
    """What is to be said of a table: examples of each thing that was done with it."""

    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, example: str) -> None:
        self.examples.setdefault(what, []).append(example)

    def say(self, path: Path) -> None:
        if self.examples:
            texts = [f"{what} ({len(of)}, as {of[0]})" for what, of in self.examples.items()]
            say(f"{path}: {'; '.join(texts)}")


def read_spreadsheet(path: Path) -> pd.DataFrame:
    """The rows with a figure, as text without spaces around it; figures are written like 41.03.

    Raises BenchbenchError if the file is no such table.
    """
    remarks, rows = _Remarks(), []
    names, lines = _table(path, remarks)
    for number, cells in lines:
        row = {name: cell for name, cell in zip(names, cells, strict=False) if name}
        if reason := _why_no_figure(row):
            remarks.add(reason, _shown((number, cells)))
        elif not row[METHOD]:
            raise BenchbenchError(f"Line {number} of {path} names no method; fill it in.")
        else:
            rows.append(row | _figures(row, f"line {number}", remarks))
    remarks.say(path)
    columns = dict.fromkeys([*filter(None, names), *(name for row in rows for name in row)])
    return pd.DataFrame(rows, columns=list(columns)).fillna("")


def _table(path: Path, remarks: _Remarks) -> tuple[list[str], list[Line]]:
    """The names of the columns, and the lines below them, each with as many cells."""
    text, tried = _decoded(path), []
    for separator in SEPARATORS:
        lines = _lines(path, text, separator)
        headers = [[_name(cell) for cell in cells] for _, cells in lines]
        found = [place for place, names in enumerate(headers) if set(REQUIRED) <= set(names)]
        if found:
            break
        tried += headers[:1]
    else:
        raise _no_columns(path, tried)
    above, names = lines[: found[0]], headers[found[0]]
    for line in above:
        remarks.add("left out lines above the names of the columns", _shown(line))
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise BenchbenchError(f"{path} has two columns {twice[0]}; remove or rename one.")
    below = lines[found[0] + 1 :]
    while below and not _has_digit(below[-1], names.index(ACCURACY)):
        remarks.add(WITHOUT, _shown(below.pop()))
    below = [_fitted(path, line, len(names)) for line in below]
    for place, name in enumerate(names):
        if not name and any(cells[place] for _, cells in below):
            remarks.add("left out columns without a name", f"column {place + 1}")
    return names, [line for line in below if list(map(_name, line[1])) != names]


def _shown(line: Line) -> str:
    return f"line {line[0]}, '{next(filter(None, line[1]))}'"


def _has_digit(line: Line, place: int) -> bool:
    return any(character.isdigit() for cell in line[1][place : place + 1] for character in cell)


def _decoded(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if content.startswith(BOOKS):
        raise _unreadable(path, "it is a file of a spreadsheet program or another archive")
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:  # its object lacks a byte order mark
        number = error.object.count(b"\n", 0, error.start) + 1
        byte = f"0x{error.object[error.start]:02x}"
        raise _unreadable(path, f"line {number} holds the byte {byte}, which is no text") from error
    if not text.strip():
        raise _unreadable(path, "it is empty")
    return text


def _unreadable(path: Path, reason: object) -> BenchbenchError:
    return BenchbenchError(
        f"{path} cannot be read as a csv file in UTF-8: {reason}; export it as csv from the "
        "spreadsheet (there also named CSV UTF-8)."
    )


def _lines(path: Path, text: str, separator: str) -> list[Line]:
    """The lines that are not empty, their cells without spaces around them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise _unreadable(path, error) from error
    return [(number, cells) for number, cells in lines if any(cells)]


def _name(cell: str) -> str:
    known = re.sub(r"[\s_-]+", "_", cell.lower())
    return known if known in KNOWN else cell


def _no_columns(path: Path, headers: Sequence[Sequence[str]]) -> BenchbenchError:
    """The error for what the likeliest of some first lines lacks."""
    missing = min(([c for c in REQUIRED if c not in names] for names in headers), key=len)
    return BenchbenchError(
        f"{path} has no column {' and no column '.join(missing)}; its first line must name "
        f"{', '.join([*REQUIRED, INTERVAL])}."
    )


def _fitted(path: Path, line: Line, count: int) -> Line:
    """A line with a cell for each column; those that lie beyond must be empty."""
    number, cells = line
    if any(cells[count:]):
        raise BenchbenchError(
            f"Line {number} of {path} has {len(cells)} cells, more than the {count} columns that "
            "are named; name them all, and put a cell that holds a separator in double quotes."
        )
    return number, [*cells, *[""] * count][:count]


def _why_no_figure(row: Mapping[str, str]) -> str:
    """Why a row is none of the table; empty if it is one."""
    source = row[SOURCE] or row.get("dataset", "")
    if not row[ACCURACY] and not (row[METHOD] and source):
        return WITHOUT
    if any(name.lower().strip(" .:") in SUMMARIES for name in (row[METHOD], row[SOURCE])):
        return "left out lines that sum up others, which count if they have another name"
    return ""


def _figures(row: Mapping[str, str], where: str, remarks: _Remarks) -> dict[str, str]:
    """The figures of a row as numbers; what is none stays as it is."""
    accuracy, interval = row[ACCURACY], row.get(INTERVAL, "")
    beside = BESIDE.split(accuracy)
    if len(beside) == 2 and not interval:
        accuracy, interval = beside
        remarks.add("read what is beside an accuracy as its 95 % interval", where)
    found = {ACCURACY: accuracy, INTERVAL: BESIDE.sub("", interval, count=1)}
    for column, text in found.items():
        bare = re.sub(r"[\s%]", "", text)
        if re.fullmatch(r"\+?\d+,\d+", bare):
            bare = bare.replace(",", ".")
            remarks.add("read a comma in a figure as its decimal point", f"{where}, '{text}'")
        found[column] = bare if NUMBER.fullmatch(bare) else text
    return found if interval or INTERVAL in row else {ACCURACY: found[ACCURACY]}
