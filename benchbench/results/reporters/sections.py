"""What every printed format shows of a leaderboard: titles, cells as text, and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd

from benchbench.results.entries import EPISODES_OF, kind_of
from benchbench.results.headings import ABOUT_OFFICIAL_TESTS
from benchbench.results.leaderboard import GROUP, HALF_WIDTH, further_metrics
from benchbench.results.numbers import DASH, interval, percent, plus_minus
from benchbench.results.printed import Bold, Marked
from benchbench.results.published import figures_for
from benchbench.results.ranking import RULES
from benchbench.results.reporters.marks import apart, evidence_notes, seen_text, setting_text
from benchbench.results.standing import Standing
from benchbench.stats import reuse_warning


@dataclass
class Section:
    """One protocol: a title, the measured table, notes on it, and published figures next to it."""

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
    words.append(kind_of(row["protocol"], row["split"], row["episode_seed"]))
    if EPISODES_OF in row["fingerprint"]:
        words.append("episodes of the same pictures read otherwise")
    return ", ".join(words)


def _cells(rows: pd.DataFrame, citations: list[str]) -> pd.DataFrame:
    """The columns that are printed; one in which no row has anything is left out."""
    official = rows["official_test"].all()
    about = _about(rows)
    accuracy = rows["accuracy"].map(percent)
    several = rows["seeds"].gt(1).any()
    records: list[dict[str, Any]] = rows.to_dict("records")  # type: ignore[assignment]
    standings = _standings(rows)
    columns: dict[str, Any] = {
        "rank": rows["rank"].map("{:g}".format),
        "method": rows["method"],
        "backbone": rows["backbone"],
        "class names": _read(rows, "class_names"),
        "attributes": _read(rows, "attributes"),
        "labels": _labels(rows),
        "pre-trained on": [seen_text(one) for one in standings],
        "setting": [setting_text(one) for one in standings],
        "accuracy %": [
            Bold(text) if best else text for text, best in zip(accuracy, rows["best"], strict=True)
        ],
        about: [
            percent(one["ci_episodes"])
            if official
            else interval(one["ci_episodes"], one["wilson_low"], one["wilson_high"])
            for one in records
        ],
        **(_of_test_images(rows) if official else {"± classes": rows["ci_classes"].map(percent)}),
        "± seeds": rows["ci_seeds"].map(percent) if several else DASH,
        **{
            name: list(map(plus_minus, rows[name], _half_widths(rows, name)))
            for name in further_metrics(rows)
        },
        "n": rows["episodes"].map(str),
        "seeds": rows["seeds"].map(str),
        "of each seed": rows["seed_accuracies"].map(_seeds) if several else DASH,
        "published %": [_figure(one, citations) for one in records],
        "budget": rows["budget"],
        "training s": rows["training_seconds"].map("{:.0f}".format),
        "ms / episode": (1000 * rows["seconds_per_episode"]).map("{:.2f}".format),
        "parameters": rows["parameters"].map(_number(1, "{:,.0f}")),
        "peak MB": rows["peak_memory_bytes"].map(_number(2**20, "{:.0f}")),
    }
    shown = pd.DataFrame(columns, index=rows.index, dtype=object)
    shown = shown.where(shown.notna() & (shown != ""), DASH)
    always = {about, "± classes", "± both", "accuracy %"}
    return shown[[name for name in shown if name in always or (shown[name] != DASH).any()]]


def _read(rows: pd.DataFrame, column: str) -> pd.Series[str] | str:
    """Who reads what; a dash where a frame does not tell."""
    if column not in rows:
        return DASH
    return rows[column].map({True: "read", False: DASH})


def _labels(rows: pd.DataFrame) -> pd.Series[str] | str:
    """Which labels the rows learned from; a dash where that is all, or a frame does not tell."""
    told = "labels" in rows and rows["labels"].ne("all").any()
    return rows["labels"] if told else DASH


def _half_widths(rows: pd.DataFrame, metric: str) -> Iterable[float | None]:
    """± episodes of a further metric; None where a frame does not tell."""
    column = f"{HALF_WIDTH}{metric}"
    return rows[column] if column in rows else [None] * len(rows)


def _about(rows: pd.DataFrame) -> str:
    """What the interval over episodes is called."""
    if rows["official_test"].all():
        return "± draws"
    return "± open" if rows["disjoint"].all() else "± episodes"


def _of_test_images(rows: pd.DataFrame) -> dict[str, pd.Series[str]]:
    return {"± test images": rows["ci_images"].map(percent), "± both": rows["ci_both"].map(percent)}


def _standings(rows: pd.DataFrame) -> list[Standing]:
    names = [field.name for field in fields(Standing)]
    return [Standing(*values) for values in rows[names].itertuples(index=False)]


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
    notes: list[str] = [
        Marked(
            f"Protocol {rows['protocol_hash'].iat[0]}. Ranks: rule `{rule}`: {RULES[rule]}. "
            "Bold: first, or not told apart from it."
        )
    ]
    notes += apart(rows["rank_group"])
    notes += _names(rows)
    standings = zip(rows["method"], _standings(rows), strict=True)
    notes += evidence_notes({method: [one] for method, one in standings})
    if rows["official_test"].all():
        notes.append(f"All classes at once, on the official test images. {ABOUT_OFFICIAL_TESTS}")
    elif rows["disjoint"].all():
        notes.append("No image is in two episodes: ± open speaks of other images of these classes.")
    official = rows["official_test"].all()
    if rows["wilson_low"].notna().any() and not official:
        notes.append(
            Marked(
                "[low, high]: Wilson's interval over the queries, where a single episode, or "
                "episodes that are all equal, show no spread."
            )
        )
    counts = rows[["images_drawn", "images_available"]].dropna()
    if len(counts) and not official:
        warning = reuse_warning(*counts.max().astype(int).tolist())
        notes += [warning] if warning else []
    notes += [f"[{number}] {source}" for number, source in enumerate(citations, start=1)]
    if citations:
        notes.append(
            "Published figures are of other episodes, and often of other splits, networks and "
            "settings: context, never ranked."
        )
    return notes


def _names(rows: pd.DataFrame) -> list[str]:
    """What the names mean that methods were given; a frame of elsewhere need not say."""
    specs = rows["spec"] if "spec" in rows else rows["method"]
    return [
        f"{name} is {spec}."
        for name, spec in zip(rows["method"], specs, strict=True)
        if name != spec and not name.startswith(f"{spec} ")  # with what tells it apart
    ]


def _published(rows: pd.DataFrame) -> pd.DataFrame | None:
    """Published figures on the same data set, way and shot; None if there are none."""
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
