"""From run directories to tables: one table per data set and protocol, an entry a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from benchbench.comparison import rank_entries
from benchbench.contamination import contamination
from benchbench.errors import NoEstimate
from benchbench.published import figure_of
from benchbench.results import (
    PROTOCOL,
    Entry,
    protocol_hash,
    read_result,
    read_results,
    tables_of,
)
from benchbench.stats import class_half_width, crossed_seeds, mean_interval, wilson_interval
from benchbench.store import Cell, RunDirectory

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
"""Of every row, beside those of `GROUP`; the columns after them are means of further metrics."""


def collect(runs: Iterable[RunDirectory], rule: str = "paired") -> pd.DataFrame:
    """The finished runs as a frame, an entry a row; accuracies and intervals are in [0, 1].

    Seeds of one configuration are one row. Tables follow each other; in a table each group that is
    ranked together (`rank_group`) does, the best row first. rule: one of `ranking.RULES`. A run
    that cannot be read is left out and told. A further metric is a column of its own name.
    """
    return tabulate_entries(tables_of(read_results(runs)), rule)


def tabulate_entries(tables: Iterable[list[Entry]], rule: str = "paired") -> pd.DataFrame:
    """As `collect`, from entries by table."""
    rows: list[dict[str, Any]] = []
    for entries in tables:
        rows += _ranked([(entry, row(entry)) for entry in entries], rule)
    if not rows:
        return pd.DataFrame()
    metrics = list(dict.fromkeys(name for one in rows for name in further_metrics(one)))
    frame = pd.DataFrame(rows, columns=[*GROUP, *COLUMNS, *metrics])
    return frame.astype(dict.fromkeys(("way", "shot", "query"), "Int64"))


def row(entry: Entry) -> dict[str, Any]:
    """An entry as numbers, all but its rank."""
    first, manifest = entry.first, entry.first.manifest
    costs = [result.manifest["cost"] for result in entry.results]
    return {
        **dict(zip(GROUP, first.protocol, strict=True)),
        "collection": first.collection,
        "source": first.source,
        "subject": first.subject,
        "trained_on": first.trained_on,
        "protocol_hash": protocol_hash(first.protocol),
        "method": entry.label,
        "budget": first.identity["budget"],
        "backbone": _backbone(manifest["method"]),
        **_provenance(entry),
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
    """The mean accuracy over episodes and seeds, its intervals (None where there is none), and n.

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
    """The function's value, None where it refuses."""
    try:
        return function()
    except NoEstimate:
        return None


def _backbone(method: dict[str, Any]) -> str | None:
    """What the parameter `backbone` says, or `model` where a method has none."""
    parameters = method.get("parameters", {})
    found = parameters.get("backbone", parameters.get("model"))
    return None if found is None else str(found)


def _provenance(entry: Entry) -> dict[str, Any]:
    """What the weights have seen, and what the method does, by the audit where there was one."""
    method = entry.first.manifest["method"]
    seen = method.get("pretrained_on") or []
    flag = contamination(seen, entry.first.subject)
    behaviour = _behaviour(entry)
    setting = behaviour["setting"]
    return {
        "pretrained_on": "+".join(seen),
        "contamination": flag,
        **behaviour,
        "rank_group": setting if flag == "none" else f"{setting}, {flag} seen",
    }


def _behaviour(entry: Entry) -> dict[str, Any]:
    """setting, evidence (`audit`, `audit against its claim` or `claim`) and further properties.

    One seed that the audit found transductive makes the entry so.
    """
    claim = "transductive" if entry.first.manifest["method"].get("transductive") else "inductive"
    audits = [result.manifest.get("audit") or {} for result in entry.results]
    told = [audit for audit in audits if audit.get("inductive") is not None]
    if not told:
        return {"setting": claim, "evidence": "claim", "properties": ""}
    worst = next((audit for audit in told if not audit["inductive"]), told[0])
    setting = "inductive" if worst["inductive"] else "transductive"
    properties = [
        name.replace("_", "-")
        for name in ("order_dependent", "stateful", "stochastic")
        if any(audit.get(name) for audit in told)
    ]
    broken_claim = (claim, setting) == ("inductive", "transductive")
    return {
        "setting": setting,
        "evidence": "audit against its claim" if broken_claim else "audit",
        "properties": " ".join(properties),
        "accuracy_together": worst.get("accuracy_together"),
        "accuracy_one_at_a_time": worst.get("accuracy_one_at_a_time"),
    }


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


def _ranked(rows: list[tuple[Entry, dict[str, Any]]], rule: str) -> list[dict[str, Any]]:
    """The rows of one table with their ranks, each group that is ranked together by itself."""
    groups: dict[str, list[tuple[Entry, dict[str, Any]]]] = {}
    for entry, numbered in rows:
        groups.setdefault(numbered["rank_group"], []).append((entry, numbered))
    ranked: list[dict[str, Any]] = []
    for group in sorted(groups, key=_group_order):
        members = sorted(groups[group], key=lambda pair: (-pair[1]["accuracy"], pair[0].label))
        ranks = rank_entries([entry for entry, _ in members], rule)
        best = ranks.min()
        ranked += [
            {**numbered, "rank": float(rank), "rank_rule": rule, "best": bool(rank == best)}
            for (_, numbered), rank in zip(members, ranks, strict=True)
        ]
    return ranked


def _group_order(group: str) -> tuple[bool, bool, str]:
    return "seen" in group, group.startswith("transductive"), group


def entry_of(cell: Cell, episodes: int) -> Entry | None:
    """The first episodes of what a command has finished; None where it has not."""
    if cell.status != "finished" or cell.run is None:
        return None
    return Entry(cell.method, (read_result(cell.run).head(episodes),))


def run_table(cells: Iterable[Cell], episodes: int) -> pd.DataFrame:
    """The outcome of one command, in the order of its methods.

    Nothing in it changes between two equal runs: times are in the leaderboard.
    """
    columns = ["method", "accuracy %", "± episodes", "± classes", "n"]
    metrics: list[str] = []
    rows: list[dict[str, str | None]] = []
    for cell in cells:
        entry = entry_of(cell, episodes)
        if entry is None:
            rows.append({"method": cell.method, "note": f"{cell.status}: {cell.reason}"})
            continue
        found = numbers(entry)
        shares = (percent(found[key]) for key in ("accuracy", "ci_episodes", "ci_classes"))
        values = [cell.method, *shares, str(found["episodes"])]
        metrics = list(entry.first.metrics)
        means = {name: decimals(_metric(entry, name)) for name in metrics}
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


def p_value(p: float) -> str:
    """Three decimals, and no zero."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_equals(p: float) -> str:
    """As `p_value`, for a sentence: `= 0.012` or `< 0.001`."""
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"
