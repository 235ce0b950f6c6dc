"""The files below a folder or inside an archive, found and read by relative name."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from benchbench.datasets.reading.archives import Tar, Zip, open_archive
from benchbench.datasets.reading.endings import START, ending_of, formats, image_endings
from benchbench.datasets.reading.image_files import TooManyPixelsError, open_image
from benchbench.datasets.reading.walking import NotEntered, folders_below, is_hidden
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places

if TYPE_CHECKING:
    from benchbench.datasets.base import Dataset


class UnreadableImageError(Exception):
    """A file that is not an image; the message is its name, as `shown`."""

    def __init__(self, name: str) -> None:
        super().__init__(shown(name))


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
        # What is below the folder and has no name here: see `NotEntered`, and devices and pipes.
        self.left_out, self.special = NotEntered(), 0
        if archive:
            self.names = sorted(archive.names)
            return
        names = []
        for prefix, _, files in folders_below(path, self.left_out):
            plain = [file.name for file in files if _is_file(file)]
            names += [prefix + name for name in plain]
            self.special += len(files) - len(plain)
        if "" in self.left_out.unreadable:
            raise BenchbenchError(f"The folder {path} may not be read.")
        self.names = sorted(names)

    def image_names(self) -> list[str]:
        """The files with an image's ending, without hidden ones."""
        endings = image_endings()
        return [name for name in self.names if ending_of(name) in endings and not is_hidden(name)]

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

    def start(self, name: str) -> bytes:
        """The first bytes of a file, by which its format is known. Raises as `read` does."""
        if self._archive is not None:
            return self._archive.start(name, START)
        with open(f"{self.path}/{name}", "rb", buffering=0) as file:
            return file.read(START)

    def inner_tar(self, name: str) -> FileTree:
        """The files of a tar archive inside this one. Raises BenchbenchError if it is damaged."""
        assert isinstance(self._archive, Tar)
        return FileTree(self.path, archive=self._archive.inner(name))


class TreeFile(NamedTuple):
    """A reference to an image of a folder or archive."""

    tree: FileTree
    name: str

    def content(self) -> bytes:
        """The encoded bytes. Raises as `FileTree.read` does."""
        return self.tree.read(self.name)

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
            return open_image(io.BytesIO(self.content()), formats())
        except BenchbenchError:
            raise
        except TooManyPixelsError as error:
            raise UnreadableImageError(f"{self.name} ({error})") from error
        except Exception as error:
            raise UnreadableImageError(self.name) from error


def shown(name: str) -> str:
    """A file's name as text that can be written; of a byte that is not UTF-8 it has `\\udce9`."""
    return name.encode(errors="backslashreplace").decode()


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, or a link that leads nowhere; not a device or a pipe."""
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:
        return True


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
