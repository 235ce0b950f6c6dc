"""Whether pre-training has seen what a data set tests, as far as the names of the data tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

LEVELS = ("none", "unknown", "classes", "images")
"""From the best to the worst: nothing, one cannot tell, the test classes with their labels, the
test images themselves."""


class Verdict(NamedTuple):
    """One of `LEVELS`, and the reason as a sentence, empty where nothing is pre-trained."""

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
DRAWN = ("omniglot", "omniglotlake", "quickdraw", "glyphs", "shapes")

TABLE: tuple[tuple[tuple[str, ...], tuple[str, ...], str, str], ...] = (
    (
        IMAGENET,
        (*OF_IMAGENET, "ilsvrc"),
        "images",
        "its test classes, with their pictures, are ImageNet's own",
    ),
    (IMAGENET, ("stanforddogs",), "images", "its pictures were taken from ImageNet"),
    (IMAGENET, CIFAR, "classes", "many of its classes are classes of ImageNet"),
    (IMAGENET, ("cub",), "classes", "many of its birds, and some pictures, are in ImageNet"),
    (
        IMAGENET,
        ("caltech101", "caltech256"),
        "classes",
        "many of its objects, and some pictures, are in ImageNet",
    ),
    (IMAGENET, ("pets",), "classes", "many of its breeds are classes of ImageNet"),
    (IMAGENET, ("flowers", "food101", "coco"), "classes", "some of its classes are in ImageNet"),
    (
        OF_IMAGENET,
        (*OF_IMAGENET, "ilsvrc"),
        "classes",
        "both are classes of ImageNet, split differently, and they share many",
    ),
    (("cifar100",), ("cifarfs", "fc100"), "images", "it is made of the images of CIFAR-100"),
    (("cifarfs", "fc100"), ("cifar100", "cifarfs", "fc100"), "images", "both are CIFAR-100"),
    (
        ("inaturalist2021",),
        ("cub", "flowers", "fungi"),
        "classes",
        "iNaturalist has many of its species",
    ),
    (("omniglot",), ("omniglotlake",), "images", "its runs are made of Omniglot's images"),
    (("omniglotlake",), ("omniglot",), "images", "the runs are made of Omniglot's images"),
    (PHOTOGRAPHS, DRAWN, "none", "photographs of things hold none of its drawn classes"),
    (DRAWN, PHOTOGRAPHS, "none", "drawn characters and figures hold none of its classes"),
    (
        ("omniglot", "omniglotlake"),
        ("glyphs", "shapes"),
        "none",
        "its classes are made up and generated",
    ),
    (("glyphs", "shapes"), DRAWN, "none", "the weights have seen generated classes only"),
)
"""Rows of (data of the pre-training, data of the test, level, reason). What stands in no row, such
as pictures gathered from the web, is unknown."""


def normalised(name: str) -> str:
    """The name in lower-case letters and digits, one for data that have several."""
    plain = re.sub(r"[^a-z0-9]+", "", name.lower())
    return SAME.get(plain, plain)


def contamination(pretrained_on: Sequence[str], dataset: str) -> str:
    """What weights that were trained on some data have seen of a data set's test classes.

    pretrained_on: names of data sets; dataset: a name or a spec, of which only the name counts, or
    the source of Meta-Dataset.
    `none`: nothing, or nothing was pre-trained; `classes`: test classes with their labels;
    `images`: the test images themselves; `unknown` otherwise. Of several data sets the worst one
    decides, for which `unknown` is better than `classes`.
    """
    return judge(pretrained_on, dataset).level


def reason(pretrained_on: Sequence[str], dataset: str) -> str:
    """The sentence that explains `contamination`, for a footnote."""
    return judge(pretrained_on, dataset).reason


def judge(pretrained_on: Sequence[str], dataset: str) -> Verdict:
    """`contamination` and `reason` together."""
    name, _, part = dataset.strip().partition("[")[0].partition(":")
    if normalised(name) == "metadataset" and part:
        name = part
    verdicts = [_judge_one(seen, name) for seen in pretrained_on]
    nothing = Verdict("none", "")
    return max(verdicts, key=lambda verdict: LEVELS.index(verdict.level), default=nothing)


def _judge_one(seen: str, dataset: str) -> Verdict:
    origin, target = normalised(seen), normalised(dataset)
    if target == "folder":
        return Verdict("unknown", f"It is not known whether {seen} holds images of the folder.")
    if "unknown" in (origin, target):
        return Verdict("unknown", "It is not known what the weights were trained on.")
    if origin == target:
        return Verdict("images", f"The weights were trained on {dataset} itself.")
    for origins, targets, level, why in TABLE:
        if origin in origins and target in targets:
            return Verdict(level, f"{seen} on {dataset}: {why}.")
    return Verdict("unknown", f"It is not known what {seen} holds of {dataset}.")
