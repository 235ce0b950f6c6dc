"""Which columns of a table of the library `datasets` are the images and the labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchbench.errors import BenchbenchError, unknown_name

KINDS = {
    "label": re.compile(r"u?int\d+|(large_)?string(_view)?"),
    "yes or no": re.compile(r"bool"),
    "bytes": re.compile(r"(large_)?binary"),
}
"""What columns of plain values hold, by their type."""

IMAGES, LABELS = ("image", "bytes"), ("class", "label", "yes or no")
"""The kinds of columns of images and of labels; those before go before those behind."""

CHANNELS = (1, 3)


def chosen_columns(
    name: str, features: Mapping[str, Any], image: str | None, label: str | None
) -> tuple[str, str]:
    """The columns of the images and of the labels, if they are not given.

    features: the types of all columns; name: what messages call the table. Raises BenchbenchError
    if it is not clear, or a column that is given holds something else.
    """
    columns = {key: _kind(feature) for key, feature in features.items()}
    image = image or _only(name, columns, IMAGES, "image")
    label = label or _only(name, columns, LABELS, "label")
    for column, kinds in ((image, (*IMAGES, "array")), (label, LABELS)):
        if column not in columns:
            raise unknown_name(f"column of {name}", column, columns)
        if columns[column] not in kinds:
            raise BenchbenchError(
                f"Column '{column}' of {name} does not hold {_HELD[kinds[0]]}; {_listed(columns)}."
            )
    if columns[image] == "array":
        _refuse_strange_arrays(name, image, features[image])
    return image, label


_HELD = {"image": "images", "class": "labels (ClassLabel, text, whole numbers or yes and no)"}


def _kind(feature: Any) -> str:
    """`image`, `array`, `class` or one of `KINDS`, by what a column holds, else its type."""
    import datasets

    if isinstance(feature, datasets.Image) or _is_image_struct(feature):
        return "image"
    if isinstance(feature, datasets.Array2D | datasets.Array3D):
        return "array"
    if isinstance(feature, datasets.ClassLabel):
        return "class"
    dtype = str(getattr(feature, "dtype", ""))
    if isinstance(feature, datasets.Value):
        kinds = (kind for kind, types in KINDS.items() if types.fullmatch(dtype))
        return next(kinds, dtype)
    return dtype or type(feature).__name__


def _is_image_struct(feature: Any) -> bool:
    """Whether a column holds bytes and paths, as images have that other libraries wrote."""
    return isinstance(feature, dict) and set(feature) == {"bytes", "path"}


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
