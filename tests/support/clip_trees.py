"""Small trees in the layouts of torchvision for the CLIP line's data sets, of grey pictures."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.io import savemat


class Written(NamedTuple):
    """An image: its path as CoOp's file has it, its class in words, its official part, its grey."""

    file: str
    label: str
    part: str
    grey: int


PLAN = [
    *((label, part, number) for label in (0, 1) for part in ("train",) for number in (0, 1)),
    *((label, part, 2) for label in (0, 1) for part in ("test",)),
]
"""Two training images and a test image of each of two classes: label, part, number."""

WITH_VALIDATION = [*PLAN, (0, "val", 3), (1, "val", 3)]


def picture(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), (grey, grey, grey)).save(path, format="PNG")


def listed(folder: Path, name: str, lines: Sequence[str]) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{line}\n" for line in lines))


def of_part(rows: Sequence[tuple[Written, str]], part: str) -> list[str]:
    return [line for written, line in rows if written.part == part]


def greyed(plan: Sequence[tuple[int, str, int]]) -> list[tuple[int, str, int, int]]:
    """The plan with a grey for each image."""
    return [(*row, 10 * place + 5) for place, row in enumerate(plan)]


def caltech101(root: Path) -> list[Written]:
    found, top = [], root / "caltech101" / "101_ObjectCategories"
    for label, part, number, grey in greyed(PLAN):
        file = f"{['anchor', 'sea_horse'][label]}/image_{number:04}.jpg"
        picture(top / file, grey)
        found.append(Written(file, ["anchor", "sea horse"][label], part, grey))
    picture(top / "BACKGROUND_Google" / "image_0001.jpg", 250)
    return found


def oxford_pets(root: Path) -> list[Written]:
    rows, top = [], root / "oxford-iiit-pet"
    for label, part, number, grey in greyed(PLAN):
        name = f"{['Abyssinian', 'saint_bernard'][label]}_{number}"
        picture(top / "images" / f"{name}.jpg", grey)
        picture(top / "annotations" / "trimaps" / f"{name}.png", 1)
        words = ["Abyssinian", "Saint Bernard"][label]
        rows.append((Written(f"{name}.jpg", words, part, grey), f"{name} {label + 1} 1 1"))
    for part, file in (("train", "trainval"), ("test", "test")):
        listed(top / "annotations", f"{file}.txt", of_part(rows, part))
    return [written for written, _ in rows]


def stanford_cars(root: Path) -> list[Written]:
    found, top, names = [], root / "stanford_cars", ["Audi R8 2012", "Ram C/V Van 2012"]
    rows: dict[str, list[tuple[str, int]]] = {"train": [], "test": []}
    for label, part, number, grey in greyed(PLAN):
        file = f"{label}{number}.jpg"
        picture(top / f"cars_{part}" / file, grey)
        rows[part].append((file, label + 1))
        words = names[label].replace("/", " ")
        found.append(Written(f"cars_{part}/{file}", words, part, grey))
    (top / "devkit").mkdir()
    savemat(top / "devkit" / "cars_meta.mat", {"class_names": np.array(names, dtype=object)})
    places = {"train": "devkit/cars_train_annos.mat", "test": "cars_test_annos_withlabels.mat"}
    for part, place in places.items():
        kind = [("fname", object), ("class", object)]
        savemat(top / place, {"annotations": np.array(rows[part], dtype=kind)})
    return found


def flowers102(root: Path) -> list[Written]:
    found, top = [], root / "flowers-102"
    labels: list[int] = []
    numbers: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for label, part, _, grey in greyed(WITH_VALIDATION):
        labels.append(label + 1)
        numbers[part].append(len(labels))
        file = f"image_{len(labels):05}.jpg"
        picture(top / "jpg" / file, grey)
        found.append(
            Written(file, ["pink primrose", "hard-leaved pocket orchid"][label], part, grey)
        )
    savemat(top / "imagelabels.mat", {"labels": labels})
    keys = {"trnid": numbers["train"], "valid": numbers["val"], "tstid": numbers["test"]}
    savemat(top / "setid.mat", keys)
    return found


def food101(root: Path) -> list[Written]:
    found, top = [], root / "food-101"
    rows: dict[str, dict[str, list[str]]] = {"train": {}, "test": {}}
    for label, part, number, grey in greyed(PLAN):
        name = ["apple_pie", "waffles"][label]
        picture(top / "images" / name / f"{number}.jpg", grey)
        rows[part].setdefault(name, []).append(f"{name}/{number}")
        words = name.replace("_", " ")
        found.append(Written(f"{name}/{number}.jpg", words, part, grey))
    (top / "meta").mkdir()
    for part, by_class in rows.items():
        (top / "meta" / f"{part}.json").write_text(json.dumps(by_class))
    return found


def fgvc_aircraft(root: Path) -> list[Written]:
    rows, top, names = [], root / "fgvc-aircraft-2013b" / "data", ["707-320", "F-16A/B"]
    for label, part, number, grey in greyed(WITH_VALIDATION):
        file = f"00{label}{number}"
        picture(top / "images" / f"{file}.jpg", grey)
        words = names[label].replace("/", " ")
        rows.append((Written(f"{file}.jpg", words, part, grey), f"{file} {names[label]}"))
    listed(top, "variants.txt", names)
    for part in ("train", "val", "test"):
        listed(top, f"images_variant_{part}.txt", of_part(rows, part))
    return [written for written, _ in rows]


def sun397(root: Path) -> list[Written]:
    rows, top = [], root / "SUN397"
    folders = ["a/abbey", "a/apartment_building/outdoor"]
    for label, part, number, grey in greyed(PLAN):
        file = f"{folders[label]}/sun_{label}{number}.jpg"
        picture(top / file, grey)
        words = ["abbey", "apartment building outdoor"][label]
        rows.append((Written(file, words, part, grey), f"/{file}"))
    listed(top, "ClassName.txt", [f"/{folder}" for folder in folders])
    for part, name in (("train", "Training_01.txt"), ("test", "Testing_01.txt")):
        listed(top, name, of_part(rows, part))
    return [written for written, _ in rows]


def dtd(root: Path) -> list[Written]:
    rows, top = [], root / "dtd" / "dtd"
    for label, part, number, grey in greyed(WITH_VALIDATION):
        name = ["banded", "polka-dotted"][label]
        file = f"{name}/{name}_{number:04}.jpg"
        picture(top / "images" / file, grey)
        rows.append((Written(file, name, part, grey), file))
    for part in ("train", "val", "test"):
        listed(top / "labels", f"{part}1.txt", of_part(rows, part))
    return [written for written, _ in rows]


def eurosat(root: Path) -> list[Written]:
    found = []
    for label, part, number, grey in greyed(PLAN):
        name = ["Forest", "River"][label]
        file = f"{name}/{name}_{number}.jpg"
        picture(root / "eurosat" / "2750" / file, grey)
        found.append(Written(file, name, part, grey))
    return found


def ucf101(root: Path) -> list[Written]:
    rows, top = [], root / "ucf101"
    for label, part, number, grey in greyed(PLAN):
        name, folder = [("ApplyLipstick", "Apply_Lipstick"), ("Archery", "Archery")][label]
        file = f"{folder}/v_{name}_g0{number}_c01.jpg"
        picture(top / "UCF-101-midframes" / file, grey)
        words = folder.replace("_", " ")
        line = f"{name}/v_{name}_g0{number}_c01.avi"
        rows.append((Written(file, words, part, grey), line))
    for part, name in (("train", "trainlist01.txt"), ("test", "testlist01.txt")):
        listed(top / "ucfTrainTestlist", name, of_part(rows, part))
    return [written for written, _ in rows]


def imagenet(root: Path) -> list[Written]:
    found, top = [], root / "imagenet" / "images"
    for label, part, number, grey in greyed(PLAN):
        folder = ["n01440764", "n02096294"][label]
        file = f"{'val' if part == 'test' else 'train'}/{folder}/{number}.JPEG"
        picture(top / file, grey)
        found.append(Written(file, ["tench", "Australian Terrier"][label], part, grey))
    listed(root / "imagenet", "classnames.txt", ["n01440764 tench", "n02096294 Australian Terrier"])
    return found


Writer = Callable[[Path], list[Written]]
TREES: dict[str, Writer] = {
    writer.__name__: writer
    for writer in (
        *(caltech101, oxford_pets, stanford_cars, flowers102, food101, fgvc_aircraft),
        *(sun397, dtd, eurosat, ucf101, imagenet),
    )
}
"""What writes the tree of each data set and says what it wrote."""
