"""The files of weights that a run has been trained to, and their hashes in its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchbench.runs.store import RunDirectory

OWN, SHARED = "training", "pretrained"
"""The folder of a run's own trainings, and that of a results folder for those of several runs."""
SUFFIX = ".safetensors"


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


def shared_folder(run: RunDirectory) -> Path:
    """The folder of trainings that the runs of a results folder share."""
    depth = 3 if run.manifest["dataset"].get("trained_on") else 2
    return run.path.absolute().parents[depth] / SHARED


def _weights(run: RunDirectory, record: dict[str, str]) -> list[StoredWeights]:
    """The weights of a training; all that may be them, where nobody has written down which."""
    # Names come from a manifest that anybody may have written, so that they stay what they say.
    folder, _, name = record.get("weights", "").partition("/")
    if name.endswith(SUFFIX):
        place = run.path / OWN if folder == OWN else shared_folder(run) / Path(folder).name
        return [StoredWeights(place / Path(name).name, record.get("weights_sha256"))]
    name = Path(record.get("stage", "")).name + SUFFIX
    own = run.path / OWN / name
    found = [own] if own.is_file() else sorted(shared_folder(run).glob(f"*/{name}"))
    return [StoredWeights(file, None) for file in found or [own]]
