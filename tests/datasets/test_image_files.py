"""Which file an image is."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchbench.datasets.image_files import files_of
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.system.places import Places


def test_an_image_is_the_file_with_its_pixels(tmp_path: Path) -> None:
    places, root = Places(tmp_path, tmp_path / "cache"), tmp_path / "images"
    greys = {
        f"{name}/{place}.png": 40 * index + place
        for index, name in enumerate("abcde")
        for place in range(4)
    }
    for name, grey in greys.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), grey).save(root / name)
    (root / "b/1.png").write_bytes(b"no image")
    dataset = create_dataset(f"folder:{root}[size=8]")
    opened = open_dataset(dataset, places)
    ids = np.random.default_rng(0).permutation(len(opened.labels))
    names = files_of(dataset, opened, ids, places)
    assert sorted(names) == sorted(set(greys) - {"b/1.png"})
    assert [greys[name] for name in names] == opened.images(ids)[:, 0, 0, 0].tolist()


def test_of_drawn_images_no_file_is_known(tmp_path: Path) -> None:
    dataset = create_dataset("glyphs")
    opened = open_dataset(dataset)
    assert files_of(dataset, opened, np.arange(3), Places.find()) == [None, None, None]
