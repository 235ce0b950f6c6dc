"""Which images a data set of the CLIP line has, by its own lists, and by CoOp's.

Images are named as the lists name them, by the end of their path.
"""

from __future__ import annotations

import io
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from benchbench.datasets.prompts import prompt_data
from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.file_tree import FileTree
from benchbench.errors import BenchbenchError


class ListedImage(NamedTuple):
    """file: the end of its path; label: its class in words; part: its official use, if known."""

    file: str
    label: str
    part: str | None


Lists: TypeAlias = Callable[[FileTree], Iterable[ListedImage]]
"""Reads the lists of a tree. Raises BenchbenchError if they are missing or damaged."""


def in_words(label: str) -> str:
    """A label without the signs that stand for spaces or folders."""
    return re.sub(r"[_/]+", " ", label).strip()


def coop_lists(content: bytes, name: str) -> list[ListedImage]:
    """The images of a `split_zhou_*.json`: by part, lists of (path, label, class name).

    name: what messages call the file. Raises BenchbenchError if it is something else.
    """
    try:
        found = [
            ListedImage(str(file), in_words(label), part)
            for part, rows in json.loads(content).items()
            for file, _, label in rows
        ]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _not_as_published(name) from error
    if {image.part for image in found} - {"train", "val", "test"} or not found:
        raise _not_as_published(name)
    return found


def find_member(tree: FileTree, file: str) -> str | None:
    """The file of this name that is nearest to the top of a tree."""
    found = [name for name in tree.names if f"/{name}".endswith(f"/{file}")]
    return min(found, key=lambda name: (name.count("/"), name), default=None)


def class_folders(around: str, without: str = "") -> Lists:
    """Images by their folders, which lie in the folder `around`; nothing tells their parts.

    without: a folder that is no class.
    """

    def read(tree: FileTree) -> Iterator[ListedImage]:
        for name in tree.image_names():
            place, folder = posixpath.split(posixpath.dirname(name))
            if posixpath.basename(place) == around and folder != without:
                yield ListedImage(name, in_words(folder), None)

    return read


def part_folders(parts: Mapping[str, str], names: str) -> Lists:
    """Images by their folders, in folders of each part; names: a file of `FOLDER class name`."""

    def read(tree: FileTree) -> Iterator[ListedImage]:
        member = find_member(tree, names)
        lines = _lines(tree, names) if member else []
        name_of = dict(line.split(" ", 1) for line in lines if " " in line)
        for name in tree.image_names():
            place, folder = posixpath.split(posixpath.dirname(name))
            if part := parts.get(posixpath.basename(place)):
                yield ListedImage(name, in_words(name_of.get(folder, folder)), part)

    return read


def text_lists(files: Mapping[str, str], row: Callable[[str], tuple[str, str]]) -> Lists:
    """Images by a text file for each part; row: the file and the label that a line means."""

    def read(tree: FileTree) -> Iterator[ListedImage]:
        for part, file in files.items():
            for line in _lines(tree, file):
                try:
                    name, label = row(line)
                except (ValueError, IndexError) as error:
                    raise _not_as_published(f"{file} in {tree.path}") from error
                yield ListedImage(name, in_words(label), part)

    return read


def dtd_row(line: str) -> tuple[str, str]:
    """`banded/banded_0002.jpg`."""
    return line, line.split("/")[-2]


def pets_row(line: str) -> tuple[str, str]:
    """`Abyssinian_100 1 1 1`."""
    file = line.split()[0]
    return f"{file}.jpg", file.rsplit("_", 1)[0].title()


def aircraft_row(line: str) -> tuple[str, str]:
    """`0034309 707-320`."""
    file, label = line.split(" ", 1)
    return f"{file}.jpg", label


def sun_row(line: str) -> tuple[str, str]:
    """`/a/apartment_building/outdoor/sun_a.jpg`."""
    file = line.lstrip("/")
    return file, "/".join(file.split("/")[1:-1])


def ucf_row(line: str) -> tuple[str, str]:
    """`ApplyLipstick/v_ApplyLipstick_g08_c01.avi 2`, of which CoOp has the middle frame."""
    label, video = line.split()[0].split("/")
    return f"{video.rpartition('.')[0]}.jpg", " ".join(re.findall("[A-Z][^A-Z]*", label))


def food_lists(tree: FileTree) -> Iterator[ListedImage]:
    """Food-101's `meta/train.json` and `meta/test.json`: files without ending, by class."""
    for part in ("train", "test"):
        name = f"meta/{part}.json"
        try:
            by_class = json.loads(_read(tree, name))
            for label, files in by_class.items():
                yield from (ListedImage(f"{file}.jpg", in_words(label), part) for file in files)
        except (ValueError, TypeError, AttributeError) as error:
            raise _not_as_published(f"{name} in {tree.path}") from error


def flower_lists(tree: FileTree) -> Iterator[ListedImage]:
    """The numbers of images in `setid.mat`, their labels in `imagelabels.mat`, CLIP's names."""
    names = prompt_data()["Flowers102"]["classes"]
    labels = _matlab(tree, "imagelabels.mat", "labels").tolist()
    for part, key in {"train": "trnid", "val": "valid", "test": "tstid"}.items():
        for number in _matlab(tree, "setid.mat", key).tolist():
            label = in_words(names[labels[number - 1] - 1])
            yield ListedImage(f"image_{number:05d}.jpg", label, part)


def car_lists(tree: FileTree) -> Iterator[ListedImage]:
    """Stanford's annotations of `cars_train` and `cars_test`, and the names in `cars_meta.mat`."""
    names = _matlab(tree, "cars_meta.mat", "class_names").tolist()
    files = {"train": "cars_train_annos.mat", "test": "cars_test_annos_withlabels.mat"}
    for part, file in files.items():
        rows = _matlab(tree, file, "annotations")
        for name, label in zip(rows["fname"].tolist(), rows["class"].tolist(), strict=True):
            yield ListedImage(f"cars_{part}/{name}", in_words(names[label - 1]), part)


def _matlab(tree: FileTree, file: str, key: str) -> Any:
    """One of the arrays of a file, [n]."""
    from scipy.io import loadmat

    try:
        content: Any = io.BytesIO(_read(tree, file))  # which the types of SciPy do not know
        return loadmat(content, squeeze_me=True)[key].reshape(-1)
    except BenchbenchError:
        raise
    except Exception as error:  # SciPy raises many kinds of errors for damaged files.
        raise _not_as_published(f"{file} in {tree.path}") from error


def _lines(tree: FileTree, file: str) -> list[str]:
    text = _read(tree, file).decode(errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _read(tree: FileTree, file: str) -> bytes:
    member = find_member(tree, file)
    if member is None:
        raise copy_again(f"{tree.path} has no {file}")
    return tree.read(member)


def _not_as_published(what: str) -> BenchbenchError:
    return copy_again(f"{what} is not as it was published")
