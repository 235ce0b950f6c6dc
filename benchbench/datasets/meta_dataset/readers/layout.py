"""Finding a source's files in what its authors publish, packed or unpacked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from benchbench.datasets.meta_dataset.spec import SourceFiles
from benchbench.datasets.reading.class_folders import in_tree
from benchbench.datasets.reading.file_tree import FileTree, TreeFile
from benchbench.errors import BenchbenchError

NEEDED: dict[str, dict[str, type]] = {
    "images": {"id": int, "file_name": str},
    "annotations": {"image_id": int, "category_id": int},
    "categories": {"id": int, "name": str},
}
"""By table of COCO's annotations, the fields that are read and their types."""


@dataclass(frozen=True)
class Layout:
    """How a source is published.

    title: the source in words.
    folders: the usual names of its folder, for users who name the folder around it.
    archives: the published archives.
    text: the files that the source is read from; it ends a sentence.
    """

    title: str
    folders: tuple[str, ...]
    archives: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Part:
    """The files below one folder of a tree; `top` is its name, empty or with a slash at the end."""

    tree: FileTree
    top: str

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.tree.names)

    def has(self, name: str) -> bool:
        return self.top + name in self._names

    def read(self, name: str) -> bytes:
        return self.tree.read(self.top + name)

    def file(self, name: str) -> TreeFile:
        return TreeFile(self.tree, self.top + name)

    def images(self) -> list[str]:
        """The names of the images below `top`, from there, in alphabetical order."""
        start = len(self.top)
        return [name[start:] for name in self.tree.image_names() if name.startswith(self.top)]


class Published:
    """The files of a source at the place that a user names."""

    def __init__(self, path: Path, layout: Layout, unpack_to: Path) -> None:
        self.path = path
        self.layout = layout
        self._unpack_to = unpack_to
        self._opened: dict[Path, FileTree] = {}
        if not path.exists():
            raise self.refusal(f"There is no {path}")

    def refusal(self, reason: str) -> BenchbenchError:
        """The error that says what is wrong and what the layout must be."""
        return BenchbenchError(f"{reason}; {self.layout.title} is read from {self.layout.text}.")

    @property
    def folders(self) -> list[Path]:
        """The folder of the source, then the one around it, as far as they exist."""
        inner = (self.path / name for name in self.layout.folders)
        return [folder for folder in (*inner, self.path) if folder.is_dir()]

    def trees(self) -> Iterator[FileTree]:
        """The unpacked files, then the published archives, each opened when its turn comes."""
        if not self.path.is_dir():
            yield self.open(self.path)
            return
        yield from map(self.open, self.folders)
        for folder in self.folders:
            for archive in (folder / name for name in self.layout.archives):
                if archive.is_file():
                    yield self.open(archive)

    def part(self, marker: str) -> Part:
        """The first place with a file, or with a folder (`name/`). Raises BenchbenchError."""
        for tree in self.trees():
            top = _top(tree.names, marker)
            if top is not None:
                return Part(tree, top)
        raise self.refusal(f"{self.path} has no {marker}")

    def open(self, path: Path) -> FileTree:
        """A folder or archive, listed once."""
        if path not in self._opened:
            self._opened[path] = FileTree(path, self._unpack_to)
        return self._opened[path]


def read_class_folders(
    published: Published, folders: Mapping[str, str], around: Sequence[str]
) -> SourceFiles:
    """The images of class folders, by file name.

    folders: class names by what the class's folder is called; around: as `in_tree` takes it. Raises
    BenchbenchError if no tree has any.
    """
    for tree in published.trees():
        found = in_tree(tree, folders, around, one_place=True)
        if found:
            images = {name: found.get(folder, []) for folder, name in folders.items()}
            return SourceFiles(images, TreeFile.image)
    raise published.refusal(f"{published.path} has no folder of a class, such as {min(folders)}/")


def _top(names: Iterable[str], marker: str) -> str | None:
    """The beginning of the marker's name in the tree; the shallowest, then the first by name."""
    tops = set()
    for name in names:
        at = f"/{name}".find(f"/{marker}")
        if at >= 0 and (marker.endswith("/") or len(name) == at + len(marker)):
            tops.add(name[:at])
    return min(tops, key=lambda top: (top.count("/"), top), default=None)


def stays_below(name: str) -> bool:
    """Whether a file name from a published list is relative and climbs nowhere."""
    parts = PurePosixPath(name).parts
    return not (
        "\\" in name
        or ".." in parts
        or PurePosixPath(name).is_absolute()
        or PureWindowsPath(name).drive
    )


def coco_tables(
    published: Published, part: Part, file: str, *names: str
) -> list[list[dict[str, Any]]]:
    """These tables, with the fields of `NEEDED`. Raises BenchbenchError for any other file."""
    try:
        data = json.loads(part.read(file), object_hook=_without_outline)
    except (ValueError, RecursionError) as error:
        raise published.refusal(f"{file} in {published.path} is not JSON ({error})") from error
    tables = []
    for name in names:
        table = data.get(name) if isinstance(data, dict) else None
        if not isinstance(table, list) or not all(_fits(row, NEEDED[name]) for row in table):
            fields = " and ".join(NEEDED[name])
            raise published.refusal(
                f"{file} in {published.path} has no list '{name}' whose rows have {fields}"
            )
        tables.append(table)
    return tables


def _without_outline(row: dict[str, Any]) -> dict[str, Any]:
    """The row without its outline, which is not used and most of the file."""
    row.pop("segmentation", None)
    return row


def _fits(row: Any, fields: dict[str, type]) -> bool:
    return isinstance(row, dict) and all(
        type(row.get(name)) is kind for name, kind in fields.items()
    )
