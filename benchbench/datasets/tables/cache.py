"""The decoded images of a data set: written once, then memory-mapped.

A table is a folder `datasets/<name>-<key>` of the cache: `pixels.bin` (uint8 [n, h, w, c], in a
secret order), `arrays.npz` (by image id: labels, groups, places in that order) and `table.json`
(shape, names, fingerprint), none of them to be written to. Pictures at their own size stay encoded
(`encoded`). A table is made under another name (`resumable`) and then renamed, so that any with its
own name is complete. One process at a time decodes; after an interruption, decoding resumes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from benchbench.datasets.reading.encoded_pictures import Reading
from benchbench.datasets.reading.offline import refuse_decoding
from benchbench.datasets.reading.parallel import one_ahead
from benchbench.datasets.tables.encoded import EncodedPixels
from benchbench.datasets.tables.file_states import State, states_of
from benchbench.datasets.tables.pending import ChangedOrderError, announced, missing_classes
from benchbench.datasets.tables.resumable import FORMAT, UnfinishedTable, is_finished, seal
from benchbench.datasets.tables.stored import PermutedPixels, StoredPixels
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.system.arrays import IntArray
from benchbench.system.files import writing_to_cache
from benchbench.system.progress import meter, say, say_once

if TYPE_CHECKING:
    from benchbench.datasets.base import Dataset

CIRCUMSTANCES = (BenchbenchError, OSError, MemoryError)
"""Errors after which the decoded classes are kept; after a bug in the decoder they are not."""


@dataclass(frozen=True)
class Table:
    """Decoded images; see `OpenDataset` for the fields."""

    pixels: PermutedPixels
    labels: IntArray
    groups: NDArray[np.str_] | None
    class_names: list[str]
    hierarchy: list[tuple[str, ...]]
    fingerprint: str
    unreadable: list[str]
    remarks: list[str]
    parts: NDArray[np.str_] | None = None


def decoded_table(dataset: Dataset, sources: list[Path], cache: Path) -> Table:
    """The table of a data set, decoded from `sources` now if it is not in the cache yet.

    Raises BenchbenchError if the images cannot be read, or the cache cannot be written.
    """
    return read_table(decoded_folder(dataset, sources, states_of(sources, cache), cache))


def decoded_folder(dataset: Dataset, sources: list[Path], states: list[State], cache: Path) -> Path:
    """The folder of `decoded_table`, for sources that are in these states."""
    identity = {
        "format": FORMAT,
        "name": dataset.name,
        "parameters": dataset.pixel_parameters(),
        "sources": states,
        **({"decoding": dataset.decoding} if dataset.decoding > 1 else {}),
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()
    folder = cache / "datasets" / f"{dataset.name}-{key[:16]}"
    if not (folder / "table.json").exists():
        refuse_decoding(dataset.name)
        _make(dataset, sources, folder, key)
    return folder


def _make(dataset: Dataset, sources: list[Path], folder: Path, key: str) -> None:
    """Decode a table, alone, unless another process has just done so."""
    with writing_to_cache(folder.parent), _alone(_called(dataset), folder):
        if (folder / "table.json").exists():
            return
        if folder.exists():
            raise _damaged(folder, "table.json is missing")
        partial = folder.with_name(f".{folder.name}.partial")
        while not is_finished(partial, key):
            _decode(dataset, sources, partial, key)
        seal(partial)
        partial.rename(folder)
        (folder / "journal.jsonl").unlink(missing_ok=True)
    header = _header(folder)
    for remark in header["remarks"]:
        say_once(f"{specs.text_of(dataset)}: {remark}")
    if unreadable := header["unreadable"]:
        shown = ", ".join(unreadable[:5]) + (", ..." if len(unreadable) > 5 else "")
        say(f"{dataset.name}: left out {len(unreadable)} unreadable file(s): {shown}")


def _called(dataset: Dataset) -> str:
    """The name, with the argument if there is one, as in `folder:PATH`."""
    argument = getattr(dataset, dataset.argument, "") if dataset.argument else ""
    return f"{dataset.name}:{argument}" if argument else dataset.name


@contextmanager
def _alone(name: str, folder: Path) -> Iterator[None]:
    """Hold the lock of a table; its file is removed once the table is there."""
    place = folder.with_name(f".{folder.name}.lock")
    lock = FileLock(place)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{name}: another process is decoding these images; waiting for it.")
        lock.acquire()
    try:
        yield
        with suppress(OSError):
            place.unlink()
    finally:
        lock.release()


def _decode(dataset: Dataset, sources: list[Path], partial: Path, key: str) -> None:
    """Fill `partial` until it is finished; nothing is left of it if it must start over."""
    table = UnfinishedTable(partial, dataset.name, key)
    try:
        if table.classes:
            say(f"{_called(dataset)}: resumes after {len(table.classes)} classes decoded before.")
        dataset.taken_remarks()
        classes, total = announced(dataset.name, dataset.decode(sources))
        missing = missing_classes(dataset.name, classes, table.classes[:])
        with (
            closing(one_ahead(missing)) as decoded,
            _progress(_called(dataset), total, len(table.classes)) as advance,
        ):
            for item in decoded:
                table.add(item)
                advance()
        table.finish(dataset.taken_remarks())
    except ChangedOrderError:
        table.useless = True
    except Exception as error:
        table.useless |= not isinstance(error, CIRCUMSTANCES)
        raise
    finally:
        table.close()
        if table.useless or not table.classes:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _progress(name: str, total: int | None, done: int) -> Iterator[Callable[[], None]]:
    """A function that advances a bar over the classes, if they were announced."""
    if total is None:
        yield lambda: None
        return
    with meter(f"decoding {name} (classes)", total, done) as counter:
        yield counter.advance


def read_table(folder: Path) -> Table:
    """The table in this folder of the cache. Raises BenchbenchError if it is damaged."""
    try:
        header = _header(folder)
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            labels, groups, places = arrays["labels"], arrays["groups"], arrays["places"]
            parts = arrays.get("parts")
        stored: StoredPixels | EncodedPixels
        if "reading" in header:
            reading = Reading.from_json(header["reading"])
            stored = EncodedPixels(folder, header["shape"][0], reading)
        else:
            stored = StoredPixels(folder / "pixels.bin", tuple(header["shape"]))
        return Table(
            pixels=PermutedPixels(stored.mapped(), places),
            labels=labels,
            groups=groups if len(groups) else None,
            class_names=header["class_names"],
            hierarchy=[tuple(parents) for parents in header["hierarchy"]],
            fingerprint=header["fingerprint"],
            unreadable=header["unreadable"],
            remarks=header.get("remarks", []),
            parts=parts,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(folder, error) from error


def is_of_another_format(folder: Path) -> bool:
    """Whether the table was made by a version that stores tables otherwise."""
    try:
        return bool(_header(folder).get("format") != FORMAT)
    except (OSError, ValueError, AttributeError):
        return False


def _header(folder: Path) -> dict[str, Any]:
    header: dict[str, Any] = json.loads((folder / "table.json").read_text(encoding="utf-8"))
    return header


def _damaged(folder: Path, error: object) -> BenchbenchError:
    return BenchbenchError(
        f"The cache folder {folder} is damaged ({error}); delete it and run again."
    )
