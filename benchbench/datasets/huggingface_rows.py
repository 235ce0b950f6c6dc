"""Rows with an image and a class, read with the library `datasets` from the hub or from disk."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from benchbench.datasets.huggingface_columns import CHANNELS, chosen_columns
from benchbench.datasets.huggingface_folders import read_folder
from benchbench.datasets.integrity.checks import plural
from benchbench.datasets.reading.endings import formats
from benchbench.datasets.reading.file_tree import UnreadableImageError
from benchbench.datasets.reading.image_files import TooManyPixelsError, open_image
from benchbench.datasets.reading.offline import refuse_download
from benchbench.errors import BenchbenchError, unknown_name
from benchbench.system.library_paths import cache_fault

SAVED = (("dataset_info.json", "state.json"), ("dataset_dict.json",))
"""The files of a `Dataset` and of a `DatasetDict` that `save_to_disk` wrote."""


class Rows(NamedTuple):
    """Rows of a table, a `datasets.Dataset`, and how many of them, in order, are of each split.

    A table without splits has none.
    """

    table: Any
    splits: dict[str, int]


class LabelledImages:
    """The images and classes of rows of the library; nothing is decoded in advance.

    class_rows: the rows of each class by its name, in the order of a ClassLabel, else sorted.
    """

    def __init__(
        self,
        name: str,
        rows: Rows,
        image: str | None,
        label: str | None,
        remark: Callable[[str], None],
    ) -> None:
        """name, image, label: as `chosen_columns` takes them; remark: is told what is left out.

        Raises BenchbenchError if the columns are ambiguous or hold something else.
        """
        import datasets

        table, self._splits = rows
        image, label = chosen_columns(name, table.features, image, label)
        self._is_encoded = not isinstance(
            table.features[image], datasets.Array2D | datasets.Array3D
        )
        if self._is_encoded:
            images = table.cast_column(image, datasets.Image(decode=False)).with_format(None)
        else:
            images = table.with_format("numpy", columns=[image])
        self._images, self._column = images.select_columns([image]), image
        self.class_rows = _class_rows(name, table.with_format(None), label, remark)

    def classes(self) -> dict[str, list[RowImage]]:
        """The images of each class."""
        return {
            name: [RowImage(self, row) for row in rows] for name, rows in self.class_rows.items()
        }

    def homes(self) -> dict[str, list[str]]:
        """The split of each image of each class; nothing if there are no splits."""
        home_of = [split for split, size in self._splits.items() for _ in range(size)]
        return {
            name: [home_of[row] for row in rows]
            for name, rows in self.class_rows.items()
            if self._splits
        }

    def name(self, row: int) -> str:
        """What messages call an image: the name of its file, if it has one, and its row."""
        value = self._images[row][self._column]
        path = value["path"] if self._is_encoded and value else None
        return f"{Path(path).name} (row {row})" if path else f"row {row}"

    def opened(self, row: int) -> Image.Image:
        """An image that is not decoded yet. Raises any error of Pillow's if it is none."""
        if not self._is_encoded:
            value = np.asarray(self._images[row][self._column], np.uint8)
            return Image.fromarray(_height_width_channels(value))
        return open_image(io.BytesIO(self.content(row)), formats())

    def content(self, row: int) -> bytes:
        """The encoded bytes of an image. Raises BenchbenchError if it is an array."""
        if not self._is_encoded:
            raise BenchbenchError(
                f"The column {self._column} holds arrays, which are no encoded pictures; say "
                "size=N in place of size=native."
            )
        value = self._images[row][self._column]
        found: bytes = value["bytes"] or Path(value["path"]).read_bytes()
        return found


class RowImage(NamedTuple):
    """A reference to the image of a row."""

    images: LabelledImages
    row: int

    @property
    def name(self) -> str:
        return self.images.name(self.row)

    def content(self) -> bytes:
        """The encoded bytes. Raises BenchbenchError if it is an array."""
        return self.images.content(self.row)

    def header(self) -> Image.Image:
        """An image of which only size and mode are read. Raises UnreadableImageError."""
        try:
            return self.images.opened(self.row)
        except TooManyPixelsError as error:
            raise UnreadableImageError(f"{self.name} ({error})") from error
        except Exception as error:
            raise UnreadableImageError(self.name) from error


def _height_width_channels(array: Any) -> Any:
    """The array as [h, w] or [h, w, 3]; its channels may come first."""
    if array.ndim == 3 and array.shape[2] not in CHANNELS:
        array = np.moveaxis(array, 0, 2)
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


def _class_rows(
    name: str, table: Any, column: str, remark: Callable[[str], None]
) -> dict[str, list[int]]:
    labels = table[column][:]
    names = getattr(table.features[column], "names", None)
    rows: dict[Any, list[int]] = {}
    for row, label in enumerate(labels):
        if label is not None and not (names and label < 0):
            rows.setdefault(label, []).append(row)
    missing = len(labels) - sum(map(len, rows.values()))
    if missing:
        remark(f"{plural(missing, 'row', 'rows')} without a label, left out.")
    if not rows:
        raise BenchbenchError(f"No row of {name} has a label in column '{column}'.")
    return {names[label] if names else str(label): rows[label] for label in sorted(rows)}


def load(
    name: str,
    source: Path | str,
    config: str | None,
    revision: str | None,
    splits: Sequence[str] | None,
    remark: Callable[[str], None],
) -> Rows:
    """The rows of some splits, by default of all.

    source: a folder, or a name at the hub; name: what messages call it; remark: as `read_folder`
    has it. No code of the data set is run. Raises BenchbenchError with the cure if they cannot be
    loaded.
    """
    import datasets

    saved = isinstance(source, Path) and any(
        all((source / file).is_file() for file in files) for files in SAVED
    )
    _check_place(name, source, config, revision, saved)
    with _one_sentence(name):
        if saved:
            found = datasets.load_from_disk(str(source))
        elif isinstance(source, Path):
            found = read_folder(name, source, config, remark)
        else:
            found = datasets.load_dataset(source, config, revision=revision)
    if not isinstance(found, dict):
        if splits:
            raise BenchbenchError(f"{name} is one table without splits; leave out hf_split.")
        return Rows(found, {})
    for split in splits or ():
        if split not in found:
            raise unknown_name(f"split of {name}", split, found)
    tables = {split: found[split] for split in splits or found}
    with _one_sentence(name, "its splits do not fit together, so choose with hf_split"):
        table = datasets.concatenate_datasets(list(tables.values()))
    return Rows(table, {str(split): len(rows) for split, rows in tables.items()})


def _check_place(
    name: str, source: Path | str, config: str | None, revision: str | None, saved: bool
) -> None:
    """Raise BenchbenchError if the options do not go with the source, or it has no cache."""
    if isinstance(source, str):
        refuse_download(name)
    elif revision:
        raise BenchbenchError(f"{name} is a folder, which has no revisions; leave out revision.")
    elif saved and config:
        raise BenchbenchError(f"{name} is a saved table without configurations; leave out config.")
    own_cache = saved or os.environ.get("HF_DATASETS_CACHE")
    if not own_cache and (fault := cache_fault("HF_HOME")):
        raise BenchbenchError(f"{name} cannot be loaded: {fault}")


@contextmanager
def _one_sentence(name: str, reason: str = "") -> Iterator[None]:
    """Turn any error of the library into a BenchbenchError."""
    try:
        yield
    except BenchbenchError:
        raise
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        why = f"{reason} ({first_line})" if reason else _reason(error, first_line)
        raise BenchbenchError(f"{name} cannot be loaded: {why.rstrip('.')}.") from error


def _reason(error: Exception, first_line: str) -> str:
    """The reason and the cure."""
    from datasets.exceptions import DatasetNotFoundError

    text = str(error)
    if "gated" in text:
        return (
            "it is gated; accept its terms on its page at huggingface.co, then run "
            "`hf auth login` (older: `huggingface-cli login`)"
        )
    if isinstance(error, DatasetNotFoundError):
        return f"{first_line.rstrip('.')}; check the name, or run `hf auth login` if it is private"
    if isinstance(error, ConnectionError):
        return (
            "it is not in Hugging Face's cache and the hub cannot be reached; connect, unset "
            "HF_HUB_OFFLINE, or copy the folder HF_HOME from a machine that has it"
        )
    if "scripts are no longer supported" in text:
        return "it is a script, which is never run; choose its Parquet version (revision=...)"
    if isinstance(error, ValueError) and "onfig name is missing" in text:
        choices = text.partition("[")[2].partition("]")[0]
        return f"it has several configurations, so choose with config=NAME: {choices}"
    return first_line
