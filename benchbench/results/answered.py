"""The stored answers of runs beside their episodes, and what they say of the test images.

The episodes are drawn again from the table of classes; neither the data nor torch is needed.
"""

from __future__ import annotations

import numpy as np

from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError, NoEstimate
from benchbench.results.entries import Entry, Result
from benchbench.runs.directory import RunDirectory
from benchbench.samplers import base as samplers
from benchbench.stats import OverTestImages, over_test_images
from benchbench.system.arrays import FloatArray, IntArray
from benchbench.verification.differences import Findings
from benchbench.verification.predictions import wrong_answers
from benchbench.verification.redrawing import Redrawings


def answers_of(result: Result, redrawings: Redrawings) -> tuple[EpisodeSet, IntArray] | str:
    """The episodes of a run and the slot that was answered to each of their queries, int64 [n].

    Otherwise a reason why there is none.
    """
    try:
        drawn = redrawings.of(result.path).drawn(result.manifest)
    except BenchbenchError:
        drawn = None
    if drawn is None:
        return "nothing says what its episodes were drawn from"
    run = RunDirectory(result.path)
    if list(wrong_answers(run, result.rows, drawn.episodes, Findings(result.path))):
        return "its answers are not those of its rows, as `benchbench verify` says"
    found = run.answers.predicted()
    if len(found) < len(drawn.episodes):
        return "it has no stored answers, or not to all of its episodes"
    return drawn.episodes, np.concatenate([found[n] for n in range(len(drawn.episodes))])


def has_official_test(entry: Entry) -> bool:
    """Whether all its episodes were tested on the same, official, test images."""
    sampler = entry.facts.get("sampler")
    return sampler is not None and samplers.has_official_test(str(sampler))


def intervals_over_images(
    entry: Entry, redrawings: Redrawings, other: Entry | None = None
) -> OverTestImages:
    """The intervals of an entry on official test images, or of its difference from another one.

    Raises NoEstimate if the answers of a seed are not here, and as `over_test_images`.
    """
    count = min(len(entry), len(other or entry))
    correct, classes = _correct(entry, count, redrawings)
    if other is not None:
        correct = correct - _correct(other, count, redrawings)[0]
    return over_test_images(correct, classes)


def _correct(entry: Entry, count: int, redrawings: Redrawings) -> tuple[FloatArray, IntArray]:
    """Which answers are right, [count, n] in [0, 1], and the classes of the test images, [n]."""
    correct: list[FloatArray] = []
    classes = np.empty(0, np.int64)
    for result in entry.results:
        found = answers_of(result, redrawings)
        if isinstance(found, str):
            raise NoEstimate(f"{result.path}: {found}.")
        episodes, slots = found
        right = (slots == episodes.query_labels).reshape(len(episodes), -1)
        correct.append(right[:count].astype(np.float64))
        first = episodes[0]
        classes = first.classes[first.query_labels]
    return np.asarray(np.mean(correct, axis=0)), classes
