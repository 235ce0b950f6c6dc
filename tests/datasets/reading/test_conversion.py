"""Transparency over a background, and photographs turned upright, in every mode and format."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from support.image_bytes import MemoryFile, encoded, grey, oriented

from benchbench.datasets.reading.conversion import Conversion, colour_of
from benchbench.datasets.reading.images import decode_file, decode_image

# Each picture has a black left half, of which nothing is seen, and an opaque grey of 100 beside it.
HALVES = grey([[0, 100]])
ALPHA = grey([[0, 255]])


def with_alpha(mode: str) -> Image.Image:
    image = HALVES.convert(mode[:-1])
    image.putalpha(ALPHA)
    return image


def palette(grey_of: tuple[int, ...] = (0, 100)) -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([channel for value in grey_of for channel in (value,) * 3])
    image.putpixel((1, 0), 1)
    return image


TRANSPARENT = {
    "RGBA": encoded(with_alpha("RGBA")),
    "LA": encoded(with_alpha("LA")),
    "palette, bytes": encoded(palette(), transparency=b"\0\xff"),
    "palette, index": encoded(palette(), transparency=0),
    "GIF": encoded(palette(), "GIF", transparency=0),
    "grey, one value": encoded(HALVES, transparency=0),
    "1 bit, one value": encoded(grey([[0, 1]], bool), transparency=0),
    "colour, one value": encoded(HALVES.convert("RGB"), transparency=(0, 0, 0)),
    "16 bits, one value": encoded(grey([[0, 100 * 256]], np.uint16), transparency=0),
    "WebP": encoded(with_alpha("RGBA"), "WEBP", lossless=True),
    "TIFF": encoded(with_alpha("RGBA"), "TIFF"),
    "TIFF, grey": encoded(with_alpha("LA"), "TIFF"),
}


def decoded(content: bytes, mode: str, background: str = "white") -> tuple[list[Any], set[str]]:
    """The two pixels, and the notes."""
    notes: set[str] = set()
    pixels = decode_file(MemoryFile(content), 2, Conversion(mode, background), "nearest", notes)
    return pixels[0].tolist(), notes


@pytest.mark.parametrize("kind", TRANSPARENT)
@pytest.mark.parametrize(("background", "value"), [("white", 255), ("black", 0), ("#808080", 128)])
def test_what_is_transparent_shows_the_background(kind: str, background: str, value: int) -> None:
    seen = 255 if kind.startswith("1 bit") else 100
    for mode in ("L", "RGB"):
        pixels, notes = decoded(TRANSPARENT[kind], mode, background)
        assert pixels == [[value] * len(mode), [seen] * len(mode)]
        expected = {f"image(s) with transparency, put on {background}"}
        assert {note for note in notes if "grey image" not in note} == expected


@pytest.mark.parametrize("mode", ["RGBa", "La", "PA"])
def test_modes_that_files_seldom_have(mode: str) -> None:
    notes: set[str] = set()
    image = Image.new("PA", (2, 1)) if mode == "PA" else Image.new(mode, (2, 1))
    assert Conversion("RGB", "red").picture(image, 2, notes).getpixel((0, 0)) == (255, 0, 0)


def test_a_colour_of_16_bits_that_is_transparent() -> None:
    image = HALVES.convert("RGB")
    image.info["transparency"] = (100 * 257,) * 3
    picture = Conversion("RGB").picture(image, 2, set())
    assert [picture.getpixel((x, 0)) for x in (0, 1)] == [(0, 0, 0), (255, 255, 255)]


def test_half_of_the_background_shines_through() -> None:
    image = Image.new("RGBA", (1, 1), (0, 0, 0, 128))
    assert Conversion("RGB").picture(image, 1, set()).getpixel((0, 0)) == (127, 127, 127)


@given(
    values=st.lists(st.integers(0, 255), min_size=6, max_size=6),
    mode=st.sampled_from(["LA", "RGBA"]),
)
def test_an_opaque_alpha_changes_nothing(values: list[int], mode: str) -> None:
    bare = grey([values]).convert(mode[:-1])
    opaque = bare.copy()
    opaque.putalpha(255)
    notes: set[str] = set()
    for wanted in ("L", "RGB"):
        conversion = Conversion(wanted)
        pictures = [conversion.picture(image, 2, notes).convert(wanted) for image in (bare, opaque)]
        assert pictures[0].tobytes() == pictures[1].tobytes()
    assert notes == set()


def test_a_transparent_value_that_no_pixel_has_changes_nothing() -> None:
    for image, value in ((HALVES, 7), (HALVES.convert("RGB"), (7, 7, 7)), (palette(), b"\xff\xff")):
        content = encoded(image, transparency=value)
        assert decoded(content, "RGB") == ([[0, 0, 0], [100, 100, 100]], set())


@pytest.mark.parametrize("name", ["nocolour", "", "#12", "100"])
def test_a_background_that_is_no_colour(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not a colour; say one such as white, black"):
        colour_of(name)


# Orientation

SIX = grey([[10, 60], [110, 160], [210, 250]])


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("tag", range(1, 9))
def test_every_turn_is_undone(form: str, tag: int) -> None:
    content = encoded(SIX.convert("RGB"), form, exif=oriented(tag), lossless=True)
    with Image.open(MemoryFile(content).header().fp) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).resize((6, 6), 0))
    notes: set[str] = set()
    pixels = decode_file(MemoryFile(content), 6, Conversion("RGB"), "nearest", notes)
    np.testing.assert_array_equal(pixels, expected)
    by_us = tag > 1 and form != "TIFF"  # which Pillow turns itself
    assert notes == ({"image(s) turned upright as their EXIF data say"} if by_us else set())


@pytest.mark.parametrize("tag", [0, 9, 999])
def test_a_turn_that_there_is_not(tag: int) -> None:
    plain, strange = encoded(SIX), encoded(SIX, exif=oriented(tag))
    np.testing.assert_array_equal(*(decode_image(MemoryFile(c), 6, "L") for c in (plain, strange)))


@given(
    damage=st.binary(max_size=40),
    cut=st.integers(0, 40),
    head=st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"IIU\0\x18\0\0\0", b""]),
)
def test_damaged_exif_data_leave_an_image_as_it_is(damage: bytes, cut: int, head: bytes) -> None:
    whole = oriented(6).tobytes()[6 : 6 + cut]
    exif = b"Exif\0\0" + (head + damage if cut % 2 else whole + damage)
    content = encoded(grey(np.zeros((8, 8))), "JPEG", exif=exif)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")
        assert decode_image(MemoryFile(content), 8, "L").shape == (8, 8, 1)
