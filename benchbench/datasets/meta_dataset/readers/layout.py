"""Finding a source's files in what its authors publish, packed or unpacked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from PIL import Image

from benchbench.datasets.reading.file_tree import FileTree
from benchbench.errors import BenchbenchError


@dataclass(frozen=True)
class Layout:
    """How a source is published.

    title: the source in words.
    folders: what the folder of the source may be called, where a user names the one around it.
    archives: the published archives.
    text: what the source is read from; it ends a sentence.
    """

    title: str
    folders: tuple[str, ...]
    archives: tuple[str, ...]
    text: str


class TreeFile(NamedTuple):
    """A file of a folder or archive; a reference to an image."""

    tree: FileTree
    name: str

    def image(self) -> Image.Image:
        """The decoded image. Raises UnreadableImageError where the file is none."""
        return self.tree.image(self.name)


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
        """The folder of the source, then the one around it, as far as they are there."""
        inner = (self.path / name for name in self.layout.folders)
        return [folder for folder in (*inner, self.path) if folder.is_dir()]

    def trees(self) -> Iterator[FileTree]:
        """The unpacked files, then the published archives, each opened when its turn comes."""
        if not self.path.is_dir():
            yield self._open(self.path)
            return
        yield from map(self._open, self.folders)
        for folder in self.folders:
            for archive in (folder / name for name in self.layout.archives):
                if archive.is_file():
                    yield self._open(archive)

    def part(self, marker: str) -> Part:
        """The first place with this file, or, with a slash at its end, with this folder.

        Raises BenchbenchError where there is none.
        """
        for tree in self.trees():
            top = _top(tree.names, marker)
            if top is not None:
                return Part(tree, top)
        raise self.refusal(f"{self.path} has no {marker}")

    def _open(self, path: Path) -> FileTree:
        if path not in self._opened:
            self._opened[path] = FileTree(path, self._unpack_to)
        return self._opened[path]


def _top(names: Iterable[str], marker: str) -> str | None:
    """What the marker's name begins with in the tree; the shallowest, then the first by name."""
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
