"""Small copies of published layouts: images of one grey, and a specification of their classes."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchbench.datasets.meta_dataset.readers import read
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.errors import BenchbenchError


def encoded(image: Image.Image, suffix: str) -> bytes:
    """Without loss, whatever the name says, so that pixels are known; Pillow goes by content."""
    buffer = io.BytesIO()
    image.save(buffer, "PPM" if suffix == ".ppm" else "PNG")
    return buffer.getvalue()


@pytest.fixture
def put() -> Callable[..., None]:
    """Writes images of the greys 0, 1, 2... below a folder, in the order of the names."""

    def write(folder: Path, *names: str, size: tuple[int, int] = (6, 4)) -> None:
        for grey, name in enumerate(names):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encoded(Image.new("RGB", size, (grey,) * 3), file.suffix))

    return write


@pytest.fixture
def gradient() -> Callable[..., None]:
    """Writes an image whose red is the column and whose green is the row."""

    def write(file: Path, width: int, height: int) -> None:
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[..., 0] = np.arange(width)
        pixels[..., 1] = np.arange(height)[:, None]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(Image.fromarray(pixels), file.suffix))

    return write


@pytest.fixture
def spec_of() -> Callable[..., SourceSpec]:
    """A specification of these classes, all for testing."""

    def make(*names: str, left_out: frozenset[str] = frozenset()) -> SourceSpec:
        return SourceSpec(
            name="small",
            title="Small",
            classes={"train": [], "val": [], "test": list(names)},
            images_per_class=dict.fromkeys(names, 1),
            left_out=left_out,
        )

    return make


@pytest.fixture
def read_from(tmp_path: Path, spec_of: Callable[..., SourceSpec]) -> Callable[..., SourceFiles]:
    """Reads a source of these classes from a path."""

    def reading(source: str, path: Path, *names: str, **more: frozenset[str]) -> SourceFiles:
        return read(source, path, spec_of(*names, **more), tmp_path / "unpacked")

    return reading


@pytest.fixture
def greys() -> Callable[[SourceFiles, str], list[int]]:
    """The top left red of each image of a class."""

    def of(files: SourceFiles, name: str) -> list[int]:
        return [files.load(ref).convert("RGB").getpixel((0, 0))[0] for ref in files.images[name]]

    return of


@pytest.fixture
def refused(read_from: Callable[..., SourceFiles]) -> Callable[..., str]:
    """The one sentence that a reader refuses a path with."""

    def message(source: str, path: Path, *names: str) -> str:
        with pytest.raises(BenchbenchError) as caught:
            read_from(source, path, *names)
        text = str(caught.value)
        assert text.endswith(".")
        assert "\n" not in text
        assert "is read from" in text
        return text

    return message
