"""The files below a folder or inside an archive, found and read by relative name."""

from __future__ import annotations

import io
import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from benchbench.datasets.reading.archives import Tar, Zip, open_archive
from benchbench.datasets.reading.image_files import TooManyPixelsError, open_image
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places

if TYPE_CHECKING:
    from benchbench.datasets.base import Dataset


IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}


class UnreadableImageError(Exception):
    """A file that is not an image; the message is its name."""


class FileTree:
    """The files below a folder or inside a zip or tar archive, by relative name with slashes."""

    def __init__(
        self, path: Path, unpack_to: Path | None = None, archive: Zip | Tar | None = None
    ) -> None:
        """Raises BenchbenchError if `path` is neither, or the archive is empty, damaged or harmful.

        unpack_to: the folder for compressed tar archives, by default in the cache; archive: the one
        at this path if it is open already.
        """
        self.path = path
        if archive is None and not path.is_dir():
            archive = open_archive(path, unpack_to or Places.find().cache / "unpacked")
        self._archive = archive
        if archive:
            self.names = sorted(archive.names)
        else:
            self.names = sorted(
                prefix + file.name
                for prefix, _, files in folders_below(path)
                for file in files
                if file.is_file()
            )

    def image_names(self) -> list[str]:
        """The files with an image's ending, without hidden ones."""
        return [
            name
            for name in self.names
            if posixpath.splitext(name)[1].lower() in IMAGE_SUFFIXES
            and "/." not in f"/{name}"
            and "/__MACOSX" not in f"/{name}"
        ]

    def images(self) -> list[TreeFile]:
        """The same as references."""
        return [TreeFile(self, name) for name in self.image_names()]

    def images_by(self, key: Callable[[str], str]) -> dict[str, list[TreeFile]]:
        """The images by the `key` of their names; an empty key leaves an image out."""
        found: dict[str, list[TreeFile]] = {}
        for file in self.images():
            if label := key(file.name):
                found.setdefault(label, []).append(file)
        return found

    def read(self, name: str) -> bytes:
        """A file's content. Raises FileNotFoundError, or BenchbenchError for a damaged archive."""
        if self._archive is None:
            return (self.path / name).read_bytes()
        try:
            return self._archive.read(name)
        except KeyError as error:
            raise FileNotFoundError(name) from error

    def inner_tar(self, name: str) -> FileTree:
        """The files of a tar archive inside this one. Raises BenchbenchError if it is damaged."""
        assert isinstance(self._archive, Tar)
        return FileTree(self.path, archive=self._archive.inner(name))


class TreeFile(NamedTuple):
    """A reference to an image of a folder or archive."""

    tree: FileTree
    name: str

    def image(self) -> Image.Image:
        """The decoded image. Raises UnreadableImageError, also for too many pixels."""
        image = self.header()
        try:
            image.load()
        except Exception as error:
            raise UnreadableImageError(self.name) from error
        return image

    def header(self) -> Image.Image:
        """An image of which only size and mode are read. Raises as `image` does."""
        try:
            return open_image(io.BytesIO(self.tree.read(self.name)))
        except BenchbenchError:
            raise
        except TooManyPixelsError as error:
            raise UnreadableImageError(f"{self.name} ({error})") from error
        except Exception as error:
            raise UnreadableImageError(self.name) from error


def folders_below(folder: Path) -> Iterator[tuple[str, str, list[os.DirEntry[str]]]]:
    """The beginning of the files' names, the path and the files of a folder and of all below it.

    The order is alphabetical, and a folder's own files come first. Links to folders are not
    followed, and folders that may not be read, such as a disk's `lost+found`, are left out.
    """
    waiting = [("", str(folder))]
    while waiting:
        prefix, path = waiting.pop()
        try:
            with os.scandir(path) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except PermissionError:
            continue
        folders = [entry for entry in found if entry.is_dir()]
        yield prefix, path, [entry for entry in found if not entry.is_dir()]
        waiting += [
            (f"{prefix}{entry.name}/", entry.path)
            for entry in reversed(folders)
            if not entry.is_symlink()
        ]


ARCHIVES = ("", ".zip", ".tar", ".tar.gz", ".tgz")  # a folder has no ending


def located(dataset: Dataset, places: Places, names: Sequence[str], cure: str) -> Path:
    """The place of a data set's files: its `origin`, else what has one of the names.

    names: of folders, files or archives without their ending, in the data root and then in the
    cache's `data` folder. Raises BenchbenchError(cure) if none of them exists.
    """
    if dataset.origin is not None:
        if not dataset.origin.exists():
            raise BenchbenchError(f"There is no folder or file {dataset.origin}.")
        return dataset.origin
    for root in (places.data_root, places.cache / "data"):
        for name in names:
            for ending in ARCHIVES:
                candidate = root / f"{name}{ending}"
                if candidate.exists():
                    return candidate
    raise BenchbenchError(cure)
