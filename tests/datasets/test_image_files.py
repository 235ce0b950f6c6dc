"""Which file an image is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchbench.datasets.folder import Folder
from benchbench.datasets.image_files import ImageFiles
from benchbench.datasets.opening import create_dataset, open_dataset, prepare
from benchbench.datasets.reading import image_files as opened_files
from benchbench.system.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path, tmp_path / "cache")


def draw(root: Path) -> dict[str, int]:
    """Five classes of four pictures, each of a grey of its own, by their names."""
    greys = {
        f"{name}/{place}.png": 40 * index + place
        for index, name in enumerate("abcde")
        for place in range(4)
    }
    for name, grey in greys.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), grey).save(root / name)
    return greys


@pytest.mark.parametrize(
    "spec",
    [
        "folder:{root}[size=8]",
        "hf:{root}[size=8]",
        "multi:folder:{root},glyphs[test_source=images,size=8]",
    ],
    ids=["a folder", "class folders of Hugging Face", "one of several data sets"],
)
def test_an_image_is_the_file_with_its_pixels(tmp_path: Path, spec: str, places: Places) -> None:
    root = tmp_path / "images"
    greys = draw(root)
    (root / "b/1.png").write_bytes(b"no image")
    dataset = create_dataset(spec.format(root=root))
    opened = open_dataset(dataset, places)
    files = ImageFiles(dataset, opened, places)
    ids = np.random.default_rng(0).permutation(len(opened.labels))
    names = files.names(ids)
    assert sorted(map(str, names)) == sorted(set(greys) - {"b/1.png"})
    assert [greys[str(name)] for name in names] == opened.images(ids)[:, 0, 0, 0].tolist()
    assert files.remark(names) == ""


def test_files_with_a_reason_or_a_byte_that_is_no_text_shift_no_name(
    tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened_files, "LARGEST", 100)
    root = tmp_path / "images"
    greys = draw(root)
    Image.new("L", (20, 20)).save(root / "a/1.png")
    (root / "a/0\udce9.png").write_bytes(b"no image")
    Image.new("L", (8, 8), 250).save(root / "a/2\udce9.png")
    greys["a/2\\udce9.png"] = 250
    opened = open_dataset(f"folder:{root}[size=8]", places)
    names = ImageFiles(opened.name, opened, places).names(np.arange(len(opened.labels)))
    assert sorted(map(str, names)) == sorted(set(greys) - {"a/1.png"})
    assert [greys[str(name)] for name in names] == opened.pixels[:][:, 0, 0, 0].tolist()


def test_of_drawn_images_no_file_is_known() -> None:
    files = ImageFiles("glyphs", open_dataset("glyphs"), Places.find())
    names = files.names(np.arange(3))
    assert names == [None, None, None]
    assert files.remark(names) == "glyphs does not say of 3 of 3 images which file each is."


def test_files_that_are_not_what_was_prepared_are_not_named(tmp_path: Path, places: Places) -> None:
    root = tmp_path / "images"
    draw(root)
    dataset = create_dataset("folder:photos[size=8]")
    prepare(dataset, places, root)
    opened, ids = open_dataset("folder:photos[size=8]", places), np.arange(4)
    assert ImageFiles(opened.name, opened, places).names(ids)[0] == "a/0.png"
    (root / "a/3.png").rename(root / "a/-.png")  # as many files, in another order
    files = ImageFiles(opened.name, opened, places)
    names = files.names(ids)
    assert names == [None] * 4
    assert "(its files have changed since they were prepared, or are gone)" in files.remark(names)


def test_files_that_cannot_be_listed_are_not_named(
    tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "images")
    opened = open_dataset("folder:images[size=8]", places)

    def fails(dataset: Folder, sources: list[Path]) -> None:
        raise ValueError("no luck")

    monkeypatch.setattr(Folder, "decode", fails)
    files = ImageFiles(opened.name, opened, places)
    assert files.names(np.arange(2)) == [None, None]
    assert "(ValueError: no luck)" in files.remark([None, None])
