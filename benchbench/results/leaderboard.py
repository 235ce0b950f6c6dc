"""From run directories to tables: one table per data set and protocol, an entry a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from benchbench.results.across import rank_methods
from benchbench.results.answered import has_official_test
from benchbench.results.entries import PROTOCOL, Entry, protocol_hash, tables_of
from benchbench.results.outcomes import further_half_widths, further_means, numbers
from benchbench.results.published import figure_of
from benchbench.results.standing import standing
from benchbench.results.stored import read_results
from benchbench.results.training_labels import labels_learned
from benchbench.runs.directory import RunDirectory
from benchbench.verification.redrawing import Redrawings

GROUP = ["dataset", *PROTOCOL]
"""Rows that differ in one of these never share a table."""

FACTS = ["way", "shot", "query", "disjoint", "standard", "images_drawn", "images_available"]
"""What a manifest says of the episodes; way, shot and query are missing if they vary."""

COLUMNS = [
    *("collection", "source", "subject", "trained_on", "protocol_hash"),
    *("rank", "rank_rule", "rank_group", "best"),
    *("method", "budget", "backbone", "class_names", "attributes", "labels"),
    *("pretrained_on", "contamination"),
    *("setting", "evidence", "properties", "accuracy_together", "accuracy_one_at_a_time"),
    *("audit_reason", "files_tried"),
    *("accuracy", "ci_episodes", "ci_classes", "ci_seeds", "wilson_low", "wilson_high"),
    *("official_test", "ci_images", "ci_both"),
    *("episodes", *FACTS, "seeds", "seed_accuracies"),
    *("published_percent", "published_difference", "published_source"),
    *("training_seconds", "seconds_per_episode", "parameters", "peak_memory_bytes"),
    *("spec", "run"),
]
"""Of every row, after those of `GROUP`; behind them are further metrics, means and half-widths.

`labels` is left out where all rows learned from all labels."""

HALF_WIDTH = "ci_episodes_of_"
"""What the column of a further metric's half-width over episodes begins with."""


def collect(runs: Iterable[RunDirectory], rule: str = "paired") -> pd.DataFrame:
    """The finished runs as a frame, a row for each entry; accuracies and intervals are in [0, 1].

    In a table each group that is ranked together (`rank_group`) follows another, the best row
    first. rule: one of `ranking.RULES`. A run that cannot be read is reported and left out.
    """
    return tabulate_entries(tables_of(read_results(runs)), rule)


def tabulate_entries(tables: Iterable[list[Entry]], rule: str = "paired") -> pd.DataFrame:
    """As `collect`, from entries by table."""
    rows = [one for entries in tables for one in _ranked(entries, rule)]
    if not rows:
        return pd.DataFrame()
    metrics = list(dict.fromkeys(name for one in rows for name in further_columns(one)))
    frame = pd.DataFrame(rows, columns=[*GROUP, *COLUMNS, *metrics])
    if frame["labels"].eq("all").all():
        frame = frame.drop(columns="labels")
    return frame.astype(dict.fromkeys(("way", "shot", "query"), "Int64"))


def row(entry: Entry, redrawings: Redrawings) -> dict[str, Any]:
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
        "class_names": bool(manifest["method"].get("uses_class_names")),
        "attributes": bool(manifest["method"].get("uses_attributes")),
        "labels": labels_learned(manifest["method"]),
        **asdict(stands),
        "rank_group": stands.group,
        **numbers(entry, redrawings),
        "official_test": has_official_test(entry),
        **{fact: entry.facts.get(fact) for fact in FACTS},
        "seeds": len(entry.seeds),
        "seed_accuracies": " ".join(
            f"{seed}:{score!r}"
            for seed, score in zip(entry.seeds, entry.scores.mean(axis=1).tolist(), strict=True)
        ),
        **_published(entry),
        **{
            key: float(np.mean([cost[key] for cost in costs]))
            for key in ("training_seconds", "seconds_per_episode")
        },
        "parameters": manifest.get("parameters"),
        "peak_memory_bytes": max(c.get("peak_memory_bytes") or 0 for c in costs) or None,
        "spec": first.method,
        "run": " ".join(result.path.name for result in entry.results),
        **further_means(entry),
        **{f"{HALF_WIDTH}{name}": value for name, value in further_half_widths(entry).items()},
    }


def _backbone(method: dict[str, Any]) -> str | None:
    """The parameter `backbone`, or `model` if a method has none."""
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
    published = float(figure["accuracy_percent"])
    return {
        "published_percent": published,
        "published_difference": 100 * float(entry.accuracy.mean()) - published,
        "published_source": figure["source"],
    }


def _ranked(entries: Sequence[Entry], rule: str) -> list[dict[str, Any]]:
    """The rows of one table with their ranks: group after group, in each the best mean first."""
    best_first = sorted(entries, key=lambda entry: (-float(entry.accuracy.mean()), entry.label))
    table = rank_methods({(entry.label, ""): entry for entry in best_first}, rule)
    groups = [one.group for one in table.overall.values()]
    ranked = table.cells.droplevel(1)[["rank", "best"]].to_dict(orient="index")
    redrawings = Redrawings()
    rows = [
        {**row(entry, redrawings), "rank_rule": rule, **ranked[entry.label]} for entry in best_first
    ]
    return sorted(rows, key=lambda found: groups.index(found["rank_group"]))


def further_metrics(columns: Iterable[Any]) -> list[str]:
    """The columns of a row, or of the frame of `collect`, that are means of further metrics."""
    return [
        name
        for name in columns
        if name not in (*GROUP, *COLUMNS) and not str(name).startswith(HALF_WIDTH)
    ]


def further_columns(columns: Iterable[Any]) -> list[str]:
    """The same with the half-width of each behind it."""
    return [name for mean in further_metrics(columns) for name in (mean, f"{HALF_WIDTH}{mean}")]
