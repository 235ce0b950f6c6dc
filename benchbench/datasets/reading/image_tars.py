"""Images inside uncompressed tar archives, read where they lie: nothing is unpacked."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image

from benchbench.datasets.reading.file_tree import IMAGE_SUFFIXES, UnreadableImageError


class Span(NamedTuple):
    """The bytes of a file that lies inside an archive; a reference to an image."""

    archive: Path
    name: str
    start: int
    size: int

    def read(self) -> bytes:
        """The bytes. Raises OSError where the archive is gone."""
        with self.archive.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)

    def image(self) -> Image.Image:
        """The decoded image. Raises UnreadableImageError where the bytes are none."""
        try:
            image = Image.open(io.BytesIO(self.read()))
            image.load()
        except Exception as error:
            raise UnreadableImageError(self.name) from error
        return image


def whole(archive: Path) -> Span:
    """All of an archive."""
    return Span(archive, archive.name, 0, archive.stat().st_size)


def members(tar: Span) -> Iterator[Span]:
    """The plain files of a tar archive, which may lie in another one, in its own order.

    Links, devices and whatever claims to reach beyond the archive are passed over. Raises
    `tarfile.TarError` or OSError where it is damaged.
    """
    end = tar.start + tar.size
    with tar.archive.open("rb") as file:
        file.seek(tar.start)
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                if member.offset >= end:
                    return
                inside = member.offset_data + member.size <= end
                if member.isreg() and not member.issparse() and inside:
                    yield Span(tar.archive, member.name, member.offset_data, member.size)
            stop = archive.offset
        file.seek(stop)
        if stop < end and any(file.read(tarfile.BLOCKSIZE)):  # else damage passes for the end
            raise tarfile.ReadError(f"no member and no end of the archive at byte {stop}")


def image_members(tar: Span) -> list[Span]:
    """The images of a tar archive, in the order of their names without folders."""
    images = [
        Span(span.archive, PurePosixPath(span.name).name, span.start, span.size)
        for span in members(tar)
        if PurePosixPath(span.name).suffix.lower() in IMAGE_SUFFIXES
    ]
    return sorted(images, key=lambda span: span.name)
