"""Leaderboards as text: markdown, csv, json. A reporter is a function of the frame of `collect`."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from benchbench.hookspecs import hookimpl
from benchbench.leaderboard import GROUP, percent


def markdown(frame: pd.DataFrame) -> str:
    """A heading and a table for each data set and protocol."""
    if frame.empty:
        return "No finished runs.\n"
    parts = []
    for (dataset, protocol, seed), rows in frame.groupby(GROUP, sort=False):
        title = f"## {dataset}, {protocol}" + (f", episode seed {seed}" if seed else "")
        parts.append(f"{title}\n\n{markdown_table(_columns(rows))}\n")
    return "\n".join(parts)


def _columns(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": rows["method"],
            "accuracy %": rows["accuracy"].map(percent),
            "± episodes": rows["ci_episodes"].map(percent),
            "± classes": rows["ci_classes"].map(percent),
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
    return frame.fillna("").to_markdown(
        index=False,
        disable_numparse=True,
        colalign=["left" if column in words else "right" for column in frame],
    )


def csv(frame: pd.DataFrame) -> str:
    """All columns at full precision, accuracies in [0, 1]."""
    return frame.to_csv(index=False)


def json(frame: pd.DataFrame) -> str:
    """As csv, a list of objects."""
    return str(frame.to_json(orient="records", indent=1, double_precision=15)) + "\n"


@hookimpl
def register_reporters(register: Callable[..., None]) -> None:
    register("markdown", markdown)
    register("csv", csv)
    register("json", json)
