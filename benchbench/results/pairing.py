"""Results on the same episodes of two data sets: the same pictures, read in two ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.results.entries import PROTOCOL, Entry, Result, check_met, check_same_episodes
from benchbench.runs.class_tables import drawn_as
from benchbench.system.vectors import are_vectors


def episodes_met(result: Result) -> tuple[Any, ...]:
    """What two results on two data sets share if they met the same episodes.

    It begins with the fingerprint by which these were drawn.
    """
    return drawn_as(result.identity), *(result.identity[key] for key in PROTOCOL[1:])


def check_paired(a: Result, b: Result) -> None:
    """As `check_same_episodes`, but that the same pictures may have been read in two ways."""
    met = [episodes_met(one) for one in (a, b)]
    if a.dataset == b.dataset or met[0][0] != met[1][0]:
        check_same_episodes(a, b)
        return
    check_met(a, b, ("images", *PROTOCOL[1:]), *met)
    hashes = {one.manifest["episodes"].get("sha256") for one in (a, b)}
    if len(a) == len(b) and len(hashes) > 1:
        raise BenchbenchError(
            f"{a.path} and {b.path} claim one protocol but hold different episodes; move the one "
            "elsewhere that does not belong there."
        )


def with_datasets(entries: list[Entry]) -> list[Entry]:
    """The entries, called by their data sets as well if these are several."""
    if len({entry.first.dataset for entry in entries}) == 1:
        return entries
    return [replace(one, label=f"{one.label} on {one.first.dataset}") for one in entries]


def readings(results: Sequence[Result]) -> dict[str, str]:
    """How the pictures of each data set were read, in words, by its name."""
    return {one.dataset: _reading(one.manifest["dataset"].get("image_shape")) for one in results}


def _reading(image_shape: Sequence[int] | None) -> str:
    if image_shape is None:
        return "in a way that is not stored"
    if are_vectors(image_shape):
        return "as features"
    height, width, _ = image_shape
    return f"at {height} x {width} pixels" if height else "at their own size"
