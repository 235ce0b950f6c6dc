"""The table of one command: what each of its methods came to. It does without pandas, for speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import numpy as np

from benchbench.errors import BenchbenchError, NoEstimate
from benchbench.metrics import OF_UNKNOWN
from benchbench.results.answered import has_official_test, intervals_over_images
from benchbench.results.entries import Entry
from benchbench.results.headings import OF_EPISODES, OF_OFFICIAL_TESTS
from benchbench.results.numbers import interval, percent, plus_minus
from benchbench.results.printed import markdown_cell, printed
from benchbench.results.spread import query_bounds
from benchbench.results.standing import REFUTED, TRANSDUCTIVE, UNDECIDED, Standing, standing
from benchbench.results.stored import read_result
from benchbench.results.training_labels import labels_learned
from benchbench.runs.directory import RunDirectory
from benchbench.runs.outcome import Outcome
from benchbench.stats import class_half_width, crossed_seeds, mean_interval
from benchbench.verification.redrawing import Redrawings

T = TypeVar("T")
CHANCE = 0.5
"""The area under the ROC curve of queries that all have one confidence."""


def numbers(entry: Entry, redrawings: Redrawings | None = None) -> dict[str, Any]:
    """The mean accuracy over episodes and seeds, its intervals (None if there is none), and n.

    ci_episodes and ci_classes take the trained weights as they are; ci_seeds is of a fresh draw of
    seeds and episodes. wilson_low and wilson_high are those of `query_bounds`. On official test
    images ci_images and ci_both are those of `OverTestImages`. redrawings: shared with the other
    entries, so that the same episodes are drawn once.
    """
    low, high = query_bounds(entry) or (None, None)
    official = None
    if has_official_test(entry):
        official = estimate(lambda: intervals_over_images(entry, redrawings or Redrawings()))
    return {
        "accuracy": float(entry.accuracy.mean()),
        "ci_episodes": estimate(lambda: mean_interval(entry.accuracy)),
        "ci_classes": estimate(lambda: class_half_width(entry.accuracy, entry.classes)),
        "ci_seeds": estimate(lambda: crossed_seeds(entry.scores).half_width),
        "wilson_low": low,
        "wilson_high": high,
        "ci_images": official and official.images,
        "ci_both": official and official.both,
        "episodes": len(entry),
    }


def estimate(function: Callable[[], T]) -> T | None:
    """The function's value, or None if it raises NoEstimate."""
    try:
        return function()
    except NoEstimate:
        return None


def further_means(entry: Entry) -> dict[str, float]:
    """The mean of each further metric over episodes and seeds."""
    return {
        name: float(np.mean([result.metrics[name][: len(entry)] for result in entry.results]))
        for name in entry.first.metrics
    }


def further_half_widths(entry: Entry) -> dict[str, float | None]:
    """± episodes of each further metric, of its means over the seeds; None if there is none."""
    found = {}
    for name in entry.first.metrics:
        values = np.mean([result.metrics[name][: len(entry)] for result in entry.results], axis=0)
        found[name] = estimate(partial(mean_interval, values))
    return found


def by_method(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    """The outcomes of each method, which differ in the seed, in the order of the methods."""
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.method, []).append(outcome)
    return list(found.values())


def entry_of(outcomes: Sequence[Outcome], episodes: int) -> Entry | None:
    """The first episodes of the seeds that a command has finished; None if there are none.

    Raises BenchbenchError if what is stored cannot be read.
    """
    runs = [one.run for one in outcomes if one.status == "finished" and one.run is not None]
    results = sorted((read_result(run).head(episodes) for run in runs), key=lambda one: one.seed)
    return Entry(outcomes[0].method, tuple(results)) if results else None


def readable_entries(outcomes: Iterable[Outcome], episodes: int) -> list[Entry]:
    """Of what a command has finished; what cannot be read has a note in `run_table`."""
    found = []
    for seeds in by_method(outcomes):
        with suppress(BenchbenchError):
            found.append(entry_of(seeds, episodes))
    return [entry for entry in found if entry is not None]


def run_table(outcomes: Iterable[Outcome], episodes: int) -> str:
    """The outcomes in markdown, in the order of the methods; equal for equal runs, so no times.

    Several outcomes of one method are its seeds, and share a row.
    """
    redrawings = Redrawings()
    rows = [_row(seeds, episodes, redrawings) for seeds in by_method(outcomes)]
    about = OF_OFFICIAL_TESTS if any("± draws" in row for row in rows) else OF_EPISODES
    labels = ["labels"] if any(row.get("labels", "all") != "all" for row in rows) else []
    columns = dict.fromkeys(["method", *labels, "accuracy %", *about])
    if any("seeds" in row for row in rows):
        columns |= dict.fromkeys(["± seeds", "n", "seeds"])
    columns["n"] = None
    for row in rows:
        columns |= dict.fromkeys(name for name in row if name not in ("labels", "note"))
    if any("note" in row for row in rows):
        columns["note"] = None
    cells = [[row.get(name, "") for name in columns] for row in rows]
    return printed(columns, cells, "pipe", markdown_cell)


def _row(outcomes: Sequence[Outcome], episodes: int, redrawings: Redrawings) -> dict[str, str]:
    method = outcomes[0].method
    unfinished = [one for one in outcomes if one.status != "finished"]
    try:
        entry = entry_of(outcomes, episodes)
    except BenchbenchError as error:
        return {"method": method, "note": f"cannot be read: {error}"}
    if entry is None:
        return {"method": method, "note": f"{unfinished[0].status}: {unfinished[0].reason}"}
    found = numbers(entry, redrawings)
    row = {
        "method": method,
        "labels": labels_learned(entry.first.manifest["method"]),
        "accuracy %": percent(found["accuracy"]),
        **_intervals(entry, found),
        **({"± seeds": percent(found["ci_seeds"])} if len(outcomes) > 1 else {}),
        "n": str(found["episodes"]),
        **({"seeds": str(len(entry.seeds))} if len(outcomes) > 1 else {}),
        **{
            name: plus_minus(mean, further_half_widths(entry)[name])
            for name, mean in further_means(entry).items()
        },
    }
    remarks = [entry.first.method] if method != entry.first.method else []
    remarks += _remarks(standing(entry))
    if _has_constant_confidence(entry):
        remarks.append("its confidence is the same for every query, so its AUROC says nothing")
    if unfinished:
        first = unfinished[0]
        remarks.append(f"{len(unfinished)} of {len(outcomes)} {first.status}: {first.reason}")
    if remarks:
        row["note"] = "; ".join(remarks)
    return row


def _has_constant_confidence(entry: Entry) -> bool:
    """Whether no query of any episode has more confidence than another, where that is scored."""
    found = [one.metrics.get(OF_UNKNOWN, np.zeros(1)) for one in entry.results]
    if any((values != CHANCE).any() for values in found):
        return False
    stored = [RunDirectory(one.path).answers.confidences() for one in entry.results]
    return all(of and all(np.ptp(sure) == 0 for sure in of.values()) for of in stored)


def _intervals(entry: Entry, found: dict[str, Any]) -> dict[str, str]:
    """By the headings of `OF_OFFICIAL_TESTS` or `OF_EPISODES`."""
    if has_official_test(entry):
        values = (percent(found[name]) for name in ("ci_episodes", "ci_images", "ci_both"))
        return dict(zip(OF_OFFICIAL_TESTS, values, strict=True))
    episodes = interval(found["ci_episodes"], found["wilson_low"], found["wilson_high"])
    return dict(zip(OF_EPISODES, (episodes, percent(found["ci_classes"])), strict=True))


def _remarks(one: Standing) -> list[str]:
    remarks = []
    if one.evidence == REFUTED:
        remarks.append("transductive by the audit, against its claim")
    elif one.setting == TRANSDUCTIVE:
        remarks.append("transductive")
    if one.setting == UNDECIDED:
        remarks.append("the audit cannot tell whether it is inductive")
    if one.had_a_pool:
        remarks.append("was given unlabelled images")
    if one.files_tried:
        remarks.append(f"tried to reach protected files ({one.files_tried})")
    return remarks
