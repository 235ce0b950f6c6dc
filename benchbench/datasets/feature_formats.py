"""The formats of a file of features: npz, safetensors and parquet, each as named contents.

features: [n, d]; labels: [n]; attributes: [classes, a]; parts, groups: [n] texts; class_names,
splits: [classes] texts; attribute_names: [a] texts; header: what JSON can hold. A safetensors file
has all but the first three as JSON in its metadata, a parquet file has columns of n, and the others
as JSON in the metadata of its schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError

VECTORS, TEXTS = ("features", "labels"), ("parts", "groups")
ATTRIBUTES = "attributes"
OF_CLASSES = ("class_names", "splits", "attribute_names", "header")
NAMES = (*VECTORS, *TEXTS, *OF_CLASSES, ATTRIBUTES)
TENSORS = (*VECTORS, ATTRIBUTES)
"""Of a safetensors file."""
IN_SCHEMA = (*OF_CLASSES, ATTRIBUTES)
"""Of a parquet file, in its metadata."""

ROWS = 8192
"""Of a parquet file that are written at a time."""

Content: TypeAlias = dict[str, Any]


class Format(NamedTuple):
    """How files of one ending are read, of which some names may be wanted, and written.

    `read` raises whatever the format's library does of another file.
    """

    read: Callable[[Path, Collection[str]], Content]
    write: Callable[[Path, Mapping[str, Any]], None]


def format_of(path: Path) -> Format:
    """The format by a file's ending. Raises BenchbenchError for any other."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise BenchbenchError(
            f"{path} has no ending of a file of features; these are {', '.join(FORMATS)}."
        )
    return found


def _read_npz(path: Path, names: Collection[str]) -> Content:
    from zipfile import is_zipfile

    with path.open("rb") as opened:
        if not is_zipfile(opened):  # NumPy would speak of pickles
            raise ValueError("it is no archive as np.savez writes it")
    with np.load(path, allow_pickle=False) as file:
        found = {name: _array(file, name) for name in file.files if name in names}
    if "header" in found:
        found["header"] = json.loads(str(found["header"]))
    return {name: value.tolist() if _is_text(value) else value for name, value in found.items()}


def _array(file: Any, name: str) -> NDArray[Any]:
    """One array of a file. Raises ValueError if it holds objects, which would be a pickle."""
    try:
        found: NDArray[Any] = file[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise ValueError(
            f"its '{name}' are Python objects; save them as numbers or as texts, np.array([...])"
        ) from error
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "U"


def _write_npz(path: Path, content: Mapping[str, Any]) -> None:
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in content.items()}
    arrays["header"] = np.array(json.dumps(content["header"]))
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _read_safetensors(path: Path, names: Collection[str]) -> Content:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        known = _of(file, names)
        tensors = {name: file.get_tensor(name) for name in TENSORS if name in known}
        return {**tensors, **_decoded(file.metadata() or {}, names)}


def _of(file: Any, names: Collection[str]) -> set[str]:
    return set(names).intersection(file.keys())


def _write_safetensors(path: Path, content: Mapping[str, Any]) -> None:
    from safetensors.numpy import save_file

    tensors = {name: np.ascontiguousarray(content[name]) for name in TENSORS if name in content}
    save_file(tensors, path, _encoded(content, (*TEXTS, *OF_CLASSES)))


def _read_parquet(path: Path, names: Collection[str]) -> Content:
    parquet = _pyarrow("pyarrow.parquet")
    with parquet.ParquetFile(path) as file:
        columns = [name for name in (*VECTORS, *TEXTS) if name in file.schema_arrow.names]
        table = file.read([name for name in columns if name in names])
        texts = {
            key.decode(): value.decode()
            for key, value in (file.schema_arrow.metadata or {}).items()
            if key.decode() in IN_SCHEMA
        }
    found: Content = _decoded(texts, names)
    for name in table.column_names:
        column = table.column(name)
        if column.null_count:
            raise ValueError(f"{column.null_count} of its '{name}' are missing")
        found[name] = _vectors(column) if name == "features" else column.to_numpy()
    return {name: v.tolist() if name in TEXTS else v for name, v in found.items()}


def _vectors(column: Any) -> NDArray[Any]:
    """A column of lists as [n, d]. Raises ValueError if they are of several lengths."""
    compute = _pyarrow("pyarrow.compute")
    lengths = compute.list_value_length(column).unique().to_pylist()
    if len(lengths) > 1:
        raise ValueError(f"its features have {min(lengths)} to {max(lengths)} numbers")
    numbers = np.concatenate([chunk.flatten().to_numpy(False) for chunk in column.chunks])
    return numbers.reshape(len(column), -1)


def _write_parquet(path: Path, content: Mapping[str, Any]) -> None:
    arrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    features = content["features"]
    kinds = {
        "features": arrow.list_(arrow.from_numpy_dtype(features.dtype), features.shape[1]),
        "labels": arrow.int64(),
        **{name: arrow.string() for name in TEXTS if name in content},
    }
    schema = arrow.schema(list(kinds.items()), metadata=_encoded(content, IN_SCHEMA))
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, len(features), ROWS):
            rows = {name: content[name][start : start + ROWS] for name in kinds}
            flat = arrow.array(np.asarray(rows["features"]).reshape(-1))
            vectors = arrow.FixedSizeListArray.from_arrays(flat, features.shape[1])
            writer.write_table(arrow.table({**rows, "features": vectors}, schema))


def _encoded(content: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    found = {name: content[name] for name in names if name in content}
    plain = {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in found.items()}
    return {name: json.dumps(value) for name, value in plain.items()}


def _decoded(texts: Mapping[str, str], names: Collection[str]) -> Content:
    return {name: json.loads(text) for name, text in texts.items() if name in names}


def _pyarrow(module: str) -> ModuleType:
    import importlib

    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise BenchbenchError(
            "Parquet files need the package pyarrow; install it, or use .npz or .safetensors."
        ) from error


FORMATS = {
    ".npz": Format(_read_npz, _write_npz),
    ".parquet": Format(_read_parquet, _write_parquet),
    ".safetensors": Format(_read_safetensors, _write_safetensors),
}
