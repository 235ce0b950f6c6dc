"""Whether two data sets are of the same pictures in the same order, read in two ways.

Their pixels differ then. What can be compared is the class of each image, the name of its file
where files are known, and the looks of some pictures: perceptual hashes, which a picture keeps at
another size.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchbench.datasets.image_files import ImageFiles
from benchbench.datasets.integrity.hashes import perceptual_hashes
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.system.arrays import IntArray
from benchbench.system.places import Places

MOST_LOOKED_AT = 256
MOST_BITS = 10
"""In which the hashes of one picture differ, read in two ways; two pictures differ in about 32."""
LEAST_ALIKE = 0.9
"""The share of the pictures looked at. Transparent ones look otherwise on another background."""


def facts_of(dataset: OpenDataset, places: Places) -> dict[str, Any]:
    """What tells the pictures of a data set, as plain values; nothing of features.

    classes: the hash of the classes' names and each image's class. files: that of the names of the
    images' files without their endings, or nothing where one is not known. looks: perceptual hashes
    by image id, in hex.
    """
    if dataset.features is not None:
        return {}
    labels = dataset.labels
    ids = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), MOST_LOOKED_AT)).astype(int))
    looks = perceptual_hashes(np.asarray(dataset.thumbnails[ids]))
    files = ImageFiles(dataset.name, dataset, places).names(np.arange(len(labels)))
    names = [posixpath.splitext(name)[0] for name in files if name is not None]
    return {
        "classes": _sha256([dataset.class_names, labels.tolist()]),
        "files": _sha256(names) if len(names) == len(labels) else "",
        "looks": {str(n): f"{look:016x}" for n, look in zip(ids, looks.tolist(), strict=True)},
    }


def same_pictures(facts: Mapping[str, Any], others: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether two `facts_of` are of the same pictures; and by what, or why not, in words."""
    if not facts or not others:
        return False, "nothing says which pictures they are of"
    if facts["classes"] != others["classes"]:
        return False, "they are of other classes, or of another number of images"
    by_names = bool(facts["files"] and others["files"])
    if by_names and facts["files"] != others["files"]:
        return False, "the names of their files are others"
    bits = _differing_bits(facts["looks"], others["looks"])
    unlike = int((bits > MOST_BITS).sum())
    if not len(bits) or unlike > (1 - LEAST_ALIKE) * len(bits):
        return False, f"{unlike} of {len(bits)} pictures that were looked at are others"
    looks = f"the looks of {len(bits)} of them"
    return True, f"the names of their files and {looks}" if by_names else looks


def _differing_bits(looks: Mapping[str, str], others: Mapping[str, str]) -> IntArray:
    """In how many bits each picture that both have looked at differs."""
    both = [(looks[number], others[number]) for number in looks if number in others]
    return np.array([(int(a, 16) ^ int(b, 16)).bit_count() for a, b in both], np.int64)


def _sha256(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
