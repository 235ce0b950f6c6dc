"""What Meta-Dataset prescribes for each of its ten sources: classes, splits, counts, hierarchy."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from PIL import Image

from benchbench.datasets.base import SPLITS
from benchbench.errors import unknown_name

SOURCES = (
    "ilsvrc_2012",
    "omniglot",
    "aircraft",
    "cu_birds",
    "dtd",
    "quickdraw",
    "fungi",
    "vgg_flower",
    "traffic_sign",
    "mscoco",
)
"""In the order of the paper's tables (Triantafillou et al., ICLR 2020, arXiv:1903.03096)."""


@dataclass(frozen=True)
class SourceSpec:
    """One source as published.

    name, title: as in `SOURCES`, and as the paper's tables write it.
    classes: class names by split (`train`, `val`, `test`), in the order of Meta-Dataset's class
    ids, which count through the splits: train first, then val, then test.
    images_per_class: images by class name.
    parents: the class's alphabet, for Omniglot; else empty.
    nodes: for ILSVRC, by split, the inner nodes of its part of WordNet as the class names that they
    span, in the order of class ids; several nodes may span the same classes. Else empty.
    words: each class's name in words, all different.
    left_out: for ILSVRC, the images `wnid/file name` that Meta-Dataset leaves out because CUB-200,
    Caltech-101 or Caltech-256 has them too; `images_per_class` does not count them.
    """

    name: str
    title: str
    classes: dict[str, list[str]]
    images_per_class: dict[str, int]
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    nodes: dict[str, list[list[str]]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()

    @property
    def class_names(self) -> list[str]:
        """All classes, by Meta-Dataset's class id."""
        return [name for split in SPLITS for name in self.classes[split]]


@dataclass(frozen=True)
class SourceFiles:
    """The images of a source as its original distribution has them.

    images: by class name of the `SourceSpec`, references to its images, cheap to list and in the
    same order everywhere; a dictionary, or a mapping that lists a class when it is asked for. A
    class may be absent or empty.
    load: the image of a reference, as Meta-Dataset's records hold it: cropped, or inverted
    (Omniglot), in any mode and size; raises `UnreadableImageError` with the file's name if it is
    not an image. It is called from several threads at once.
    groups: by class name, who or what made each of its images (an Omniglot drawer, a track), or
    None if unknown.
    """

    images: Mapping[str, Sequence[Any]]
    load: Callable[[Any], Image.Image]
    groups: Mapping[str, Sequence[str]] | None = None


@cache
def source_spec(name: str) -> SourceSpec:
    """The spec of a source. Raises BenchbenchError for a name that is not in `SOURCES`."""
    if name not in SOURCES:
        raise unknown_name("source of Meta-Dataset", name, SOURCES)
    data = _packaged(f"{name}.json")
    names = [each for split in SPLITS for each in data["classes"][split]]
    duplicates = _packaged("duplicates.json") if name == "ilsvrc_2012" else {}
    return SourceSpec(
        name=name,
        title=data["title"],
        classes=data["classes"],
        images_per_class=dict(zip(names, data["images"], strict=True)),
        parents={each: (each.rpartition("-")[0],) for each in names if name == "omniglot"},
        nodes={split: _spans(graph) for split, graph in data.get("graphs", {}).items()},
        words=data.get("words") or _all_in_words(names),
        left_out=frozenset().union(*duplicates.values()),
    )


def _packaged(name: str) -> dict[str, Any]:
    file = resources.files(__package__) / "specs" / name
    return dict(json.loads(file.read_text(encoding="utf-8")))


def _spans(graph: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The leaves below each inner node of a graph that is given as the children of each."""

    @cache
    def leaves(node: str) -> frozenset[str]:
        children = graph.get(node)
        return frozenset([node]) if children is None else frozenset().union(*map(leaves, children))

    return [sorted(leaves(node)) for node in graph]


def _all_in_words(names: Sequence[str]) -> dict[str, str]:
    """Class names such as `012.Yellow_headed_Blackbird` without the number, if it is not needed.

    A slash becomes a space, since a slash in a class name ends the name of a folder.
    """
    plain = {name: re.sub(r"[_/]", " ", name) for name in names}
    short = {name: re.sub(r"^\d+\.", "", text) for name, text in plain.items()}
    often = Counter(short.values())
    return {name: text if often[text] == 1 else plain[name] for name, text in short.items()}
