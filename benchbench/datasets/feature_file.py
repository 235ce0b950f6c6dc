"""A file of features: vectors with labels, and what is known of the images that they are of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.attributes import ClassAttributes
from benchbench.datasets.base import SPLITS
from benchbench.datasets.feature_formats import ATTRIBUTES, NAMES, OF_CLASSES, Content, format_of
from benchbench.datasets.open_dataset import FeatureOrigin, splits_sha256
from benchbench.errors import BenchbenchError
from benchbench.system.arrays import IntArray
from benchbench.system.files import output_file

NEEDED = "a file of features has 'features' [n, d] and 'labels' [n]"
KINDS = ("float16", "float32", "float64")
TABLE = "give numbers [classes, a], a row for each class in the order of class_names"


@dataclass
class FeatureFile:
    """The contents of a file.

    features: float16, float32 or float64 [n, d]; labels: int64 [n], positions in class_names.
    splits: of each class, or None; parts: of each image, or None; groups: of each image, or None.
    header: what was exported with them: `dataset`, `fingerprint`, `backbone` and so on.
    attributes: of the classes, or None.
    """

    features: NDArray[Any]
    labels: IntArray
    class_names: list[str]
    splits: list[str] | None = None
    parts: list[str] | None = None
    groups: list[str] | None = None
    header: dict[str, Any] = field(default_factory=dict)
    attributes: ClassAttributes | None = None

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all; its ending says the format.

        Raises BenchbenchError if it cannot be written.
        """
        kind = format_of(path)
        content = {name: getattr(self, name, None) for name in NAMES}
        if known := self.attributes:
            content |= {ATTRIBUTES: known.values, "attribute_names": list(known.names)}
        with output_file(path) as partial:
            kind.write(partial, {key: v for key, v in content.items() if v is not None})

    @classmethod
    def load(cls, path: Path) -> FeatureFile:
        """Read a file. Raises BenchbenchError that says what is wrong with it."""
        content = _read(path, NAMES)
        missing = [name for name in ("features", "labels") if name not in content]
        if missing:
            raise BenchbenchError(f"{path} has no '{missing[0]}'; {NEEDED}.")
        features, labels = np.asarray(content["features"]), np.asarray(content["labels"])
        _check_vectors(path, features, labels)
        numbers, names = _labelled(path, labels, _listed(path, content, "class_names"))
        found = cls(
            features,
            numbers,
            names,
            _words(path, content, "splits", len(names), SPLITS),
            _words(path, content, "parts", len(labels), SPLITS),
            _words(path, content, "groups", len(labels)),
            _header(path, content, len(names)),
            _attributes(path, content, len(names)),
        )
        empty = np.flatnonzero(np.bincount(numbers, minlength=len(names)) == 0)
        if len(empty):
            raise _wrong(path, f"class '{names[empty[0]]}' has no features", "leave the class out")
        return found


@dataclass(frozen=True)
class ClassFacts:
    """What a file says beside its vectors: splits and attributes, if any, and its header."""

    splits: list[str] | None
    header: dict[str, Any]
    attributes: ClassAttributes | None = None

    @classmethod
    def of(cls, path: Path, classes: int) -> ClassFacts:
        """Those of a file with so many classes. Raises BenchbenchError if they are wrong."""
        content = _read(path, (*OF_CLASSES, ATTRIBUTES))
        splits = _words(path, content, "splits", classes, SPLITS)
        return cls(splits, _header(path, content, classes), _attributes(path, content, classes))

    def split_classes(self, classes: int) -> dict[str, IntArray]:
        """Class ids by split; all are test classes where the file does not say."""
        of = np.array(self.splits or ["test"] * classes)
        return {split: np.flatnonzero(of == split) for split in SPLITS}

    def origin(self, labels: IntArray, parts: NDArray[np.str_] | None) -> FeatureOrigin:
        """Where the features come from, as the file says.

        Its fingerprint counts only if labels, splits and parts are those that were exported.
        """
        header = self.header
        splits = self.split_classes(int(labels.max()) + 1)
        same = header.get("layout_sha256") == layout_sha256(labels, splits, parts)
        return FeatureOrigin(
            drawn_as=header.get("fingerprint", "") if same else "",
            pretrained_on=tuple(header.get("pretrained_on", ("unknown",))),
            names_are_words=header.get("names_are_words"),
        )


def layout_sha256(
    labels: IntArray, splits: dict[str, IntArray], parts: NDArray[np.str_] | None
) -> str:
    """The hash of what episodes are drawn from: labels, splits and parts."""
    digest = hashlib.sha256(labels.astype("<i8").tobytes())
    none = np.empty(0, np.int64)
    whole = {split: splits.get(split, none) for split in SPLITS}
    digest.update(splits_sha256(whole, parts).encode())
    return digest.hexdigest()


def _read(path: Path, names: Collection[str]) -> Content:
    kind = format_of(path)
    try:
        return kind.read(path, names)
    except BenchbenchError:
        raise
    except FileNotFoundError as error:
        raise BenchbenchError(f"There is no file {path}.") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise BenchbenchError(f"{path} is no readable {path.suffix} file ({reason}).") from error


def _check_vectors(path: Path, features: NDArray[Any], labels: NDArray[Any]) -> None:
    shape = list(features.shape)
    if features.dtype.name not in KINDS or features.ndim != 2 or 0 in shape:
        what = f"features are {features.dtype.name} {shape}"
        raise _wrong(path, what, "give float32 or float16 [n, d]")
    if labels.shape != (len(features),):
        what = f"there are {len(features)} features and labels of shape {list(labels.shape)}"
        raise _wrong(path, what, "give one label for each")
    # In parts, as a mask of all of them would be large.
    bad = sum(
        int((~np.isfinite(features[start : start + 4096])).any(axis=1).sum())
        for start in range(0, len(features), 4096)
    )
    if bad:
        what = f"{bad} of its {len(features)} features are not finite"
        raise _wrong(path, what, "leave them out or compute them again")


def _labelled(
    path: Path, labels: NDArray[Any], names: Sequence[str] | None
) -> tuple[IntArray, list[str]]:
    """Labels as int64, and the names of the classes; labels may be the names themselves."""
    if names is not None and not all(isinstance(name, str) for name in names):
        raise _wrong(path, "its class_names are not texts", "give the name of each class")
    if labels.dtype.kind in "UO":
        known = sorted(set(labels.tolist())) if names is None else list(names)
        places = {name: place for place, name in enumerate(known)}
        lost = sorted(set(labels.tolist()) - set(places))
        if lost:
            raise _wrong(path, f"label '{lost[0]}' is not in class_names", "add it")
        return np.array([places[name] for name in labels.tolist()], dtype=np.int64), known
    if labels.dtype.kind not in "iu":
        raise _wrong(path, f"labels are {labels.dtype.name}", "give whole numbers or names")
    if names is None and labels.max() >= len(labels):
        what = f"label {labels.max()} is larger than its {len(labels)} features need"
        raise _wrong(path, what, "count the classes from 0, or give names as labels")
    known = [f"class {n}" for n in range(int(labels.max()) + 1)] if names is None else list(names)
    outside = int(((labels < 0) | (labels >= len(known))).sum())
    if outside:
        what = f"{outside} labels are outside 0 to {len(known) - 1}"
        raise _wrong(path, what, f"class_names has {len(known)} names")
    return labels.astype(np.int64), known


def _listed(path: Path, content: Content, name: str) -> Any:
    """What the file has under a name, which must be a list; None if it has nothing there."""
    found = content.get(name)
    if found is None or isinstance(found, list) or np.ndim(found) == 1:
        return found
    raise _wrong(path, f"its '{name}' is no list", "give a list of texts")


def _words(
    path: Path, content: Content, name: str, count: int, allowed: Collection[str] = ()
) -> list[str] | None:
    """A list of `count` texts; None if the file has none."""
    listed = _listed(path, content, name)
    if listed is None:
        return None
    found = [str(word) for word in listed]
    if len(found) != count:
        what = f"there are {len(found)} '{name}' for {count}"
        raise _wrong(path, what, "give one for each class" if name == "splits" else "one for each")
    wrong = set(found) - set(allowed or found)
    if wrong:
        what = f"'{min(wrong)}' is among its '{name}'"
        raise _wrong(path, what, f"they are {', '.join(allowed)}")
    return found


def _attributes(path: Path, content: Content, classes: int) -> ClassAttributes | None:
    """The attributes of the classes, numbered where they have no names; None if there are none."""
    if ATTRIBUTES not in content:
        if "attribute_names" in content:
            raise _wrong(path, "it has 'attribute_names' and no 'attributes'", "give both")
        return None
    try:
        values = np.asarray(content[ATTRIBUTES])
    except ValueError as error:
        raise _wrong(path, "the rows of its attributes differ in length", TABLE) from error
    if values.dtype.kind not in "biuf":
        raise _wrong(path, "its attributes are no numbers", TABLE)
    if values.ndim != 2 or len(values) != classes or not values.size:
        what = f"its attributes have the shape {list(values.shape)} and it has {classes} classes"
        raise _wrong(path, what, TABLE)
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if bad := int((~np.isfinite(numbers)).any(axis=1).sum()):
        what = f"{bad} of its {classes} rows of attributes are not finite in float32"
        raise _wrong(path, what, "give a number for each")
    names = _listed(path, content, "attribute_names")
    if names is None:
        names = [str(number) for number in range(1, values.shape[1] + 1)]
    if not all(isinstance(name, str) for name in names):
        raise _wrong(path, "its attribute_names are not texts", "give the name of each attribute")
    try:
        return ClassAttributes(tuple(names), numbers)
    except ValueError as error:
        raise _wrong(path, str(error), "give each attribute a name of its own") from error


def _header(path: Path, content: Content, classes: int) -> dict[str, Any]:
    header = content.get("header", {})
    named = header.get("fingerprint", "0" * 64) if isinstance(header, dict) else ""
    if not isinstance(named, str) or not re.fullmatch("[0-9a-f]{64}", named):
        raise _wrong(path, "its header is not one of `features export`", "export it again")
    seen, parents = header.get("pretrained_on", []), header.get("hierarchy") or [[]] * classes
    if not isinstance(seen, list) or not all(isinstance(name, str) for name in seen):
        cure = 'give one, such as ["imagenet-1k"]'
        raise _wrong(path, "its header's pretrained_on is no list of texts", cure)
    if not isinstance(parents, list) or [type(each) for each in parents] != [list] * classes:
        raise _wrong(path, "its header's hierarchy is no list for each class", "export it again")
    return dict(header)


def _wrong(path: Path, what: str, cure: str) -> BenchbenchError:
    return BenchbenchError(f"{path}: {what}; {cure}.")
