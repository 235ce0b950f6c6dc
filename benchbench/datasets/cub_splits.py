"""Which classes of CUB are for what: the packaged split, or lists in a folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from benchbench.datasets.base import SPLITS
from benchbench.datasets.listed import read_json
from benchbench.errors import BenchbenchError
from benchbench.system.places import expanded

CLOSER_LOOK = "closer_look"
LISTS = {"train": "trainclasses1.txt", "val": "valclasses1.txt", "test": "testclasses.txt"}
"""As the proposed split of zero-shot papers has them, a class's folder in each line."""


def check_split(split: str) -> None:
    """Raise BenchbenchError unless it is `CLOSER_LOOK` or a folder with all `LISTS`."""
    if split == CLOSER_LOOK:
        return
    folder = expanded(split)
    missing = [name for name in LISTS.values() if not (folder / name).is_file()]
    if missing:
        raise BenchbenchError(
            f"split={split} is no folder with {', '.join(LISTS.values())} (there is no "
            f"{missing[0]}); name that of CUB in the published proposed split, or leave split out."
        )


def deal(split: str, folders: Collection[str]) -> dict[str, str]:
    """The split of each class by its folder; classes in no list are left out.

    folders: of all classes. Raises BenchbenchError if the lists do not fit them.
    """
    lists = read_json("cub") if split == CLOSER_LOOK else _lists(split)
    found: dict[str, str] = {}
    for part in SPLITS:
        for name in lists[part]:
            if name not in folders:
                raise _wrong(split, part, f"'{name}', which is no folder of CUB-200-2011")
            if name in found:
                raise _wrong(split, part, f"'{name}', which {LISTS[found[name]]} has as well")
            found[name] = part
    return found


def _lists(split: str) -> Mapping[str, Sequence[str]]:
    found = {}
    for part, name in LISTS.items():
        try:
            lines = (expanded(split) / name).read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BenchbenchError(f"{name} in {split} cannot be read ({error}).") from error
        found[part] = [line.strip() for line in lines if line.strip()]
    return found


def _wrong(split: str, part: str, what: str) -> BenchbenchError:
    return BenchbenchError(
        f"{LISTS[part]} in {split} has {what}; each line is a class's folder, such as "
        "001.Black_footed_Albatross, in one list."
    )
