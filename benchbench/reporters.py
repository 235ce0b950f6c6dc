"""Leaderboards as text: markdown, csv, json. A reporter is a function of the frame of `collect`."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps
from typing import Any

import pandas as pd

from benchbench.hookspecs import hookimpl
from benchbench.leaderboard import GROUP, decimals, further_metrics, percent


def markdown(frame: pd.DataFrame) -> str:
    """A heading and a table for each data set and protocol."""
    if frame.empty:
        return "No finished runs.\n"
    groups = _groups(frame)
    titles = [_title(dict(zip(GROUP, key, strict=True))) for key in groups]
    parts = []
    for title, (key, rows) in zip(titles, groups.items(), strict=True):
        data = f", data {key[1][:8]}, classes {key[2][:8]}" if titles.count(title) > 1 else ""
        parts.append(f"## {title}{data}\n\n{markdown_table(_columns(rows))}\n")
    return "\n".join(parts)


def _groups(frame: pd.DataFrame) -> dict[tuple[Any, ...], pd.DataFrame]:
    return dict(iter(frame.groupby(GROUP, sort=False)))  # type: ignore[arg-type]


def _title(group: dict[str, Any]) -> str:
    words = [group["dataset"], group["protocol"]]
    words += [group["split"]] if group["split"] != "test" else []
    words += [f"episode seed {group['episode_seed']}"] if group["episode_seed"] else []
    return ", ".join(words)


def _columns(rows: pd.DataFrame) -> pd.DataFrame:
    """What is printed of a table's rows; a metric that none of them has takes no column."""
    metrics = [name for name in further_metrics(rows) if rows[name].notna().any()]
    return pd.DataFrame(
        {
            "method": rows["method"],
            "accuracy %": rows["accuracy"].map(percent),
            "± episodes": rows["ci_episodes"].map(percent),
            "± classes": rows["ci_classes"].map(percent),
            **{name: rows[name].map(decimals) for name in metrics},
            "n": rows["episodes"],
            "budget": rows["budget"],
            "seed": rows["seed"],
            "training s": rows["training_seconds"].map("{:.0f}".format),
            "ms / episode": (1000 * rows["seconds_per_episode"]).map("{:.2f}".format),
        }
    )


def markdown_table(frame: pd.DataFrame) -> str:
    """A frame as a markdown table: words to the left, numbers to the right."""
    words = ("method", "note")
    text = frame.astype(object).where(frame.notna(), "").astype(str)
    return text.replace(r"\|", r"\|", regex=True).to_markdown(
        index=False,
        disable_numparse=True,
        colalign=["left" if column in words else "right" for column in frame],
    )


def csv(frame: pd.DataFrame) -> str:
    """All columns at full precision, accuracies in [0, 1]; what is missing is empty."""
    return frame.to_csv(index=False)


def json(frame: pd.DataFrame) -> str:
    """As csv, a list of objects; what is missing is null."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    return dumps(rows, indent=1) + "\n"


@hookimpl
def register_reporters(register: Callable[..., None]) -> None:
    register("markdown", markdown)
    register("csv", csv)
    register("json", json)
