"""Images of very many pixels: read in bounded memory, without a warning of Pillow's, or refused."""

import io
import itertools
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.image_bytes import MemoryFile, encoded, grey, oriented

from benchbench.datasets.reading import image_files, images
from benchbench.datasets.reading.conversion import Conversion
from benchbench.datasets.reading.image_files import TooManyPixelsError, open_image
from benchbench.datasets.reading.images import decode_file, decode_image

NOTE = "image(s) of more than 0 million pixels, reduced while decoding"


def claiming(side: int, content: bytes) -> bytes:
    """A PNG file that says to be larger."""
    header = bytearray(content)
    header[16:24] = side.to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    return bytes(header)


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (image_files, images):
        monkeypatch.setattr(module, "LARGE", 100)
    monkeypatch.setattr(image_files, "SHARED", 50)


def test_pillow_neither_warns_nor_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = open_image(io.BytesIO(claiming(17_000, encoded(grey([[1]])))))
    assert image.size == (17_000, 17_000)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_too_many_pixels_are_refused_with_their_number() -> None:
    with pytest.raises(TooManyPixelsError, match=r"^400 million pixels, of which at most 300 are"):
        open_image(io.BytesIO(claiming(20_000, encoded(grey([[1]])))))
    assert Image.MAX_IMAGE_PIXELS is not None


def test_a_jpeg_of_any_size_is_reduced_unless_it_is_progressive(monkeypatch) -> None:
    monkeypatch.setattr(image_files, "LARGEST", 100)
    picture = grey(np.zeros((40, 40)))
    assert open_image(io.BytesIO(encoded(picture, "JPEG"))).size == (40, 40)
    for content in (encoded(picture, "JPEG", progressive=True), encoded(picture)):
        with pytest.raises(TooManyPixelsError):
            open_image(io.BytesIO(content))


def smooth(width: int, height: int) -> Image.Image:
    """A colour picture without edges."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, (x + y) / 2], axis=2).astype(np.uint8))


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        *itertools.product(["PNG", "TIFF"], ["RGB", "L", "P", "RGBA", "1"]),
        *itertools.product(["JPEG", "WEBP"], ["RGB", "L"]),
    ],
)
@pytest.mark.parametrize("size", [(301, 170), (40, 1000)])
def test_a_large_picture_looks_like_itself(everything_is_large, form, mode, size) -> None:
    content = encoded(smooth(*size).convert(mode), form, exif=oriented(6))
    notes: set[str] = set()
    for wanted in ("RGB", "L"):
        reduced = decode_file(MemoryFile(content), 5, Conversion(wanted), notes=notes)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(image_files, "LARGE", 10**9)
            whole = decode_image(MemoryFile(content), 5, wanted)
        assert np.abs(reduced.astype(int) - whole).max() <= (12 if mode != "1" else 60)
    assert NOTE in notes


def test_a_small_picture_is_what_it_always_was() -> None:
    picture = smooth(61, 47)
    expected = np.asarray(picture.resize((9, 9), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(decode_image(MemoryFile(encoded(picture)), 9, "RGB"), expected)


def test_large_pictures_are_decoded_one_at_a_time(everything_is_large) -> None:
    busy, most = [0], [0]

    class Watched(Conversion):
        def picture(self, image: Image.Image, side: int, notes: set[str]) -> Image.Image:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
            threading.Event().wait(0.01)
            busy[0] -= 1
            return super().picture(image, side, notes)

    file = MemoryFile(encoded(smooth(30, 30)))
    threads = [
        threading.Thread(target=decode_file, args=(file, 4, Watched("RGB"))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


PEAK = """
import resource, sys
from pathlib import Path
from benchbench.datasets.reading import image_files
from benchbench.datasets.reading.file_tree import FileTree
from benchbench.datasets.reading.pictures import Pictures
image_files.LARGE, image_files.SHARED = 15_000_000, 1_000_000
files = FileTree(Path(sys.argv[1])).images()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images, _, unreadable, changes = Pictures(files, 16, "rgb", "white").decoded(files)
print(len(images), len(unreadable), sum(changes.values()))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_the_memory_of_a_folder_of_large_pictures(tmp_path: Path) -> None:
    """Of 16 million pixels each: two that are decoded to colours as a whole need 128 MB."""
    Image.new("1", (4_000, 4_000)).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "0.png").read_bytes())
    Image.new("L", (4_000, 4_000), 200).save(tmp_path / "2.jpg")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PEAK, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    counts, kilobytes = result.stdout.splitlines()
    assert counts == "3 0 3"
    assert int(kilobytes) < 64_000
