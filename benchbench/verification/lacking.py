"""What a stored run would need to be repeated here, and what of it is not here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchbench.registry import entry_points
from benchbench.runs.directory import RunDirectory
from benchbench.runs.manifest import CORE
from benchbench.runs.weights import weights_of
from benchbench.system.places import expanded
from benchbench.verification.differences import Difference


def lacking(run: RunDirectory, retrain: bool) -> list[Difference]:
    """What is missing, its data aside, for which the latter would have to be opened.

    retrain: whether it is trained again, so that no weights are needed.
    """
    return [
        *_of_the_code(run.manifest),
        *_of_the_device(run.manifest),
        *_of_the_files(run.manifest),
        *(() if retrain else _of_the_weights(run)),
    ]


def _of_the_code(manifest: dict[str, Any]) -> Iterator[Difference]:
    identity = manifest["identity"]
    if identity["method"] not in entry_points.available("method"):
        yield Difference("method", f"{identity['method']} is not installed here")
    if (core := identity.get("core", 1)) != CORE:
        yield Difference("versions", f"core is {core}; here it is {CORE}, whose numbers are others")


def _of_the_device(manifest: dict[str, Any]) -> Iterator[Difference]:
    device = manifest.get("compute", {}).get("device", "cpu")
    if device != "cpu" and not _has_gpu():
        yield Difference("device", f"it was computed on {device}, which is not here")


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _of_the_files(manifest: dict[str, Any]) -> Iterator[Difference]:
    """The files of weights that the method's parameters name."""
    named = manifest["identity"].get("weight_files")
    for name in named if isinstance(named, dict) else ():
        if not expanded(name).is_file():
            yield Difference("weights", f"its file of weights {name} is not here")


def _of_the_weights(run: RunDirectory) -> Iterator[Difference]:
    files = [weights.file for weights in weights_of(run)]
    if not all(_is_kept(file) for file in files):
        yield Difference("weights", "its weights are not stored; --retrain trains it again")


def _is_kept(file: Path) -> bool:
    """Whether there are weights, and the record that says that they are whole."""
    return file.is_file() and file.with_suffix(".json").is_file()
