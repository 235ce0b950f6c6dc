"""A source of Meta-Dataset from the `.tfrecords` that its conversion wrote."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from PIL import Image

from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.meta_dataset.tfrecords import TFRecord, Values, read, scan
from benchbench.datasets.reading.class_folders import ListedLater
from benchbench.datasets.reading.file_tree import UnreadableImageError
from benchbench.errors import BenchbenchError


def records_folder(path: Path, source: str) -> Path | None:
    """The folder with the source's `.tfrecords`: `path`, or `path/SOURCE`; None without any."""
    for folder in (path, path / source):
        if folder.is_dir() and any(folder.glob("[0-9]*.tfrecords")):
            return folder
    return None


def read_records(folder: Path, spec: SourceSpec) -> SourceFiles:
    """The classes in `CLASS_ID.tfrecords`. Raises BenchbenchError if a specification has others."""
    _check_names(folder / "dataset_spec.json", spec)
    files = {name: folder / f"{n}.tfrecords" for n, name in enumerate(spec.class_names)}
    lists = {name: partial(scan, file) for name, file in files.items() if file.is_file()}
    return SourceFiles(ListedLater(lists), load_record)


def load_record(record: TFRecord) -> Image.Image:
    """The image of a record of Meta-Dataset: features `image`, an image file, and `label`.

    Raises UnreadableImageError if the file is not an image, BenchbenchError if the record is not of
    Meta-Dataset or its label is not the file's.
    """
    features = read(record)
    label, content = _only(features, "label", record), _only(features, "image", record)
    if label != int(record.path.stem):
        raise _foreign(record, f"has label {label!r} instead of {record.path.stem}")
    if not isinstance(content, bytes):
        raise _foreign(record, "has an image that is not a file")
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except Exception as error:
        raise UnreadableImageError(f"{record.path.name} record {record.number}") from error
    return image


def _only(features: Mapping[str, Values], name: str, record: TFRecord) -> bytes | int | float:
    values = features.get(name, [])
    if len(values) != 1:
        raise _foreign(record, f"has {len(values)} values of '{name}' instead of one")
    return values[0]


def _foreign(record: TFRecord, what: str) -> BenchbenchError:
    return BenchbenchError(
        f"Record {record.number} of {record.path} {what}; convert it again with Meta-Dataset's "
        "tools."
    )


def _check_names(file: Path, spec: SourceSpec) -> None:
    if not file.is_file():
        return
    try:
        names = json.loads(file.read_text(encoding="utf-8"))["class_names"]
        found = {int(label): str(name) for label, name in names.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BenchbenchError(
            f"{file} is not a dataset specification of Meta-Dataset; convert the records again."
        ) from error
    expected = dict(enumerate(spec.class_names))
    differing = sorted(
        label for label in {*expected, *found} if expected.get(label) != found.get(label)
    )
    if differing:
        first = differing[0]
        raise BenchbenchError(
            f"{file} names other classes than the published {spec.name} (class {first} is "
            f"{found.get(first)!r} instead of {expected.get(first)!r}); convert the records again "
            "with the published splits."
        )
