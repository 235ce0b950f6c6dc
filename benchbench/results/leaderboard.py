"""From run directories to tables: one table per data set and protocol, an entry a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from benchbench.errors import NoEstimate
from benchbench.results.across import rank_methods
from benchbench.results.entries import (
    PROTOCOL,
    Entry,
    protocol_hash,
    read_result,
    read_results,
    tables_of,
)
from benchbench.results.numbers import decimals, percent
from benchbench.results.published import figure_of
from benchbench.results.standing import REFUTED, standing
from benchbench.runs.outcome import Outcome
from benchbench.runs.store import RunDirectory
from benchbench.stats import class_half_width, crossed_seeds, mean_interval, wilson_interval

T = TypeVar("T")

GROUP = ["dataset", *PROTOCOL]
"""Rows that differ in one of these never share a table."""

FACTS = ["way", "shot", "query", "disjoint", "standard", "images_drawn", "images_available"]
"""What a manifest says of the episodes; way, shot and query are missing if they vary."""

COLUMNS = [
    "collection",
    "source",
    "subject",
    "trained_on",
    "protocol_hash",
    "rank",
    "rank_rule",
    "rank_group",
    "best",
    "method",
    "budget",
    "backbone",
    "pretrained_on",
    "contamination",
    "setting",
    "evidence",
    "properties",
    "accuracy_together",
    "accuracy_one_at_a_time",
    "accuracy",
    "ci_episodes",
    "ci_classes",
    "ci_seeds",
    "wilson_low",
    "wilson_high",
    "episodes",
    *FACTS,
    "seeds",
    "seed_accuracies",
    "published_percent",
    "published_difference",
    "published_source",
    "training_seconds",
    "seconds_per_episode",
    "parameters",
    "peak_memory_bytes",
    "run",
]
"""Of every row, after those of `GROUP`; the columns after them are means of further metrics."""


def collect(runs: Iterable[RunDirectory], rule: str = "paired") -> pd.DataFrame:
    """The finished runs as a frame, an entry a row; accuracies and intervals are in [0, 1].

    Seeds of one configuration are one row. Tables follow each other; in a table each group that is
    ranked together (`rank_group`) does, the best row first. rule: one of `ranking.RULES`. A run
    that cannot be read is left out, which is said. A further metric is a column of its own name.
    """
    return tabulate_entries(tables_of(read_results(runs)), rule)


def tabulate_entries(tables: Iterable[list[Entry]], rule: str = "paired") -> pd.DataFrame:
    """As `collect`, from entries by table."""
    rows: list[dict[str, Any]] = []
    for entries in tables:
        rows += _ranked(entries, rule)
    if not rows:
        return pd.DataFrame()
    metrics = list(dict.fromkeys(name for one in rows for name in further_metrics(one)))
    frame = pd.DataFrame(rows, columns=[*GROUP, *COLUMNS, *metrics])
    return frame.astype(dict.fromkeys(("way", "shot", "query"), "Int64"))


def row(entry: Entry) -> dict[str, Any]:
    """An entry as numbers, all but its rank."""
    first, manifest, stands = entry.first, entry.first.manifest, standing(entry)
    costs = [result.manifest["cost"] for result in entry.results]
    return {
        **dict(zip(GROUP, first.protocol, strict=True)),
        "collection": first.collection,
        "source": first.source,
        "trained_on": first.trained_on,
        "protocol_hash": protocol_hash(first.protocol),
        "method": entry.label,
        "budget": first.identity["budget"],
        "backbone": _backbone(manifest["method"]),
        **asdict(stands),
        "rank_group": stands.group,
        **numbers(entry),
        **{fact: entry.facts.get(fact) for fact in FACTS},
        "seeds": len(entry.seeds),
        "seed_accuracies": " ".join(
            f"{seed}:{score!r}"
            for seed, score in zip(entry.seeds, entry.scores.mean(axis=1).tolist(), strict=True)
        ),
        **_published(entry),
        "training_seconds": _mean(costs, "training_seconds"),
        "seconds_per_episode": _mean(costs, "seconds_per_episode"),
        "parameters": manifest.get("parameters"),
        "peak_memory_bytes": max(c.get("peak_memory_bytes") or 0 for c in costs) or None,
        "run": " ".join(result.path.name for result in entry.results),
        **{name: _metric(entry, name) for name in first.metrics},
    }


def numbers(entry: Entry) -> dict[str, Any]:
    """The mean accuracy over episodes and seeds, its intervals (None if there is none), and n.

    ci_episodes and ci_classes take the trained weights as they are; ci_seeds is of a fresh draw of
    both seeds and episodes. A single episode, such as a whole test set classified once,
    has Wilson's interval over its queries instead: wilson_low, wilson_high.
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
    """The function's value, None if it refuses."""
    try:
        return function()
    except NoEstimate:
        return None


def _backbone(method: dict[str, Any]) -> str | None:
    """What the parameter `backbone` says, or `model` where a method has none."""
    parameters = method.get("parameters", {})
    found = parameters.get("backbone", parameters.get("model"))
    return None if found is None else str(found)


def _published(entry: Entry) -> dict[str, Any]:
    """The published figure of the same method, data set, way and shot, and how far this is off."""
    first, facts = entry.first, entry.facts
    if not facts.get("standard"):
        return {}
    backbone = _backbone(first.manifest["method"])
    figure = figure_of(first.method, first.dataset, facts.get("way"), facts.get("shot"), backbone)
    if figure is None:
        return {}
    percent = float(figure["accuracy_percent"])
    return {
        "published_percent": percent,
        "published_difference": 100 * float(entry.accuracy.mean()) - percent,
        "published_source": figure["source"],
    }


def _mean(costs: list[dict[str, Any]], key: str) -> float:
    return float(np.mean([cost[key] for cost in costs]))


def _metric(entry: Entry, name: str) -> float:
    return float(np.mean([result.metrics[name][: len(entry)] for result in entry.results]))


def _ranked(entries: Sequence[Entry], rule: str) -> list[dict[str, Any]]:
    """The rows of one table with their ranks: group after group, in each the best mean first."""
    best_first = sorted(entries, key=lambda entry: (-float(entry.accuracy.mean()), entry.label))
    table = rank_methods({(entry.label, ""): entry for entry in best_first}, rule)
    groups = [one.group for one in table.overall.values()]
    ranked = table.cells.droplevel(1)[["rank", "best"]].to_dict(orient="index")
    rows = [{**row(entry), "rank_rule": rule, **ranked[entry.label]} for entry in best_first]
    return sorted(rows, key=lambda found: groups.index(found["rank_group"]))


def entry_of(outcome: Outcome, episodes: int) -> Entry | None:
    """The first episodes of what a command has finished; None if it has not."""
    if outcome.status != "finished" or outcome.run is None:
        return None
    return Entry(outcome.method, (read_result(outcome.run).head(episodes),))


def run_table(outcomes: Iterable[Outcome], episodes: int) -> pd.DataFrame:
    """The outcome of one command, in the order of its methods.

    Nothing in it changes between two equal runs: times are in the leaderboard.
    """
    columns = ["method", "accuracy %", "± episodes", "± classes", "n"]
    metrics: list[str] = []
    rows: list[dict[str, str | None]] = []
    for outcome in outcomes:
        entry = entry_of(outcome, episodes)
        if entry is None:
            rows.append({"method": outcome.method, "note": f"{outcome.status}: {outcome.reason}"})
            continue
        found = numbers(entry)
        shares = (percent(found[key]) for key in ("accuracy", "ci_episodes", "ci_classes"))
        values = [outcome.method, *shares, str(found["episodes"])]
        metrics = list(entry.first.metrics)
        means = {name: decimals(_metric(entry, name)) for name in metrics}
        refuted = standing(entry).evidence == REFUTED
        note = {"note": "transductive by the audit, against its claim"} if refuted else {}
        rows.append({**dict(zip(columns, values, strict=True)), **means, **note})
    table = pd.DataFrame(rows, columns=[*columns, *metrics, "note"])
    return table if table["note"].notna().any() else table.drop(columns="note")


def further_metrics(columns: Iterable[Any]) -> list[str]:
    """The columns of a row, or of the frame of `collect`, that are means of further metrics."""
    return [name for name in columns if name not in (*GROUP, *COLUMNS)]
