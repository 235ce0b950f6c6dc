"""CLIP's prompts as data: all there, and found by the names that data sets have here."""

import pytest

from benchbench.datasets.prompts import class_prompts, prompt_data
from benchbench.errors import BenchbenchError

PLAIN = "a photo of a {}."
PUBLISHED = """
Birdsnap 500 1, CIFAR10 10 18, CIFAR100 100 18, CLEVRCounts 8 1, Caltech101 102 34,
Country211 211 5, DescribableTextures 47 8, EuroSAT 10 3, FGVCAircraft 100 2,
FacialEmotionRecognition2013 7 6, Flowers102 102 1, Food101 101 1, GTSRB 43 3, HatefulMemes 2 1,
KITTI 4 1, Kinetics700 700 28, MNIST 10 1, OxfordPets 37 1, PascalVOC2007 20 1, PatchCamelyon 2 1,
RESISC45 45 18, SST2 2 1, STL10 10 2, SUN397 397 2, StanfordCars 196 8, UCF101 101 48
"""
"""Data sets with their numbers of class names and templates, in the published file."""


def test_all_published_lists_are_there() -> None:
    found = [
        f"{name} {len(entry['classes'])} {len(entry['templates'])}"
        for name, entry in prompt_data().items()
    ]
    assert sorted(found) == sorted(" ".join(PUBLISHED.split()).split(", "))
    assert len(found) == 26


def test_every_template_has_a_place_for_the_name() -> None:
    for entry in prompt_data().values():
        assert all(template.count("{}") == 1 for template in entry["templates"])


def test_no_name_stands_for_two_data_sets() -> None:
    names = [name.lower() for name in prompt_data()]
    names += [alias for entry in prompt_data().values() for alias in entry["aliases"]]
    assert len(set(names)) == len(names)


def test_a_data_set_without_prompts_gets_the_plain_one() -> None:
    assert class_prompts("large striped red triangle", "shapes[seed=3]") == [
        "a photo of a large striped red triangle."
    ]


@pytest.mark.parametrize(
    ("dataset", "like"),
    [
        ("folder:/some/where/caltech101.zip[size=64]", "Caltech101"),
        ("folder:Caltech-101", "Caltech101"),
        ("cifar_fs", "CIFAR100"),
        ("folder:C:/data/textures", "DescribableTextures"),
        ("folder:photos/UCF_101", "UCF101"),
    ],
)
def test_prompts_are_found_by_name(dataset: str, like: str) -> None:
    expected = [text.replace("{}", "zzz") for text in prompt_data()[like]["templates"]]
    assert class_prompts("zzz", dataset) == expected


@pytest.mark.parametrize(
    ("name", "dataset", "text"),
    [
        ("ice_cream", "shapes", "ice cream"),
        ("train/ice_cream", "folder:mine", "ice cream"),
        ("BACKGROUND_Google", "folder:mine", "BACKGROUND Google"),
        ("Faces_easy", "folder:caltech101.zip", "centered face"),
        ("airplanes", "folder:caltech101.zip", "airplane"),
        ("windsor_chair", "folder:caltech101.zip", "windsor chair"),
        ("Allens_Hummingbird", "folder:birdsnap", "Allens Hummingbird"),
        ("off_center_face", "folder:caltech101", "off-center face"),
        ("of my own", "folder:caltech101", "of my own"),
    ],
)
def test_class_names_become_words(name: str, dataset: str, text: str) -> None:
    assert class_prompts(name, dataset, PLAIN) == [f"a photo of a {text}."]


def test_a_class_with_several_names_has_the_prompts_of_each() -> None:
    texts = class_prompts("Happy", "folder:FacialEmotionRecognition2013", "a {} face")
    assert texts == ["a happy face", "a smiling face"]


def test_templates_of_another_data_set_may_be_taken() -> None:
    assert class_prompts("fox", "shapes", "oxford_pets") == ["a photo of a fox, a type of pet."]


def test_braces_in_a_name_are_left_alone() -> None:
    assert class_prompts("{0}", "shapes") == ["a photo of a {0}."]


def test_unknown_templates_are_one_sentence() -> None:
    with pytest.raises(BenchbenchError, match=r"neither a template with \{\} in place of"):
        class_prompts("fox", "shapes", "caltech")
