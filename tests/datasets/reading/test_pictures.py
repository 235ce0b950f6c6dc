"""The same files give the same pixels through every reader, and what was changed is counted."""

import shutil
from pathlib import Path

import datasets
import numpy as np
import pytest
from support.image_bytes import encoded, grey, oriented
from support.image_tables import columns, saved

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.datasets.reading.file_tree import FileTree
from benchbench.datasets.reading.images import decode_image
from benchbench.system.places import Places


def shaded(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (6, 9), np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of turned, transparent and deep pictures, grey all of them."""
    for label, name in enumerate(("cat", "owl")):
        folder = tmp_path / "set" / name
        folder.mkdir(parents=True)
        picture = grey(shaded(label))
        faint = picture.copy()
        faint.putalpha(grey(shaded(9)))
        contents = {
            "turned.jpg": encoded(picture, "JPEG", exif=oriented(6)),
            "faint.png": encoded(faint),
            "deep.png": encoded(grey(shaded(label).astype(np.uint16) * 16, np.uint16)),
            "ends.tif": encoded(grey(shaded(label).astype(">u2") * 16, ">u2"), "TIFF"),
            "plain.png": encoded(picture),
        }
        for file, content in contents.items():
            (folder / file).write_bytes(content)
    return tmp_path / "set"


def opened(spec: str, root: Path) -> OpenDataset:
    return open_dataset(spec, Places(root.parent / "none", root.parent / "cache"))


def changed(dataset: OpenDataset) -> list[str]:
    """The remarks on images."""
    return [remark for remark in dataset.remarks if "image" in remark]


def as_table(root: Path) -> Path:
    """The same files as rows of a table, with their bytes."""
    files = sorted(root.rglob("*.*"))
    cells = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    labels = [file.parent.name for file in files]
    content = columns(image=(datasets.Image(), cells), label=(datasets.Value("string"), labels))
    return saved(root.parent / "table", content)


def test_every_reader_gives_the_same_pixels(root: Path) -> None:
    archive = shutil.make_archive(str(root.parent / "packed"), "zip", root)
    specs = [f"folder:{root}", f"folder:{archive}", f"hf:{root}", f"hf:{as_table(root)}"]
    found = [opened(f"{spec}[size=5]", root) for spec in specs]
    assert len({one.fingerprint for one in found}) == 1
    assert found[0].image_shape == (5, 5, 1)
    for one in found:
        assert changed(one) == [
            "4 deep grey image(s), read on the scale of 12 bits.",
            "2 image(s) turned upright as their EXIF data say.",
            "2 image(s) with transparency, put on white.",
        ]
    listed = decode_image(FileTree(root).images()[4], 5, "L")
    np.testing.assert_array_equal(found[0].images(np.array([4]))[0], listed)


def test_deep_greys_are_those_of_eight_bits(root: Path) -> None:
    pixels = np.asarray(opened(f"folder:{root}[size=9]", root).pixels)
    for label in (0, 1):
        deep, ends, _, plain = pixels[5 * label : 5 * label + 5][[0, 1, 2, 3]]
        np.testing.assert_array_equal(deep, plain)
        np.testing.assert_array_equal(deep, ends)


def test_the_background_is_a_parameter(root: Path) -> None:
    white, black = (opened(f"folder:{root}[size=5{b}]", root) for b in ("", ",background=black"))
    assert white.name == f"folder:{root}[size=5]"
    assert black.name == f"folder:{root}[size=5,background=black]"
    assert "2 image(s) with transparency, put on black." in black.remarks
    differ = [int(np.any(a != b)) for a, b in zip(white.pixels, black.pixels, strict=True)]
    assert sum(differ) == 2
    assert opened(f"folder:{root}[size=5,background=red]", root).image_shape == (5, 5, 3)


def test_the_background_does_not_count_without_transparency(root: Path) -> None:
    for file in root.rglob("faint.png"):
        file.unlink()
    specs = [
        f"{kind}:{root}[background={b}]" for kind in ("folder", "hf") for b in ("white", "red")
    ]
    assert len({opened(spec, root).fingerprint for spec in specs}) == 1


def test_an_interruption_forgets_no_count(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_bytes

    def fail(path: Path) -> bytes:
        if path.parent.name == "owl":
            raise KeyboardInterrupt
        return read(path)

    spec = f"folder:{root}[size=5,colour=grey]"
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(KeyboardInterrupt):
        opened(spec, root)
    monkeypatch.setattr(Path, "read_bytes", read)
    assert len(changed(opened(spec, root))) == 3
