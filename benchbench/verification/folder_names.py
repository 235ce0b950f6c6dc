"""Whether a run lies where its manifest says; if not, which entry says otherwise than its folder.

The name of a folder is a hash of the run's identity. An entry that was edited alone is found by
what else it may have been: what the manifest says in another place, and what is common.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchbench.datasets.base import SPLITS
from benchbench.runs.names import run_hash
from benchbench.runs.store import Store
from benchbench.verification.differences import Difference, differing, short

SEEDS = range(1000)
BUDGETS = ("smoke", "quick", "paper")
CORES = range(1, 100)


def misnamed(run: Path, manifest: dict[str, Any]) -> Iterator[Difference]:
    """Whether the folders are those of the run's data set, protocol and identity."""
    expected = Store(run).place_of(manifest).path.relative_to(run).parts
    found = run.absolute().parts[-len(expected) :]
    if found == expected:
        return
    sentence = f"a run of this identity lies in {'/'.join(expected)} of a results folder"
    if found[-1] != expected[-1]:
        sentence += f"; {_edited(found, manifest)}"
    elif found[0] != expected[0] and found[1:] == expected[1:]:
        sentence += (
            f"; dataset.name is {short(manifest['dataset']['name'])}; its folder: {found[0]}"
        )
    yield Difference("claims", sentence)


def _edited(found: tuple[str, ...], manifest: dict[str, Any]) -> str:
    """The entry of the identity that its folder's name does not follow from, if it is known."""
    identity, name = manifest["identity"], found[-1]
    for key, value in _other_values(manifest, found):
        other = {**identity, key: value}
        if name == f"{other['method']}-{run_hash(other)}":
            said, followed = map(short, differing(identity.get(key), value))
            return f"identity.{key} is {said}; its folder's name follows from {followed}"
    return f"its identity does not give the name {name}, and no single entry is known to be edited"


def _other_values(manifest: dict[str, Any], found: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """What entries of the identity may have been, by their names."""
    for part in ("method", "dataset", "compute"):
        said = manifest.get(part)
        for key, value in said.items() if isinstance(said, dict) else ():
            if key in manifest["identity"]:
                yield key, value
    yield "method", manifest["method"]["name"]
    yield from (("protocol", folder) for folder in found[-2:-1])
    typed = re.findall(r"(?<!\d)\d{1,10}(?!\d)", str(manifest.get("command")))
    common: dict[str, Iterable[Any]] = {
        "seed": (*SEEDS, *map(int, typed)),
        "episode_seed": (*SEEDS, *map(int, typed)),
        "budget": (*BUDGETS, *typed),
        "split": SPLITS,
        "core": CORES,
        "device": ("cpu", "cuda"),
        "bf16": (False, True),
        "channels_last": (False, True),
    }
    for key, values in common.items():
        yield from ((key, value) for value in values)
