"""Runs with all answers, on two small episodes whose numbers can be counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.runs import write_run

from benchbench.episodes import Episode, EpisodeSet
from benchbench.runs.class_tables import ClassTables

CLASSES = [[7, 3, 5], [3, 7, 9]]
LABELS = [0, 0, 1, 1, 2, 2]
RIGHT = [LABELS, LABELS]
SOME = [[0, 1, 1, 1, 0, 2], [0, 0, 0, 1, 2, 2]]
ALWAYS_FIRST = [[0] * 6, [0] * 6]


def hand_made_episodes() -> EpisodeSet:
    """Two episodes of three classes with two queries each."""
    support, query = np.arange(3), np.arange(3, 9)
    made = [
        Episode(np.array(ids), support, np.arange(3), query, np.array(LABELS)) for ids in CLASSES
    ]
    digest = "ab" * 32
    return EpisodeSet.from_episodes(
        made, dataset="toy", fingerprint=digest, split="test", protocol="3way-1shot-2query"
    )


def write_answered(
    root: Path, method: str, answers: list[list[int]] | None, **identity: object
) -> None:
    """A run on these episodes; answers: a slot for each query, None if they are not stored."""
    drawn = hand_made_episodes()
    ClassTables(root).keep_episodes(drawn)
    said = answers or RIGHT
    correct = [sum(map(int.__eq__, LABELS, row)) for row in said]
    way, shot, query = drawn.shape
    facts = {"sha256": drawn.sha256, "way": way, "shot": shot, "query": query}
    run = write_run(
        root,
        method,
        correct,
        dataset="toy",
        classes=CLASSES,
        queries=len(LABELS),
        episodes={**facts, "standard": False},
        **{"fingerprint": "ab" * 32, "protocol": drawn.protocol, "core": 2, **identity},
    )
    if answers:
        run.answers.append([run.answers.row(n, row) for n, row in enumerate(answers)])
        run.answers.pack()


def write_answered_runs(root: Path) -> None:
    """Two seeds of one method, a method that knows one slot, and one without answers."""
    write_answered(root, "knn", SOME)
    write_answered(root, "knn", RIGHT, seed=1)
    write_answered(root, "first", ALWAYS_FIRST)
    write_answered(root, "older", None)
