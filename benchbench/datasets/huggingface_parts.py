"""Which part of each class's images the splits of the library `datasets` are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from benchbench.datasets.integrity.checks import some
from benchbench.datasets.split_words import split_named
from benchbench.errors import BenchbenchError, unknown_name


def parts_of_classes(
    name: str,
    homes: Mapping[str, Sequence[str]],
    test: str | None,
    remark: Callable[[str], None],
) -> dict[str, list[str]]:
    """The parts `train`, `val` and `test` of the images of each class; empty if none are told.

    They are told if each split means a part, and a class has images of two parts: splits that share
    no class are of classes alone. name: what messages call the data set; homes: by class, the split
    of each image; test: the split that is the test part by another name; remark: is told of splits
    that keep the parts from being known. Raises BenchbenchError if `test` is none of them.
    """
    splits = list(dict.fromkeys(chain.from_iterable(homes.values())))
    part_of = {split: "test" if split == test else split_named(split) for split in splits}
    unknown = [split for split in splits if part_of[split] is None]
    if test is not None:
        _check_test(name, splits, part_of, test)
    if not unknown:
        found = {label: [part_of[split] or "" for split in own] for label, own in homes.items()}
        if any(len(set(parts)) > 1 for parts in found.values()):
            return found
        if test is not None:
            raise BenchbenchError(f"No two splits of {name} share a class; leave out hf_test.")
    elif len(set(part_of.values())) > 2 or test is not None:
        remark(
            f"{len(unknown)} of {len(splits)} splits mean no part ({some(unknown)}), so that no "
            "image is said to be for training or the test; hf_split leaves them out."
        )
    return {}


def _check_test(
    name: str, splits: Sequence[str], part_of: Mapping[str, str | None], test: str
) -> None:
    """Raise BenchbenchError unless this is the one split that is the test part."""
    if test not in splits:
        raise unknown_name(f"split of {name}", test, splits)
    if others := [split for split in splits if part_of[split] == "test" and split != test]:
        raise BenchbenchError(
            f"{name} has labelled images in '{others[0]}' beside '{test}', which hf_test names; "
            "leave one out with hf_split."
        )
