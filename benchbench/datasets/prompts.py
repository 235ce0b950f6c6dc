"""Class names and prompts in words, as CLIP has them for 26 data sets (arXiv:2103.00020)."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from pathlib import PurePath
from typing import Any

from benchbench.errors import BenchbenchError

PLAIN = ("a photo of a {}.",)


def class_prompts(name: str, dataset: str, templates: str = "auto") -> list[str]:
    """The texts that stand for one class of a data set, each template filled with its name.

    templates: `auto` takes CLIP's templates where it has some for the data set, whose name is that
    of the spec or of its folder or archive, and else "a photo of a {}."; or the name of one of
    CLIP's data sets; or a template, in which {} stands for the class. CLIP's own names of the
    classes replace those of the data where it knows the data set and the class. Raises
    BenchbenchError where `templates` is none of these.
    """
    known = _entry(dataset)
    names = [_plain(name)] if known is None else _curated(name, known)
    return [
        template.replace("{}", text) for text in names for template in _templates(known, templates)
    ]


def _templates(known: dict[str, Any] | None, wanted: str) -> list[str]:
    if wanted == "auto":
        return list(PLAIN if known is None else known["templates"])
    if "{}" in wanted:
        return [wanted]
    entry = _entry(wanted)
    if entry is None:
        raise BenchbenchError(
            f"templates={wanted} is neither a template with {{}} in the place of the class name "
            f"nor one of {', '.join(prompt_data())}."
        )
    return list(entry["templates"])


@cache
def prompt_data() -> dict[str, dict[str, Any]]:
    """The templates and class names of CLIP's data/prompts.md, by data set.

    `aliases` are further names of the data set; `renamed` has CLIP's names of the classes whose
    folders are called otherwise. A class with several names has a list of them.
    """
    file = resources.files("benchbench.datasets") / "clip_prompts" / "prompts.json"
    data: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return data


@cache
def _entry(dataset: str) -> dict[str, Any] | None:
    """CLIP's entry for a data set such as `folder:photos/caltech101.zip[size=64]`."""
    head = dataset.partition("[")[0].rpartition(":")[2]
    name = _folded(PurePath(head).stem)
    for known, entry in prompt_data().items():
        if name in map(_folded, [known, *entry["aliases"]]):
            return entry
    return None


def _curated(name: str, entry: dict[str, Any]) -> list[str]:
    """CLIP's names of a class, where one of them has the same letters; else its own name."""
    renamed = entry.get("renamed", {}).get(_last(name))
    if renamed is not None:
        return [renamed]
    several = [names if isinstance(names, list) else [names] for names in entry["classes"]]
    own = _folded(_plain(name))
    return next((names for names in several if own in map(_folded, names)), [_plain(name)])


def _plain(name: str) -> str:
    """A class name as a person would write it."""
    return _last(name).replace("_", " ").strip()


def _last(name: str) -> str:
    """The class itself, of a path such as `train/cat`."""
    return name.rpartition("/")[2]


def _folded(text: str) -> str:
    """Letters and digits alone, in lower case."""
    return re.sub(r"[\W_]", "", text.lower())
