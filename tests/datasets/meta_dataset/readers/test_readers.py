"""All ten sources with all their published classes, an image each, in the published layout."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from benchbench.datasets.meta_dataset.readers import READERS, read
from benchbench.datasets.meta_dataset.spec import SOURCES, source_spec
from benchbench.errors import BenchbenchError

Names = list[str]


def write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def dot(number: int) -> bytes:
    """A JPEG of one grey that tells the number of its class, modulo 20."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (12 * (number % 20),) * 3).save(buffer, "JPEG")
    return buffer.getvalue()


def aircraft(folder: Path, names: Names) -> None:
    data = folder / "fgvc-aircraft-2013b" / "data"
    for number in range(len(names)):
        write(data / "images" / f"{number:07d}.jpg", dot(number))
    lines = [f"{number:07d} {name}\n" for number, name in enumerate(names)]
    (data / "images_variant_trainval.txt").write_text("".join(lines[::2]))
    (data / "images_variant_test.txt").write_text("".join(lines[1::2]))
    (data / "images_box.txt").write_text("".join(f"{n:07d} 1 1 15 15\n" for n in range(len(names))))


def class_folders(top: str) -> Callable[[Path, Names], None]:
    def make(folder: Path, names: Names) -> None:
        for number, name in enumerate(names):
            write(folder / top / name / "a.jpg", dot(number))

    return make


def fungi(folder: Path, names: Names) -> None:
    categories = [{"id": int(name[:4]), "name": name[5:]} for name in names]
    for list_name, start in (("train", 0), ("val", 1)):
        rows = range(start, len(names), 2)
        for number in rows:
            write(folder / "images" / f"{number}.JPG", dot(number))
        content = {
            "images": [{"id": n, "file_name": f"images/{n}.JPG"} for n in rows],
            "annotations": [{"image_id": n, "category_id": int(names[n][:4])} for n in rows],
            "categories": categories,
        }
        (folder / f"{list_name}.json").write_text(json.dumps(content), encoding="utf-8")


def mscoco(folder: Path, names: Names) -> None:
    for number in range(len(names)):
        write(folder / "train2017" / f"{number:012d}.jpg", dot(number))
    content = {
        "annotations": [
            {"image_id": n, "category_id": 2 * n, "bbox": [4, 4, 5, 5]} for n in range(len(names))
        ],
        "categories": [{"id": 2 * n, "name": name} for n, name in enumerate(names)],
    }
    write(folder / "annotations" / "instances_train2017.json", json.dumps(content).encode())


def omniglot(folder: Path, names: Names) -> None:
    for number, name in enumerate(names):
        place = "images_background" if number < 964 else "images_evaluation"
        alphabet, _, character = name.rpartition("-")
        write(folder / place / alphabet / character / "0001_01.png", dot(number))


def quickdraw(folder: Path, names: Names) -> None:
    for number, name in enumerate(names):
        np.save(folder / f"{name}.npy", np.full((1, 784), 12 * (number % 20), np.uint8))


def traffic_sign(folder: Path, names: Names) -> None:
    for number in range(len(names)):
        images = folder / "GTSRB/Final_Training/Images" / f"{number:05d}"
        write(images / "00000_00000.ppm", dot(number))
        (images / f"GT-{number:05d}.csv").write_text("Filename;Width;Height\n")


def vgg_flower(folder: Path, names: Names) -> None:
    for number in range(len(names)):
        write(folder / "jpg" / f"image_{number + 1:05d}.jpg", dot(number))
    labels = np.array([[int(name[:3]) for name in names]], np.uint8)
    savemat(folder / "imagelabels.mat", {"labels": labels})


PUBLISHED = {
    "aircraft": aircraft,
    "cu_birds": class_folders("CUB_200_2011/images"),
    "dtd": class_folders("dtd/images"),
    "fungi": fungi,
    "ilsvrc_2012": class_folders("ILSVRC/Data/CLS-LOC/train"),
    "mscoco": mscoco,
    "omniglot": omniglot,
    "quickdraw": quickdraw,
    "traffic_sign": traffic_sign,
    "vgg_flower": vgg_flower,
}


def test_every_source_has_a_reader():
    assert sorted(READERS) == sorted(SOURCES) == sorted(PUBLISHED)


@pytest.mark.parametrize("source", SOURCES)
def test_every_published_class_is_found(source, tmp_path):
    spec = source_spec(source)
    PUBLISHED[source](tmp_path, spec.class_names)
    files = read(source, tmp_path, spec, tmp_path / "unpacked")
    assert set(files.images) == set(spec.class_names)
    for number, name in enumerate(spec.class_names):
        (ref,) = files.images[name]
        if number % 10 == 0:
            grey = files.load(ref).convert("L").getpixel((0, 0))
            expected = 12 * (number % 20)
            assert abs(grey - (255 - expected if source == "omniglot" else expected)) <= 3


@pytest.mark.parametrize("source", SOURCES)
def test_an_empty_folder_is_refused_in_one_sentence(source, tmp_path):
    with pytest.raises(BenchbenchError, match=r"^/\S+ has no .*; .* is read from .*\.$"):
        read(source, tmp_path, source_spec(source), tmp_path / "unpacked")
    with pytest.raises(BenchbenchError, match=r"^There is no /\S+; .* is read from .*\.$"):
        read(source, tmp_path / "none", source_spec(source), tmp_path / "unpacked")
