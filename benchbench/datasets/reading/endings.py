"""Which files are images, by their names or else by how they begin."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from PIL import Image, ImageFile

NOT_DECODED = {"EPS", "MPEG"}
"""Formats that Pillow names but benchbench does not decode: programs for Ghostscript, and films."""

COMMON = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "PPM")

START = 32
"""Bytes by which a format is known."""


@cache
def formats() -> tuple[str, ...]:
    """Pillow's formats of images that can be decoded on this machine, the commonest first."""
    Image.init()
    decoded = (name for name in Image.ID if name not in NOT_DECODED and not _is_stub(name))
    return tuple(sorted(decoded, key=lambda name: name not in COMMON))


@cache
def image_endings() -> frozenset[str]:
    """The endings of these formats, in small letters and with a dot."""
    readable = set(formats())
    return frozenset(
        ending for ending, name in Image.registered_extensions().items() if name in readable
    )


def ending_of(name: str) -> str:
    """The ending of a file's name in small letters and with a dot; empty if it has none."""
    stem, dot, ending = name.rpartition("/")[2].rpartition(".")
    return f".{ending.lower()}" if dot and ending and stem.strip(".") else ""


def may_be_image(start: bytes, ending: str) -> bool:
    """Whether a file that begins with these bytes, at least `START`, may be an image.

    The raw files of cameras begin as TIFF does and would give a thumbnail, so that a TIFF image has
    its own ending or none.
    """
    start = start.ljust(START, b"\0")  # some tests look at bytes that a short file does not have
    found = [name for name, accepts in _tests().items() if accepts(start)]
    return bool(found) and (found != ["TIFF"] or not ending)


@cache
def _tests() -> dict[str, Callable[[bytes], Any]]:
    """Pillow's tests of how a file begins, of the formats that have one."""
    found = {name: Image.OPEN[name][1] for name in formats()}
    return {name: accepts for name, accepts in found.items() if accepts is not None}


def _is_stub(name: str) -> bool:
    """Whether Pillow knows the format by name alone and leaves its decoding to others."""
    factory = Image.OPEN[name][0]
    return isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile)
