"""From run directories to tables: one table per data set and protocol, the best row first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from benchbench.errors import BenchbenchError
from benchbench.progress import say
from benchbench.stats import class_interval, mean_interval
from benchbench.store import Cell, RunDirectory

GROUP = ["dataset", "fingerprint", "splits", "split", "protocol", "episode_seed"]
"""Rows that differ in one of these never share a table."""

COLUMNS = [
    "method",
    "budget",
    "seed",
    "accuracy",
    "ci_episodes",
    "ci_classes",
    "episodes",
    "training_seconds",
    "seconds_per_episode",
    "run",
]
"""Of every row, beside those of `GROUP`; the columns after them are means of further metrics."""


def row(run: RunDirectory, episodes: int | None = None) -> dict[str, Any]:
    """A finished run as numbers, over its first `episodes` episodes; accuracies are in [0, 1].

    A further metric is a column of its own name: the mean over the episodes.
    """
    stored = run.manifest["episodes"]["count"]
    records = run.records(min(episodes or stored, stored))
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
        **{
            name: np.mean([float(r[name]) for r in records]) for name in identity.get("metrics", [])
        },
    }


def collect(runs: Iterable[RunDirectory]) -> pd.DataFrame:
    """The finished runs, a row each, sorted by table and then by accuracy.

    A run that cannot be read is left out with a warning.
    """
    rows = []
    for run in {run.path.resolve(): run for run in runs}.values():
        try:
            if run.status == "finished":
                rows.append(row(run))
        except (BenchbenchError, KeyError, TypeError, ValueError) as error:
            say(f"left out {run.path}: {type(error).__name__}: {error}")
    if not rows:
        return pd.DataFrame()
    order = [*GROUP, "accuracy", "method", "run"]
    ascending = [True] * len(GROUP) + [False, True, True]
    return pd.DataFrame(rows).sort_values(order, ascending=ascending, ignore_index=True)


def run_table(cells: Iterable[Cell], episodes: int) -> pd.DataFrame:
    """The outcome of one command, in the order of its methods.

    Nothing in it changes between two equal runs: times are in the leaderboard.
    """
    columns = ["method", "accuracy %", "± episodes", "± classes", "n"]
    metrics: list[str] = []
    rows: list[dict[str, str | None]] = []
    for cell in cells:
        if cell.status != "finished" or cell.run is None:
            rows.append({"method": cell.method, "note": f"{cell.status}: {cell.reason}"})
            continue
        numbers = row(cell.run, episodes)
        shares = (percent(numbers[key]) for key in ("accuracy", "ci_episodes", "ci_classes"))
        values = [cell.method, *shares, str(numbers["episodes"])]
        metrics = further_metrics(numbers)
        means = {name: decimals(numbers[name]) for name in metrics}
        rows.append({**dict(zip(columns, values, strict=True)), **means})
    table = pd.DataFrame(rows, columns=[*columns, *metrics, "note"])
    return table if table["note"].notna().any() else table.drop(columns="note")


def further_metrics(columns: Iterable[Any]) -> list[str]:
    """The columns of a row, or of the frame of `collect`, that are means of further metrics."""
    return [name for name in columns if name not in (*GROUP, *COLUMNS)]


def decimals(value: float | None) -> str:
    """A number with four decimals; a dash where there is none."""
    return "–" if value is None or np.isnan(value) else f"{value:.4f}"


def percent(value: float | None) -> str:
    """A share as a percentage with two decimals; a dash where there is none."""
    return "–" if value is None or np.isnan(value) else f"{100 * value:.2f}"
