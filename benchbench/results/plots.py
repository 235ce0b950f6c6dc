"""Plots of leaderboards and comparisons, as matplotlib figures that leave its global state alone.

Accuracies in frames are in [0, 1]. Functions raise BenchbenchError if matplotlib is not installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchbench.results.plot_style import (
    INK,
    LETTERS,
    LINE,
    SERIES,
    WIDTH,
    figure_of,
    legend_height,
    line,
    percent,
    styled,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled()
def accuracy_plot(rows: pd.DataFrame) -> Figure:
    """Accuracy with both intervals: a line for each row of a leaderboard's table, in its order."""
    return _forest(list(rows["method"]), "accuracy", rows, "accuracy %")


@styled()
def difference_plot(comparisons: pd.DataFrame) -> Figure:
    """Paired differences with both intervals: a line for each row of a frame of comparisons."""
    names = [f"{a} − {b}" for a, b in zip(comparisons["a"], comparisons["b"], strict=True)]
    label = "difference in accuracy, points"
    references = comparisons["b"].unique()
    if len(references) == 1:
        names, label = list(comparisons["a"]), f"difference in accuracy to {references[0]}, points"
    figure = _forest(names, "difference", comparisons, label)
    figure.axes[0].axvline(0, color=INK, linewidth=1, linestyle=(0, (4, 3)), gid="zero", zorder=1)
    return figure


@styled()
def shot_plot(frame: pd.DataFrame) -> Figure:
    """Accuracy against shot on one data set and way; thick bars are ± episodes, thin ± classes."""
    rows = frame.assign(name=frame["method"])
    if rows["budget"].nunique() > 1:
        rows["name"] = list(map(with_budget, rows["method"], rows["budget"]))
    shots = sorted(rows["shot"].unique())
    names = list(dict.fromkeys(rows["name"]))
    asides = np.linspace(-0.18, 0.18, len(names)) if len(names) > 1 else [0.0]
    figure = figure_of(WIDTH, 3.0 + legend_height(names))
    axes = figure.subplots()
    for index, name in enumerate(names):
        own = rows[rows["name"] == name].sort_values("shot")
        # Side by side, so that the bars of different methods do not cover each other.
        places = np.searchsorted(shots, own["shot"]) + asides[index]
        values, color = percent(own["accuracy"]), SERIES[index % len(SERIES)]
        for column, width in (("ci_classes", 1.0), ("ci_episodes", 3.2)):
            bars: dict[str, Any] = {"ecolor": color, "elinewidth": width, "label": f"_{column}"}
            axes.errorbar(places, values, yerr=percent(own[column]), fmt="none", **bars)
        line(axes, index, name, places, values)
    axes.set_xticks(range(len(shots)), [str(shot) for shot in shots])
    axes.set_xlabel("shot")
    axes.set_ylabel("accuracy %")
    axes.grid(axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left")
    return figure


@styled()
def training_plot(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Validation accuracy and loss by step, a line for each training; logs as in training.json."""
    figure = figure_of(WIDTH, 4.2 + legend_height(list(logs)))
    above, below = figure.subplots(2, 1, sharex=True)
    for index, (name, log) in enumerate(logs.items()):
        for axes, key, factor in ((above, "validation", 100), (below, "loss", 1)):
            points = [(one["step"], factor * one[key]) for one in log if one.get(key) is not None]
            steps, values = zip(*points, strict=True) if points else ((), ())
            line(axes, index, name, steps, values)
    above.set_ylabel("validation accuracy %")
    below.set_ylabel("loss")
    below.set_xlabel("step")
    for axes in (above, below):
        axes.grid(axis="y")
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower left")
    return figure


def with_budget(method: str, budget: str) -> str:
    """A method's label, with its budget unless the label has it already."""
    return method if f" ({budget})" in method else f"{method} ({budget})"


def _forest(names: list[str], column: str, frame: pd.DataFrame, label: str) -> Figure:
    """A line for each row, below its name: next to it, a long name would cost width."""
    labels = [wrapped(name, LETTERS) for name in names]
    heights = [LINE * (name.count("\n") + 1) + 0.2 for name in labels]
    bottoms = np.cumsum(heights)
    places = bottoms - 0.1
    label = wrapped(label, LETTERS - 5)
    figure = figure_of(WIDTH, float(bottoms[-1]) + 0.85 + LINE * label.count("\n"))
    axes = figure.subplots()
    axes.set_ylim(bottoms[-1], 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    values = percent(frame[column])
    thick: dict[str, Any] = {"ecolor": SERIES[0], "elinewidth": 4.5, "zorder": 3}
    thin: dict[str, Any] = {"ecolor": INK, "elinewidth": 1.2, "capsize": 3}
    for name, style in (("episodes", thick), ("classes", thin)):
        half = percent(frame[f"ci_{name}"])
        axes.errorbar(values, places, xerr=half, fmt="none", label=f"± {name}", **style)
    axes.plot(values, places, "o", color=SERIES[1], markersize=4.5, label="mean", zorder=4)
    for name, bottom, height in zip(labels, bottoms, heights, strict=True):
        axes.text(
            0,
            bottom - height + 0.03,
            name,
            transform=axes.get_yaxis_transform(),
            va="top",
            fontsize=9,
            linespacing=1.1,
        )
    axes.set_xlabel(label)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure
