"""Verification of `top_classes.csv`: the likeliest class of each query is what was answered."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.runs.directory import RunDirectory
from benchbench.runs.top_classes import FILE, read_top
from benchbench.verification.differences import Difference, Findings


def wrong_top(run: RunDirectory, episodes: EpisodeSet, findings: Findings) -> Iterator[Difference]:
    """Whether the classes that are stored of queries begin with the stored answers.

    Their scores are no part of any number, and only asking the method again computes them.
    """
    queries = dict(enumerate(episodes.query_counts.tolist()))
    try:
        stored, answers = read_top(run.path, queries), run.answers.predicted()
    except BenchbenchError as error:
        yield Difference("predictions", str(error))
        return
    for number, top in stored.items():
        slots, way = np.sort(top.slots, axis=1), int(episodes.class_counts[number])
        fits = (slots < way).all() and (np.diff(slots, axis=1) > 0).all()
        falling = (np.diff(top.scores, axis=1) <= 0).all()
        same = number in answers and np.array_equal(top.slots[:, 0], answers[number])
        if not (fits and falling and same):
            yield Difference(
                "predictions", f"episode {number} of {FILE} is not of the answers to its queries"
            )
            return
    if stored:
        findings.checked.append(f"likeliest classes of {len(stored)}")
