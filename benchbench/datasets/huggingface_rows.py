"""Rows with an image and a class, read with the library `datasets` from the hub or from disk."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from benchbench.datasets.reading.file_tree import UnreadableImageError
from benchbench.datasets.reading.images import GREY_MODES, eight_bits
from benchbench.datasets.reading.offline import refuse_download
from benchbench.errors import BenchbenchError, unknown_name
from benchbench.system.library_paths import cache_fault
from benchbench.system.progress import say

SAVED = (("dataset_info.json", "state.json"), ("dataset_dict.json",))
"""The files of a `Dataset` and of a `DatasetDict` that `save_to_disk` wrote."""

LABEL_DTYPE = re.compile(r"u?int\d+|(large_)?string(_view)?")
CHANNELS = (1, 3)


class LabelledImages:
    """The images and classes of a table of the library, by row; nothing is decoded in advance.

    class_rows: the rows of each class by its name, in the order of a ClassLabel, else sorted.
    """

    def __init__(self, name: str, table: Any, image: str | None, label: str | None) -> None:
        """Raises BenchbenchError if the columns are ambiguous or hold something else."""
        import datasets

        columns = {key: _kind(feature) for key, feature in table.features.items()}
        image = image or _only(name, columns, ("image",), "image")
        label = label or _only(name, columns, ("class", "label"), "label")
        for column, kinds in ((image, ("image", "array")), (label, ("class", "label"))):
            if column not in columns:
                raise unknown_name(f"column of {name}", column, columns)
            if columns[column] not in kinds:
                raise BenchbenchError(
                    f"Column '{column}' of {name} does not hold {_HELD[kinds[0]]}; "
                    f"{_listed(columns)}."
                )
        self._is_encoded = columns[image] == "image"
        if self._is_encoded:
            images = table.cast_column(image, datasets.Image(decode=False)).with_format(None)
        else:
            _refuse_strange_arrays(name, image, table.features[image])
            images = table.with_format("numpy", columns=[image])
        self._images, self._column = images.select_columns([image]), image
        self.class_rows = _class_rows(name, table.with_format(None), label)

    def image(self, row: int, mode: str) -> Image.Image:
        """The decoded image, turned upright, `L` or `RGB`. Raises UnreadableImageError."""
        image, name = self._opened(row)
        try:
            image.load()
            return eight_bits(ImageOps.exif_transpose(image)).convert(mode)
        except Exception as error:
            raise UnreadableImageError(name) from error

    def is_grey(self, row: int) -> bool:
        """Whether an image has no colour by its header; one that cannot be read has none."""
        try:
            return self._opened(row)[0].mode in GREY_MODES
        except UnreadableImageError:
            return True

    def _opened(self, row: int) -> tuple[Image.Image, str]:
        value = self._images[row][self._column]
        name = f"row {row}"
        try:
            if not self._is_encoded:
                return Image.fromarray(_height_width_channels(np.asarray(value, np.uint8))), name
            name = Path(value["path"]).name + f" (row {row})" if value["path"] else name
            content = value["bytes"]
            return Image.open(io.BytesIO(content) if content else Path(value["path"])), name
        except Exception as error:
            raise UnreadableImageError(name) from error


_HELD = {"image": "images", "class": "labels (ClassLabel, text or whole numbers)"}


def _kind(feature: Any) -> str:
    """`image`, `array`, `class` or `label`, by what a column holds, else its type."""
    import datasets

    if isinstance(feature, datasets.Image):
        return "image"
    if isinstance(feature, datasets.Array2D | datasets.Array3D):
        return "array"
    if isinstance(feature, datasets.ClassLabel):
        return "class"
    dtype = str(getattr(feature, "dtype", ""))
    if isinstance(feature, datasets.Value) and LABEL_DTYPE.fullmatch(dtype):
        return "label"
    return dtype or type(feature).__name__


def _only(name: str, columns: dict[str, str], kinds: Sequence[str], parameter: str) -> str:
    """The one column of the first of these kinds that there is."""
    for kind in kinds:
        found = [column for column, held in columns.items() if held == kind]
        if len(found) == 1:
            return found[0]
        if found:
            break
    raise BenchbenchError(
        f"Which column of {name} is the {parameter} is not clear; say {parameter}=COLUMN: "
        f"{_listed(columns)}."
    )


def _listed(columns: dict[str, str]) -> str:
    shown = {"class": "ClassLabel", "label": "text or numbers"}
    texts = [f"{column} ({shown.get(kind, kind)})" for column, kind in columns.items()]
    return "its columns are " + ", ".join(texts)


def _refuse_strange_arrays(name: str, column: str, feature: Any) -> None:
    shape = tuple(feature.shape)
    if feature.dtype != "uint8" or (len(shape) == 3 and not {shape[0], shape[2]} & {*CHANNELS}):
        raise BenchbenchError(
            f"Column '{column}' of {name} holds {feature.dtype} arrays of shape {shape}; images "
            "are uint8 with 1 or 3 channels."
        )


def _height_width_channels(array: Any) -> Any:
    """The array as [h, w] or [h, w, 3]; its channels may come first."""
    if array.ndim == 3 and array.shape[2] not in CHANNELS:
        array = np.moveaxis(array, 0, 2)
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


def _class_rows(name: str, table: Any, column: str) -> dict[str, list[int]]:
    labels = table[column][:]
    names = getattr(table.features[column], "names", None)
    rows: dict[Any, list[int]] = {}
    for row, label in enumerate(labels):
        if label is not None and not (names and label < 0):
            rows.setdefault(label, []).append(row)
    missing = len(labels) - sum(map(len, rows.values()))
    if missing:
        say(f"{name}: left out {missing} row(s) without a label")
    if not rows:
        raise BenchbenchError(f"No row of {name} has a label in column '{column}'.")
    return {names[label] if names else str(label): rows[label] for label in sorted(rows)}


def load(
    name: str,
    source: Path | str,
    config: str | None,
    revision: str | None,
    splits: Sequence[str] | None,
) -> Any:
    """The rows of some splits, by default of all, as a `datasets.Dataset`.

    source: a folder, or a name at the hub; name: what messages call it. No code of the data set is
    run. Raises BenchbenchError with the cure if they cannot be loaded.
    """
    import datasets

    saved = isinstance(source, Path) and any(
        all((source / file).is_file() for file in files) for files in SAVED
    )
    if isinstance(source, str):
        refuse_download(name)
    elif revision:
        raise BenchbenchError(f"{name} is a folder, which has no revisions; leave out revision.")
    elif saved and config:
        raise BenchbenchError(f"{name} is a saved table without configurations; leave out config.")
    own_cache = saved or os.environ.get("HF_DATASETS_CACHE")
    if not own_cache and (fault := cache_fault("HF_HOME")):
        raise BenchbenchError(f"{name} cannot be loaded: {fault}")
    with _one_sentence(name):
        if saved:
            found = datasets.load_from_disk(str(source))
        else:
            found = datasets.load_dataset(str(source), config, revision=revision)
    if not isinstance(found, dict):
        if splits:
            raise BenchbenchError(f"{name} is one table without splits; leave out hf_split.")
        return found
    for split in splits or ():
        if split not in found:
            raise unknown_name(f"split of {name}", split, found)
    with _one_sentence(name, "its splits do not fit together, so choose with hf_split"):
        return datasets.concatenate_datasets([found[split] for split in splits or found])


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
