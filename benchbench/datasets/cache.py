"""The decoded images of a data set: written once, then memory-mapped.

A table is a folder `datasets/<name>-<key>` of the cache: `pixels.bin` (uint8 [n, h, w, c]),
`arrays.npz` (labels, groups) and `table.json` (shape, names, fingerprint). It is written beside its
place and renamed into it, so that a table that can be seen is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError
from benchbench.progress import say

if TYPE_CHECKING:
    from benchbench.datasets.base import Dataset, DecodedClass, PendingClass

FORMAT = 1


@dataclass(frozen=True)
class Table:
    """Decoded images; see `OpenDataset` for the fields."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_] | None
    class_names: list[str]
    hierarchy: list[tuple[str, ...]]
    fingerprint: str
    unreadable: list[str]


def decoded_table(dataset: Dataset, sources: list[Path], cache: Path) -> Table:
    """The table of a data set, decoded from `sources` now where it is not in the cache yet."""
    identity = {
        "format": FORMAT,
        "name": dataset.name,
        "parameters": dataset.pixel_parameters(),
        "sources": [_state(path) for path in sources],
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()
    folder = cache / "datasets" / f"{dataset.name}-{key[:16]}"
    if not (folder / "table.json").exists():
        _write(dataset.name, dataset.decode(sources), folder)
    return _read(folder)


def _state(path: Path) -> list[object]:
    """What changes when the file, or a file below the folder, changes."""
    if path.is_dir():
        digest = hashlib.sha256()
        for folder, subfolders, names in os.walk(path):
            subfolders.sort()
            for name in sorted(names):
                status = os.stat(os.path.join(folder, name), follow_symlinks=False)
                relative = os.path.relpath(os.path.join(folder, name), path)
                digest.update(f"{relative}|{status.st_size}|{status.st_mtime_ns}\n".encode())
        return [str(path), digest.hexdigest()]
    status = path.stat()
    return [str(path), status.st_size, status.st_mtime_ns]


def _write(name: str, classes: Iterable[DecodedClass | PendingClass], folder: Path) -> None:
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise BenchbenchError(
            f"Cannot write to the cache {folder.parent} ({error.strerror}); "
            "set BENCHBENCH_CACHE to a folder you may write to."
        ) from error
    try:
        unreadable = _write_files(name, classes, partial)
        try:
            partial.rename(folder)
        except OSError as error:
            if not (folder / "table.json").exists():
                raise _damaged(folder, error) from error
    except OSError as error:
        raise BenchbenchError(
            f"Cannot write to the cache {folder.parent} ({error.strerror or error}); "
            "set BENCHBENCH_CACHE to a folder with room that you may write to."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if unreadable:
        shown = ", ".join(unreadable[:5]) + (", ..." if len(unreadable) > 5 else "")
        say(f"{name}: left out {len(unreadable)} unreadable file(s): {shown}")


def _write_files(
    name: str, classes: Iterable[DecodedClass | PendingClass], folder: Path
) -> list[str]:
    labels: list[int] = []
    groups: list[str] = []
    names: list[str] = []
    hierarchy: list[tuple[str, ...]] = []
    unreadable: list[str] = []
    shape: tuple[int, ...] | None = None
    digest = hashlib.sha256()
    with (folder / "pixels.bin").open("wb") as file:
        for announced in classes:
            item = announced.load() if hasattr(announced, "load") else announced
            unreadable.extend(item.unreadable)
            if len(item.images) == 0:
                continue
            if shape is not None and item.images.shape[1:] != shape:
                raise BenchbenchError(f"{name}: images of class '{item.name}' differ in size.")
            shape = item.images.shape[1:]
            pixels = np.ascontiguousarray(item.images, dtype=np.uint8).tobytes()
            digest.update(pixels)
            file.write(pixels)
            labels += [len(names)] * len(item.images)
            groups += list(item.groups or ())
            names.append(item.name)
            hierarchy.append(tuple(item.parent))
    if shape is None:
        raise BenchbenchError(f"{name}: no readable image was found.")
    label_array = np.array(labels, dtype=np.int64)
    digest.update(label_array.astype("<i8").tobytes())
    digest.update(json.dumps(shape).encode())
    group_array = np.array(groups if len(groups) == len(labels) else [], dtype=np.str_)
    np.savez_compressed(folder / "arrays.npz", labels=label_array, groups=group_array)
    header = {
        "shape": [len(labels), *shape],
        "fingerprint": digest.hexdigest(),
        "class_names": names,
        "hierarchy": hierarchy,
        "unreadable": unreadable,
    }
    (folder / "table.json").write_text(json.dumps(header), encoding="utf-8")
    return unreadable


def _read(folder: Path) -> Table:
    try:
        header = json.loads((folder / "table.json").read_text(encoding="utf-8"))
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            labels, groups = arrays["labels"], arrays["groups"]
        pixels = np.memmap(folder / "pixels.bin", np.uint8, "r", shape=tuple(header["shape"]))
        return Table(
            pixels=pixels,
            labels=labels,
            groups=groups if len(groups) else None,
            class_names=header["class_names"],
            hierarchy=[tuple(parents) for parents in header["hierarchy"]],
            fingerprint=header["fingerprint"],
            unreadable=header["unreadable"],
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> BenchbenchError:
    return BenchbenchError(
        f"The cache folder {folder} is damaged ({error}); delete it and run again."
    )
