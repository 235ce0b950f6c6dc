"""Demšar's diagram of critical differences, as a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbench.results.plot_style import INK, LINE, SERIES, figure_of, styled, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled()
def critical_difference_plot(average_ranks: Mapping[str, float], cd: float, n: int) -> Figure:
    """Demšar's diagram (JMLR 7, 2006) over n data sets; a bar joins methods that lie within cd."""
    ordered = sorted(average_ranks.items(), key=lambda pair: (pair[1], pair[0]))
    names = [wrapped(name, 32) for name, _ in ordered]
    ranks = np.array([rank for _, rank in ordered])
    groups = joined_groups(ranks, cd)
    count, half = len(ranks), (len(ranks) + 1) // 2
    top = 0.5 + 0.16 * len(groups)
    places = _label_places([name.count("\n") + 1 for name in names], half) + top
    depth = float(places.max()) + 0.4
    label_width = 0.085 * max(len(line) for name in names for line in name.split("\n")) + 0.5
    figure = figure_of(3.6 + 2 * label_width, 0.95 + depth, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    span = max(1, count - 1)
    margin = label_width * span / 3.6
    axes.set_xlim(1 - margin, count + margin)
    axes.set_ylim(depth, -0.95)
    _draw_scale(axes, count)
    _draw_difference(axes, cd, f"CD = {cd:.2f},  N = {n} data sets,  k = {count} methods")
    _draw_groups(axes, [ranks[list(group)] for group in groups], groups, 0.03 * span)
    for index, (name, rank, height) in enumerate(zip(names, ranks, places, strict=True)):
        if index < half:
            end, aside, side, text = 1 - 0.05 * span, -0.02 * span, "right", f"{name}  {rank:.2f}"
        else:
            end, aside, side, text = count + 0.05 * span, 0.02 * span, "left", f"{rank:.2f}  {name}"
        axes.plot([rank, rank, end], [0, height, height], color=SERIES[0], linewidth=1.2)
        axes.text(end + aside, height, text, va="center", ha=side, fontsize=9)
    return figure


def _draw_scale(axes: Axes, count: int) -> None:
    axes.plot([1, count], [0, 0], color=INK, linewidth=1.2)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [0, -0.08], color=INK, linewidth=1.2)
        axes.text(rank, -0.12, str(rank), ha="center", va="bottom", fontsize=9)


def _draw_difference(axes: Axes, cd: float, rests_on: str) -> None:
    """The critical difference as a ruler above the scale, with what it rests on."""
    ruler: dict[str, Any] = {"color": INK, "linewidth": 1.2, "marker": "|", "clip_on": False}
    axes.plot([1, 1 + cd], [-0.5, -0.5], gid="cd", **ruler)
    axes.text(1, -0.6, rests_on, ha="left", va="bottom", fontsize=9)


def _draw_groups(
    axes: Axes,
    ends: Sequence[NDArray[np.float64]],
    groups: Sequence[tuple[int, int]],
    beyond: float,
) -> None:
    """A bar for each group, from its best rank to its worst and a little beyond."""
    bar: dict[str, Any] = {"color": INK, "linewidth": 4, "solid_capstyle": "butt"}
    for level, ((best, worst), (first, last)) in enumerate(zip(ends, groups, strict=True)):
        height = 0.22 + 0.16 * level
        reach = [best - beyond, worst + beyond]
        axes.plot(reach, [height, height], gid=f"group-{first}-{last}", **bar)


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
