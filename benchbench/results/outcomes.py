"""The table of one command: what each of its methods came to. It does without pandas, for speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np

from benchbench.errors import BenchbenchError, NoEstimate
from benchbench.results.entries import Entry
from benchbench.results.numbers import decimals, percent
from benchbench.results.printed import markdown_cell, printed
from benchbench.results.standing import REFUTED, UNDECIDED, Standing, standing
from benchbench.results.stored import read_result
from benchbench.runs.outcome import Outcome
from benchbench.stats import class_half_width, crossed_seeds, mean_interval, wilson_interval

T = TypeVar("T")


def numbers(entry: Entry) -> dict[str, Any]:
    """The mean accuracy over episodes and seeds, its intervals (None if there is none), and n.

    ci_episodes and ci_classes take the trained weights as they are; ci_seeds is of a fresh draw of
    seeds and episodes. wilson_low and wilson_high are over the queries of a single episode.
    """
    low, high = None, None
    if len(entry) == 1 and len(entry.seeds) == 1:
        low, high = wilson_interval(int(entry.first.correct[0]), int(entry.first.n_query[0]))
    return {
        "accuracy": float(entry.accuracy.mean()),
        "ci_episodes": estimate(lambda: mean_interval(entry.accuracy)),
        "ci_classes": estimate(lambda: class_half_width(entry.accuracy, entry.classes)),
        "ci_seeds": estimate(lambda: crossed_seeds(entry.scores).half_width),
        "wilson_low": low,
        "wilson_high": high,
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


def entry_of(outcome: Outcome, episodes: int) -> Entry | None:
    """The first episodes of what a command has finished; None if it has not.

    Raises BenchbenchError if what is stored cannot be read.
    """
    if outcome.status != "finished" or outcome.run is None:
        return None
    return Entry(outcome.method, (read_result(outcome.run).head(episodes),))


def readable_entries(outcomes: Iterable[Outcome], episodes: int) -> list[Entry]:
    """Of what a command has finished; what cannot be read has a note in `run_table`."""
    found = []
    for outcome in outcomes:
        with suppress(BenchbenchError):
            found.append(entry_of(outcome, episodes))
    return [entry for entry in found if entry is not None]


def run_table(outcomes: Iterable[Outcome], episodes: int) -> str:
    """The outcomes in markdown, in the order of the methods; equal for equal runs, so no times."""
    columns = dict.fromkeys(["method", "accuracy %", "± episodes", "± classes", "n"])
    rows = [_row(outcome, episodes) for outcome in outcomes]
    for row in rows:
        columns |= dict.fromkeys(name for name in row if name != "note")
    if any("note" in row for row in rows):
        columns["note"] = None
    cells = [[row.get(name, "") for name in columns] for row in rows]
    return printed(columns, cells, "pipe", markdown_cell)


def _row(outcome: Outcome, episodes: int) -> dict[str, str]:
    try:
        entry = entry_of(outcome, episodes)
    except BenchbenchError as error:
        return {"method": outcome.method, "note": f"cannot be read: {error}"}
    if entry is None:
        return {"method": outcome.method, "note": f"{outcome.status}: {outcome.reason}"}
    found = numbers(entry)
    row = {
        "method": outcome.method,
        "accuracy %": percent(found["accuracy"]),
        "± episodes": percent(found["ci_episodes"]),
        "± classes": percent(found["ci_classes"]),
        "n": str(found["episodes"]),
        **{name: decimals(mean) for name, mean in further_means(entry).items()},
    }
    if remarks := _remarks(standing(entry)):
        row["note"] = "; ".join(remarks)
    return row


def _remarks(one: Standing) -> list[str]:
    remarks = []
    if one.evidence == REFUTED:
        remarks.append("transductive by the audit, against its claim")
    if one.setting == UNDECIDED:
        remarks.append("the audit cannot tell whether it is inductive")
    if one.files_tried:
        remarks.append(f"tried to reach protected files ({one.files_tried})")
    return remarks
