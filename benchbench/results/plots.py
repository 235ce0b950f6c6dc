"""Plots of leaderboards and comparisons, as matplotlib figures that leave its global state alone.

Accuracies in frames are in [0, 1]. Functions raise BenchbenchError if matplotlib is not installed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from benchbench.errors import BenchbenchError
from benchbench.system.files import output_file
from benchbench.system.texts import legible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GRID = "#1f2328", "#c9ccd1"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f5539", "#6b7280")
"""Okabe and Ito's colours, told apart with colour-blind eyes and in print by their markers too."""

MARKERS = "osD^vPX*"
DASHES = ("-", "--", ":", "-.")
SUFFIXES = (".svg", ".png", ".pdf")

WIDTH = 4.7  # inches; at the width of a phone the letters are still legible
LINE = 0.16  # inches, of text of the smaller size
LETTERS = 53  # of the smaller size in one line of a plot
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "text.parse_math": False,  # a spec may hold dollars
    "svg.fonttype": "none",
    "svg.hashsalt": "benchbench",
    "pdf.fonttype": 42,
}


def available() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


@contextmanager
def _styled() -> Iterator[None]:
    """Draw in this module's style, or raise BenchbenchError that says what to install."""
    try:
        from matplotlib import rc_context
    except ImportError as error:
        raise BenchbenchError(
            "A plot needs matplotlib; install it with pip install 'benchbench[plots]'."
        ) from error
    with rc_context(STYLE):  # type: ignore[arg-type]
        yield


@_styled()
def accuracy_plot(rows: pd.DataFrame) -> Figure:
    """Accuracy with both intervals: a line for each row of a leaderboard's table, in its order."""
    return _forest(list(rows["method"]), "accuracy", rows, "accuracy %")


@_styled()
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


@_styled()
def shot_plot(frame: pd.DataFrame) -> Figure:
    """Accuracy against shot on one data set and way; thick bars are ± episodes, thin ± classes."""
    rows = frame.assign(name=frame["method"])
    if rows["budget"].nunique() > 1:
        rows["name"] = list(map(with_budget, rows["method"], rows["budget"]))
    shots = sorted(rows["shot"].unique())
    names = list(dict.fromkeys(rows["name"]))
    asides = np.linspace(-0.18, 0.18, len(names)) if len(names) > 1 else [0.0]
    figure = _figure(WIDTH, 3.0 + _legend_height(names))
    axes = figure.subplots()
    for index, name in enumerate(names):
        own = rows[rows["name"] == name].sort_values("shot")
        # Side by side, so that the bars of different methods do not cover each other.
        places = np.searchsorted(shots, own["shot"]) + asides[index]
        values, color = _percent(own["accuracy"]), SERIES[index % len(SERIES)]
        for column, width in (("ci_classes", 1.0), ("ci_episodes", 3.2)):
            bars: dict[str, Any] = {"ecolor": color, "elinewidth": width, "label": f"_{column}"}
            axes.errorbar(places, values, yerr=_percent(own[column]), fmt="none", **bars)
        _line(axes, index, name, places, values)
    axes.set_xticks(range(len(shots)), [str(shot) for shot in shots])
    axes.set_xlabel("shot")
    axes.set_ylabel("accuracy %")
    axes.grid(axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left")
    return figure


@_styled()
def training_plot(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Validation accuracy and loss by step, a line for each training; logs as in training.json."""
    figure = _figure(WIDTH, 4.2 + _legend_height(list(logs)))
    above, below = figure.subplots(2, 1, sharex=True)
    for index, (name, log) in enumerate(logs.items()):
        for axes, key, factor in ((above, "validation", 100), (below, "loss", 1)):
            points = [(one["step"], factor * one[key]) for one in log if one.get(key) is not None]
            steps, values = zip(*points, strict=True) if points else ((), ())
            _line(axes, index, name, steps, values)
    above.set_ylabel("validation accuracy %")
    below.set_ylabel("loss")
    below.set_xlabel("step")
    for axes in (above, below):
        axes.grid(axis="y")
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower left")
    return figure


@_styled()
def critical_difference_plot(average_ranks: Mapping[str, float], cd: float, n: int) -> Figure:
    """Demšar's diagram (JMLR 7, 2006) over n data sets; a bar joins methods that lie within cd."""
    ordered = sorted(average_ranks.items(), key=lambda pair: (pair[1], pair[0]))
    names = [_wrapped(name, 32) for name, _ in ordered]
    ranks = np.array([rank for _, rank in ordered])
    groups = joined_groups(ranks, cd)
    count, half = len(ranks), (len(ranks) + 1) // 2
    top = 0.5 + 0.16 * len(groups)
    places = _label_places([name.count("\n") + 1 for name in names], half) + top
    depth = float(places.max()) + 0.4
    label_width = 0.085 * max(len(line) for name in names for line in name.split("\n")) + 0.5
    figure = _figure(3.6 + 2 * label_width, 0.95 + depth, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    span = max(1, count - 1)
    margin = label_width * span / 3.6
    axes.set_xlim(1 - margin, count + margin)
    axes.set_ylim(depth, -0.95)
    axes.plot([1, count], [0, 0], color=INK, linewidth=1.2)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [0, -0.08], color=INK, linewidth=1.2)
        axes.text(rank, -0.12, str(rank), ha="center", va="bottom", fontsize=9)
    ruler: dict[str, Any] = {"color": INK, "linewidth": 1.2, "marker": "|", "clip_on": False}
    axes.plot([1, 1 + cd], [-0.5, -0.5], gid="cd", **ruler)
    rests_on = f"CD = {cd:.2f},  N = {n} data sets,  k = {count} methods"
    axes.text(1, -0.6, rests_on, ha="left", va="bottom", fontsize=9)
    bar: dict[str, Any] = {"color": INK, "linewidth": 4, "solid_capstyle": "butt"}
    for level, (first, last) in enumerate(groups):
        ends = [ranks[first] - 0.03 * span, ranks[last] + 0.03 * span]
        axes.plot(ends, [0.22 + 0.16 * level] * 2, gid=f"group-{first}-{last}", **bar)
    for index, (name, rank, height) in enumerate(zip(names, ranks, places, strict=True)):
        if index < half:
            end, aside, side, text = 1 - 0.05 * span, -0.02 * span, "right", f"{name}  {rank:.2f}"
        else:
            end, aside, side, text = count + 0.05 * span, 0.02 * span, "left", f"{rank:.2f}  {name}"
        axes.plot([rank, rank, end], [0, height, height], color=SERIES[0], linewidth=1.2)
        axes.text(end + aside, height, text, va="center", ha=side, fontsize=9)
    return figure


def _label_places(lines: list[int], half: int) -> NDArray[np.float64]:
    """How deep each label's middle lies: those of the better half downwards, the others upwards."""
    heights = 0.1 + LINE * np.array(lines, dtype=np.float64)
    middles = [np.cumsum(side) - side / 2 for side in (heights[:half], heights[half:][::-1])]
    return np.concatenate([middles[0], middles[1][::-1]])


def joined_groups(ranks: NDArray[np.float64], cd: float) -> list[tuple[int, int]]:
    """First and last index of each largest run of ascending `ranks` that lies within `cd`."""
    groups: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + cd, side="right")) - 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return groups


def with_budget(method: str, budget: str) -> str:
    """A method's label, with its budget unless the label has it already."""
    return method if f" ({budget})" in method else f"{method} ({budget})"


def svg(figure: Figure) -> str:
    """The figure as an SVG element without background; equal figures give equal text."""
    return "<svg" + _rendered(figure, "svg", "none").decode("utf-8").partition("<svg")[2]


def save(figure: Figure, path: Path) -> None:
    """Write the figure as its suffix says. Raises BenchbenchError if it cannot."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BenchbenchError(f"{path} must end in one of {', '.join(SUFFIXES)}.")
    with output_file(path) as partial:
        partial.write_bytes(_rendered(figure, suffix[1:], "white"))


@_styled()
def _rendered(figure: Figure, style: str, background: str) -> bytes:
    # What says when or with what a file was made would differ between equal figures.
    metadata = {"svg": ("Date", "Creator", "Format", "Type"), "pdf": ("CreationDate",)}
    target = io.BytesIO()
    figure.savefig(
        target,
        format=style,
        facecolor=background,
        dpi=200,
        bbox_inches="tight",
        metadata=dict.fromkeys(metadata[style]) if style in metadata else None,
    )
    return target.getvalue()


def _figure(width: float, height: float, layout: str | None = "constrained") -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)  # type: ignore[arg-type]


def _forest(names: list[str], column: str, frame: pd.DataFrame, label: str) -> Figure:
    """A line for each row, below its name: next to it, a long name would cost width."""
    wrapped = [_wrapped(name, LETTERS) for name in names]
    heights = [LINE * (name.count("\n") + 1) + 0.2 for name in wrapped]
    bottoms = np.cumsum(heights)
    places = bottoms - 0.1
    label = _wrapped(label, LETTERS - 5)
    figure = _figure(WIDTH, float(bottoms[-1]) + 0.85 + LINE * label.count("\n"))
    axes = figure.subplots()
    axes.set_ylim(bottoms[-1], 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    values = _percent(frame[column])
    thick: dict[str, Any] = {"ecolor": SERIES[0], "elinewidth": 4.5, "zorder": 3}
    thin: dict[str, Any] = {"ecolor": INK, "elinewidth": 1.2, "capsize": 3}
    for name, style in (("episodes", thick), ("classes", thin)):
        half = _percent(frame[f"ci_{name}"])
        axes.errorbar(values, places, xerr=half, fmt="none", label=f"± {name}", **style)
    axes.plot(values, places, "o", color=SERIES[1], markersize=4.5, label="mean", zorder=4)
    for name, bottom, height in zip(wrapped, bottoms, heights, strict=True):
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


def _line(axes: Axes, index: int, name: str, x: ArrayLike, y: ArrayLike) -> None:
    """A line that differs from the others in colour and marker, and in dashes after eight."""
    axes.plot(
        x,
        y,
        label=_wrapped(name, LETTERS - 8),
        color=SERIES[index % len(SERIES)],
        marker=MARKERS[index % len(MARKERS)],
        linestyle=DASHES[index // len(SERIES) % len(DASHES)],
        markersize=5,
        linewidth=1.4,
    )


def _legend_height(names: Sequence[str]) -> float:
    lines = sum(_wrapped(name, LETTERS - 8).count("\n") + 1 for name in names)
    return 0.2 + 0.19 * lines


def _percent(values: pd.Series[Any]) -> NDArray[np.float64]:
    """In percent; NaN, which draws nothing, for None."""
    return 100 * pd.to_numeric(values).to_numpy(np.float64)


def _wrapped(text: str, width: int) -> str:
    """The whole text in lines of at most `width` letters, broken where a spec allows."""
    lines = [""]
    for piece in _pieces(legible(text), width):
        if len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def _pieces(text: str, width: int) -> Iterator[str]:
    """What is not broken: up to a comma, else up to a bracket or the like, else what fits."""
    for piece in re.findall(r"[^,\s/-]*[,\s/-]|[^,\s/-]+", text):
        shorter = [piece]
        if len(piece) > width:
            shorter = re.findall(r"[^\[=:.]*[\[=:.]|[^\[=:.]+", piece)
        for part in shorter:
            yield from (part[start : start + width] for start in range(0, len(part), width))
