"""Class names and prompts in words, as CLIP has them for 26 data sets (arXiv:2103.00020)."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import PurePath
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.registry.specs import plain

PLAIN = ("a photo of a {}.",)


def class_prompts(name: str, dataset: str, templates: str = "auto") -> list[str]:
    """The texts that describe one class of a data set: each template, filled with the class's name.

    templates: `auto` takes CLIP's templates for the data set, or "a photo of a {}." if it has none;
    others are the name of one of CLIP's data sets, or a template with {} instead of the class. A
    data set is recognised by the name in its spec, or by its folder or archive. CLIP's own name of
    a class that it knows replaces that in the data. Raises BenchbenchError for other `templates`.
    """
    known = _entry(dataset)
    names = [_in_words(name)] if known is None else _curated(name, known)
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
            f"templates={wanted} is neither a template with {{}} in place of the class name "
            f"nor one of {', '.join(prompt_data())}."
        )
    return list(entry["templates"])


@cache
def prompt_data() -> dict[str, dict[str, Any]]:
    """The templates and class names of CLIP's data/prompts.md, by data set.

    `aliases` are other names of the data set; `renamed` has CLIP's names of classes whose folders
    have different names. A class with several names has a list of them.
    """
    file = resources.files("benchbench.datasets") / "clip_prompts" / "prompts.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))


@cache
def _entry(dataset: str) -> dict[str, Any] | None:
    """CLIP's entry for a data set such as `folder:photos/caltech101.zip[size=64]`."""
    head = dataset.partition("[")[0].rpartition(":")[2]
    name = plain(PurePath(head).stem)
    for known, entry in prompt_data().items():
        if name in map(plain, [known, *entry["aliases"]]):
            return entry
    return None


def _curated(name: str, entry: dict[str, Any]) -> list[str]:
    """CLIP's names of a class if one of them has the same letters, else its own name."""
    renamed = entry.get("renamed", {}).get(_last(name))
    if renamed is not None:
        return [renamed]
    several = [names if isinstance(names, list) else [names] for names in entry["classes"]]
    own = plain(_in_words(name))
    return next((names for names in several if own in map(plain, names)), [_in_words(name)])


def _in_words(name: str) -> str:
    """A class name as a person would write it."""
    return _last(name).replace("_", " ").strip()


def _last(name: str) -> str:
    """The class itself, of a path such as `train/cat`."""
    return name.rpartition("/")[2]
