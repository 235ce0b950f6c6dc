"""What every printed format shows of a leaderboard: titles, cells as text, and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from benchbench.contamination import reason
from benchbench.leaderboard import GROUP, decimals, further_metrics, percent
from benchbench.published import figures_for
from benchbench.ranking import RULES
from benchbench.stats import reuse_warning

DASH = "–"
WORDS = frozenset(
    {"a", "b", "method", "backbone", "pre-trained on", "setting", "trained on", "source", "note"}
)
"""Columns of words, which stand to the left; numbers stand to the right."""


class Bold(str):
    """A cell that a format prints in bold."""


@dataclass
class Section:
    """One protocol: a title, the measured table, notes on it, and published figures beside it."""

    title: str
    table: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    published: pd.DataFrame | None = None


def sections(frame: pd.DataFrame) -> Iterator[Section]:
    """A section for each data set and protocol of the frame of `leaderboard.collect`."""
    if frame.empty:
        return
    groups = dict(iter(frame.groupby(GROUP, sort=False)))  # type: ignore[arg-type]
    titles = [_title(rows.iloc[0]) for rows in groups.values()]
    for title, rows in zip(titles, groups.values(), strict=True):
        more = f", protocol {rows['protocol_hash'].iat[0]}" if titles.count(title) > 1 else ""
        citations = list(dict.fromkeys(rows["published_source"].dropna()))
        yield Section(
            title + more, _cells(rows, citations), _notes(rows, citations), _published(rows)
        )


def _title(row: pd.Series[Any]) -> str:
    """Of the table that the row is in; one of several sources is called by its short name."""
    words = [row["dataset"]]
    if row["trained_on"]:
        words = [row["source"], f"trained on {row['trained_on']}"]
    words.append(row["protocol"])
    words += [row["split"]] if row["split"] != "test" else []
    words += [f"episode seed {row['episode_seed']}"] if row["episode_seed"] else []
    return ", ".join(words)


def _cells(rows: pd.DataFrame, citations: list[str]) -> pd.DataFrame:
    """The columns that are printed; one in which no row has anything is left out."""
    interval = "± open" if _disjoint(rows) else "± episodes"
    accuracy = rows["accuracy"].map(percent)
    several = rows["seeds"].gt(1).any()
    records: list[dict[str, Any]] = rows.to_dict("records")  # type: ignore[assignment]
    columns: dict[str, Any] = {
        "rank": rows["rank"].map("{:g}".format),
        "method": rows["method"],
        "backbone": rows["backbone"],
        "pre-trained on": [_seen(one) for one in records],
        "setting": [_setting(one) for one in records],
        "accuracy %": [
            Bold(text) if best else text for text, best in zip(accuracy, rows["best"], strict=True)
        ],
        interval: [_interval(one) for one in records],
        "± classes": rows["ci_classes"].map(percent),
        **({"± seeds": rows["ci_seeds"].map(percent)} if several else {}),
        **{name: rows[name].map(decimals) for name in further_metrics(rows)},
        "n": rows["episodes"],
        "seeds": rows["seeds"],
        **({"of each seed": rows["seed_accuracies"].map(_seeds)} if several else {}),
        "published %": [_figure(one, citations) for one in records],
        "budget": rows["budget"],
        "training s": rows["training_seconds"].map("{:.0f}".format),
        "ms / episode": (1000 * rows["seconds_per_episode"]).map("{:.2f}".format),
        "parameters": rows["parameters"].map(_number(1, "{:,.0f}")),
        "peak MB": rows["peak_memory_bytes"].map(_number(2**20, "{:.0f}")),
    }
    columns = {name: list(values) for name, values in columns.items()}
    always = {"± episodes", "± open", "± classes", "accuracy %"}
    shown = {
        name: [DASH if pd.isna(value) or value == "" else value for value in values]
        for name, values in columns.items()
    }
    return pd.DataFrame(
        {
            name: values
            for name, values in shown.items()
            if name in always or any(value != DASH for value in values)
        },
        dtype=object,
    )


def _interval(row: dict[str, Any]) -> str:
    """± episodes; of a single episode Wilson's interval, which is not symmetric."""
    if pd.isna(row["wilson_low"]):
        return percent(row["ci_episodes"])
    return f"[{percent(row['wilson_low'])}, {percent(row['wilson_high'])}]"


def _disjoint(rows: pd.DataFrame) -> bool:
    return bool(rows["disjoint"].all())


def _seen(row: dict[str, Any]) -> str:
    flag = "" if row["contamination"] == "none" else f" ({row['contamination']} seen)"
    return f"{row['pretrained_on']}{flag}" if row["pretrained_on"] else ""


def _seeds(text: str) -> str:
    """The accuracies of "0:0.9 1:0.8", as percentages."""
    return " ".join(percent(float(pair.partition(":")[2])) for pair in text.split())


def _figure(row: dict[str, Any], citations: list[str]) -> str:
    """The published figure, how far this is off, and the number of its citation."""
    if pd.isna(row["published_percent"]):
        return DASH
    number = citations.index(row["published_source"]) + 1
    return f"{row['published_percent']:g} ({row['published_difference']:+.2f}) [{number}]"


def _number(unit: float, style: str) -> Callable[[float | None], str]:
    return lambda value: DASH if value is None or pd.isna(value) else style.format(value / unit)


def _notes(rows: pd.DataFrame, citations: list[str]) -> list[str]:
    rule = str(rows["rank_rule"].iat[0])
    notes = [
        f"Protocol {rows['protocol_hash'].iat[0]}. Ranks: rule `{rule}`: {RULES[rule]}. "
        "Bold: first, or not told apart from it."
    ]
    if rows["rank_group"].nunique() > 1:
        notes.append(f"Ranked apart: {'; '.join(rows['rank_group'].unique())}.")
    notes += _seen_by_weights(rows)
    notes += _behaviour(rows)
    if _disjoint(rows):
        notes.append("No image is in two episodes: ± open speaks of other images of these classes.")
    if rows["wilson_low"].notna().any():
        notes.append("[low, high]: Wilson's interval over the queries of a single episode.")
    counts = rows[["images_drawn", "images_available"]].dropna()
    if len(counts):
        drawn, available = (int(counts[name].max()) for name in counts)
        warning = reuse_warning(drawn, available)
        notes += [warning] if warning else []
    notes += [f"[{number}] {source}" for number, source in enumerate(citations, start=1)]
    if citations:
        notes.append(
            "Published figures are of other episodes, and often of other splits, networks and "
            "settings: context, never ranked."
        )
    return notes


def _setting(row: dict[str, Any]) -> str:
    """The setting, marked where nothing but the method's claim stands behind it, and properties."""
    mark = " (claimed)" if row["evidence"] == "claim" else ""
    return ", ".join([row["setting"] + mark, *row["properties"].split()])


def _behaviour(rows: pd.DataFrame) -> list[str]:
    """Whose word or what evidence the settings stand on."""
    notes = []
    if (rows["evidence"] == "claim").any():
        notes.append("Claimed: by the method's own word, without an audit.")
    for row in rows[rows["evidence"] == "audit against its claim"].to_dict("records"):
        together, alone = (
            percent(row[name]) for name in ("accuracy_together", "accuracy_one_at_a_time")
        )
        notes.append(
            f"{row['method']} claims to be inductive, and its scores of a query depend on the "
            f"other queries: in the audit {together} % together, {alone} % one at a time."
        )
    return notes


def _seen_by_weights(rows: pd.DataFrame) -> list[str]:
    """Why rows of pre-trained weights are flagged."""
    flagged = rows[rows["contamination"] != "none"]
    pairs = dict.fromkeys(zip(flagged["pretrained_on"], flagged["subject"], strict=True))
    return [reason(seen.split("+"), dataset) for seen, dataset in pairs]


def _published(rows: pd.DataFrame) -> pd.DataFrame | None:
    """Published figures on the same data set, way and shot; None where there are none."""
    if not rows["standard"].all():
        return None
    first = rows.iloc[0]
    way, shot = (None if rows[name].isna().any() else int(first[name]) for name in ("way", "shot"))
    figures = figures_for(str(rows["dataset"].iat[0]), way, shot)
    if figures.empty:
        return None
    text = figures.where(figures != "", DASH)
    return pd.DataFrame(
        {
            "method": text["method"],
            "backbone": text["backbone"],
            "trained on": text["train_source"],
            "accuracy %": text["accuracy_percent"],
            "± episodes": text["ci95_percent"],
            "n": text["episodes"],
            "source": text["source"] + " (" + text["sure"] + ")",
        }
    )
