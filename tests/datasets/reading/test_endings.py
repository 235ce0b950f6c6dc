"""Images known by their endings, or by how they begin."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchbench.datasets.reading.endings import (
    START,
    ending_of,
    formats,
    image_endings,
    may_be_image,
)


def test_what_pillow_decodes_is_an_image() -> None:
    common = "png jpg jpeg jfif jpe webp avif jp2 bmp gif tif tiff ppm pgm tga ico psd"
    assert {f".{ending}" for ending in common.split()} <= image_endings()


def test_films_programs_and_formats_that_only_others_decode_are_none() -> None:
    assert not image_endings() & {".mpg", ".eps", ".ps", ".h5", ".hdf", ".grib", ".pdf", ".txt", ""}
    assert {"JPEG", "PNG"} <= set(formats()[:5])


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a/b.PNG", ".png"),
        ("a.b/c", ""),
        (".hidden", ""),
        (".hidden.png", ".png"),
        ("..png", ""),
        ("a.", ""),
        ("a.tar.gz", ".gz"),
    ],
)
def test_endings(name: str, ending: str) -> None:
    assert ending_of(name) == ending


@pytest.mark.parametrize(
    "encoding", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "JPEG2000"]
)
def test_an_image_is_known_by_its_beginning(encoding: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, encoding)
    assert may_be_image(file.getvalue()[:START], "")
    assert may_be_image(file.getvalue()[:START], ".raw") is (encoding != "TIFF")


@given(st.binary(max_size=START))
def test_any_beginning_can_be_looked_at(start: bytes) -> None:
    assert may_be_image(start, "") in (True, False)


@pytest.mark.parametrize("text", ["", "notes", "<?xml version='1.0'?>", "{}", "\0" * 40])
def test_other_files_are_none(text: str) -> None:
    assert not may_be_image(text.encode()[:START], "")
