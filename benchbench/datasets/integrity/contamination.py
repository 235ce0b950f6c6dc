"""Whether pre-training has seen what a data set tests, as far as the names of the data show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from benchbench.registry.specs import plain

LEVELS = ("none", "unknown", "classes", "images")
"""What the weights have seen, from the best to the worst: nothing; nobody knows; the test classes
with their labels; the test images themselves."""


class Contamination(NamedTuple):
    """One of `LEVELS`, and the reason as a sentence, which is empty if nothing is pre-trained."""

    level: str
    reason: str


SAME = {
    "imagenet": "imagenet1k",
    "ilsvrc2012": "ilsvrc",
    "imagenet22k": "imagenet21k",
    "miniimagenetravi": "miniimagenet",
    "cub200": "cub",
    "cub2002011": "cub",
    "cubirds": "cub",
    "omniglotpy": "omniglot",
    "oxfordiiitpet": "pets",
    "oxfordpets": "pets",
    "flowers102": "flowers",
    "vggflower": "flowers",
    "vggflowers": "flowers",
    "mscoco": "coco",
    "inaturalist": "inaturalist2021",
}
"""Other names of the same data, as `normalised` writes them."""

IMAGENET = ("imagenet1k", "imagenet12k", "imagenet21k", "ilsvrc")
CIFAR = ("cifar10", "cifar100", "cifarfs", "fc100")
OF_IMAGENET = ("miniimagenet", "tieredimagenet")
PHOTOGRAPHS = (*IMAGENET, *OF_IMAGENET, *CIFAR, "cub", "inaturalist2021")
CALTECH = ("caltech101", "caltech256")
OMNIGLOT, GENERATED = ("omniglot", "omniglotlake"), ("glyphs", "shapes")
DRAWN = (*OMNIGLOT, "quickdraw", *GENERATED)

TABLE: dict[tuple[str, ...], tuple[tuple[tuple[str, ...], str, str], ...]] = {
    IMAGENET: (
        ((*OF_IMAGENET, "ilsvrc"), "images", "its test classes and pictures are ImageNet's own"),
        (("stanforddogs",), "images", "its pictures were taken from ImageNet"),
        (CIFAR, "classes", "many of its classes are classes of ImageNet"),
        (("cub",), "classes", "many of its birds, and some pictures, are in ImageNet"),
        (CALTECH, "classes", "many of its objects, and some pictures, are in ImageNet"),
        (("pets",), "classes", "many of its breeds are classes of ImageNet"),
        (("flowers", "food101", "coco"), "classes", "some of its classes are in ImageNet"),
    ),
    OF_IMAGENET: (((*OF_IMAGENET, "ilsvrc"), "classes", "they share many classes of ImageNet"),),
    ("cifar100",): ((("cifarfs", "fc100"), "images", "it is made of the images of CIFAR-100"),),
    ("cifarfs", "fc100"): ((CIFAR[1:], "images", "both are CIFAR-100"),),
    ("inaturalist2021",): (
        (("cub", "flowers", "fungi"), "classes", "iNaturalist has many of its species"),
    ),
    ("omniglot",): ((("omniglotlake",), "images", "its runs are made of Omniglot's images"),),
    ("omniglotlake",): ((("omniglot",), "images", "the runs are made of Omniglot's images"),),
    PHOTOGRAPHS: ((DRAWN, "none", "photographs of things hold none of its drawn classes"),),
    DRAWN: ((PHOTOGRAPHS, "none", "drawn characters and figures hold none of its classes"),),
    OMNIGLOT: ((GENERATED, "none", "its classes are made up and generated"),),
    GENERATED: ((DRAWN, "none", "the weights have seen generated classes only"),),
}
"""By the data of the pre-training, rows of (data of the test, level, reason); the first that fits
counts. What has no row, such as pictures gathered from the web, is unknown."""


def normalised(name: str) -> str:
    """The `plain` name; one of them for data that have several."""
    return SAME.get(plain(name), plain(name))


def judge(pretrained_on: Sequence[str], dataset: str) -> Contamination:
    """What weights that were trained on some data have seen of a data set's test classes.

    pretrained_on: names of data sets, of which the worst decides; dataset: a name or a spec, of
    which only the name counts, or the source of Meta-Dataset.
    """
    name, _, part = dataset.strip().partition("[")[0].partition(":")
    if normalised(name) == "metadataset" and part:
        name = part
    found = [_judge_one(seen, name) for seen in pretrained_on]
    nothing = Contamination("none", "")
    return max(found, key=lambda each: LEVELS.index(each.level), default=nothing)


def _judge_one(seen: str, dataset: str) -> Contamination:
    origin, target = normalised(seen), normalised(dataset)
    if target == "folder":
        why = f"It is not known whether {seen} holds images of the folder."
        return Contamination("unknown", why)
    if "unknown" in (origin, target):
        return Contamination("unknown", "It is not known what the weights were trained on.")
    if origin == target:
        return Contamination("images", f"The weights were trained on {dataset} itself.")
    for origins, rows in TABLE.items():
        for targets, level, reason in rows if origin in origins else ():
            if target in targets:
                return Contamination(level, f"{seen} on {dataset}: {reason}.")
    return Contamination("unknown", f"It is not known what {seen} holds of {dataset}.")
