"""The files of weights that a run has been trained to, and their hashes in its manifest."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from benchbench.runs.directory import RunDirectory

OWN, SHARED = "training", "pretrained"
"""The folder of a run's own trainings, and that of a results folder for those of several runs."""
SUFFIX = ".safetensors"

LONGEST_NAME = 200
"""Bytes of a file's name, which with its suffix has room on every disk."""


class StoredWeights(NamedTuple):
    """file: where the weights of one training are, or would be. sha256: of them; None if nobody
    has written that down, as of older runs.
    """

    file: Path
    sha256: str | None


def weights_of(run: RunDirectory) -> list[StoredWeights]:
    """The weights of each training in a run's manifest, whether they are stored or not."""
    records = run.manifest.get("training", ())
    return [weights for record in records for weights in _weights(run, record)]


def copy_weights(run: RunDirectory, own: Path, shared: Path, kept_as: str = OWN) -> None:
    """Copy the stored weights of each training, with the records that say that they are whole.

    own: the folder for those in the folder `kept_as`; shared: that for the folders of the others.
    """
    for weights in weights_of(run):
        folder = weights.file.parent.name
        target = own if folder == kept_as else shared / folder
        target.mkdir(parents=True, exist_ok=True)
        for file in (weights.file, weights.file.with_suffix(".json")):
            shutil.copy(file, target)


def shared_folder(run: RunDirectory) -> Path:
    """The folder of trainings that the runs of a results folder share."""
    depth = 3 if run.manifest["dataset"].get("trained_on") else 2
    return run.path.absolute().parents[depth] / SHARED


def _weights(run: RunDirectory, record: dict[str, str]) -> list[StoredWeights]:
    """The weights of a training; all that may be them, where nobody has written down which."""
    folder, _, name = record.get("weights", "").partition("/")
    if _is_name(folder) and _is_name(name) and name.endswith(SUFFIX):
        place = run.path / OWN if folder == OWN else shared_folder(run) / folder
        return [StoredWeights(place / name, record.get("weights_sha256"))]
    stage = record.get("stage", "")
    own = run.path / OWN / ((stage if _is_name(stage) else OWN) + SUFFIX)
    shared = shared_folder(run)
    places = [own.parent, *(sorted(shared.iterdir()) if shared.is_dir() else ())]
    found = [place / own.name for place in places if (place / own.name).is_file()]
    return [StoredWeights(file, None) for file in found or [own]]


def _is_name(text: str) -> bool:
    """Whether a text that anybody may have written is the name of a file and nothing else."""
    plain = text not in ("", ".", "..") and not set(text) & set("/\\\0")
    return plain and len(text.encode(errors="replace")) <= LONGEST_NAME
