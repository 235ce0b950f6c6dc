"""Verification of stored weights: they are those that were trained, by their hashes."""

from __future__ import annotations

from collections.abc import Iterator

from benchbench.runs.directory import RunDirectory
from benchbench.runs.weights import weights_of
from benchbench.system.files import file_hash
from benchbench.verification.differences import Difference, Findings


def wrong_weights(run: RunDirectory, findings: Findings) -> Iterator[Difference]:
    """Whether the weights that are stored are those that were trained.

    Weights that are not stored are no difference: the rows follow from the answers without them.
    """
    stored = [one for one in weights_of(run) if one.sha256 and one.file.is_file()]
    for weights in stored:
        name = f"{weights.file.parent.name}/{weights.file.name}"
        try:
            found = file_hash(weights.file)
        except OSError as error:
            yield Difference("weights", f"{name} cannot be read ({error.strerror})")
            continue
        if found != weights.sha256:
            yield Difference("weights", f"{name} is not what was stored when the run finished")
    if stored:
        findings.checked.append(f"weights of {len(stored)}")
