"""The eleven data sets on which the CLIP line of papers tests: a row for each."""

from __future__ import annotations

from dataclasses import dataclass

from benchbench.datasets import clip_sets_lists as lists


@dataclass(frozen=True)
class ClipSet:
    """What is known of one data set.

    folders: where torchvision and CoOp put it below the data root. official: its own lists; without
    parts if it has none. coop: CoOp's list of training, validation and test images; empty if CoOp
    takes the official ones.
    """

    name: str
    folders: tuple[str, ...]
    official: lists.Lists
    coop: str = ""
    licence: str = "by the terms of its publisher"


ROWS = (
    ClipSet(
        "caltech101",
        ("caltech101", "caltech-101"),
        lists.class_folders("101_ObjectCategories", without="BACKGROUND_Google"),
        "split_zhou_Caltech101.json",
        "CC BY 4.0",
    ),
    ClipSet(
        "oxford_pets",
        ("oxford-iiit-pet", "oxford_pets"),
        lists.text_lists(
            {"train": "annotations/trainval.txt", "test": "annotations/test.txt"}, lists.pets_row
        ),
        "split_zhou_OxfordPets.json",
    ),
    ClipSet(
        "stanford_cars",
        ("stanford_cars",),
        lists.car_lists,
        "split_zhou_StanfordCars.json",
    ),
    ClipSet(
        "flowers102",
        ("flowers-102", "oxford_flowers"),
        lists.flower_lists,
        "split_zhou_OxfordFlowers.json",
        "research; the photographs belong to those who took them",
    ),
    ClipSet(
        "food101",
        ("food-101",),
        lists.food_lists,
        "split_zhou_Food101.json",
    ),
    ClipSet(
        "fgvc_aircraft",
        ("fgvc-aircraft-2013b", "fgvc_aircraft"),
        lists.text_lists(
            {part: f"images_variant_{part}.txt" for part in ("train", "val", "test")},
            lists.aircraft_row,
        ),
        licence="non-commercial research",
    ),
    ClipSet(
        "sun397",
        ("SUN397", "sun397"),
        lists.text_lists({"train": "Training_01.txt", "test": "Testing_01.txt"}, lists.sun_row),
        "split_zhou_SUN397.json",
    ),
    ClipSet(
        "dtd",
        ("dtd",),
        lists.text_lists(
            {part: f"labels/{part}1.txt" for part in ("train", "val", "test")}, lists.dtd_row
        ),
        "split_zhou_DescribableTextures.json",
        "research",
    ),
    ClipSet(
        "eurosat",
        ("eurosat", "EuroSAT"),
        lists.class_folders("2750"),
        "split_zhou_EuroSAT.json",
    ),
    ClipSet(
        "ucf101",
        ("ucf101", "UCF-101-midframes"),
        lists.text_lists({"train": "trainlist01.txt", "test": "testlist01.txt"}, lists.ucf_row),
        "split_zhou_UCF101.json",
    ),
    ClipSet(
        "imagenet",
        ("imagenet", "ILSVRC2012"),
        lists.part_folders({"train": "train", "val": "test"}, names="classnames.txt"),
        licence="ImageNet's terms of access",
    ),
)
