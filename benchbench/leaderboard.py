"""From run directories to tables: one table per data set and protocol, the best row first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from benchbench.stats import class_interval, mean_interval
from benchbench.store import Cell, RunDirectory

GROUP = ["dataset", "fingerprint", "splits", "split", "protocol", "episode_seed"]
"""Rows that differ in one of these never share a table."""


def row(run: RunDirectory, episodes: int | None = None) -> dict[str, Any]:
    """A finished run as numbers, over its first `episodes` episodes; accuracies are in [0, 1]."""
    records = run.records(episodes)
    accuracy = np.array([int(r["correct"]) / int(r["n_query"]) for r in records])
    classes = [np.array(r["classes"].split(), dtype=np.int64) for r in records]
    manifest = run.manifest
    identity = manifest["identity"]
    return {
        "dataset": manifest["dataset"]["name"],
        **{column: identity[column] for column in GROUP[1:]},
        "method": manifest["method"]["spec"],
        "budget": identity["budget"],
        "seed": identity["seed"],
        "accuracy": accuracy.mean(),
        "ci_episodes": mean_interval(accuracy),
        "ci_classes": class_interval(accuracy, classes),
        "episodes": len(records),
        "training_seconds": manifest["cost"]["training_seconds"],
        "seconds_per_episode": manifest["cost"]["seconds_per_episode"],
        "run": run.path.name,
    }


def collect(runs: Iterable[RunDirectory]) -> pd.DataFrame:
    """The finished runs, a row each, sorted by table and then by accuracy."""
    frame = pd.DataFrame([row(run) for run in runs if run.status == "finished"])
    if frame.empty:
        return frame
    order = [*GROUP, "accuracy", "method", "run"]
    ascending = [True] * len(GROUP) + [False, True, True]
    return frame.sort_values(order, ascending=ascending, ignore_index=True)


def run_table(cells: Iterable[Cell], episodes: int) -> pd.DataFrame:
    """The outcome of one command, in the order of its methods.

    Nothing in it changes between two equal runs: times are in the leaderboard.
    """
    rows = []
    for cell in cells:
        if cell.status == "finished" and cell.run is not None:
            numbers = row(cell.run, episodes)
            rows.append(
                {
                    "method": cell.method,
                    "accuracy %": percent(numbers["accuracy"]),
                    "± episodes": percent(numbers["ci_episodes"]),
                    "± classes": percent(numbers["ci_classes"]),
                    "n": str(numbers["episodes"]),
                }
            )
        else:
            rows.append({"method": cell.method, "note": f"{cell.status}: {cell.reason}"})
    return pd.DataFrame(rows)


def percent(value: float | None) -> str:
    """A share as a percentage with two decimals; a dash where there is none."""
    return "–" if value is None or np.isnan(value) else f"{100 * value:.2f}"
