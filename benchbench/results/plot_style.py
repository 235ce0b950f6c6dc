"""The style of all plots, and how a figure becomes a file.

matplotlib's global state stays as it is. Functions raise BenchbenchError if matplotlib is not
installed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
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
def styled() -> Iterator[None]:
    """Draw in this module's style, or raise BenchbenchError that says what to install."""
    try:
        from matplotlib import rc_context
    except ImportError as error:
        raise BenchbenchError(
            "A plot needs matplotlib; install it with pip install 'benchbench[plots]'."
        ) from error
    with rc_context(STYLE):  # type: ignore[arg-type]
        yield


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


@styled()
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


def figure_of(width: float, height: float, layout: str | None = "constrained") -> Figure:
    """An empty figure; width and height are in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)  # type: ignore[arg-type]


def line(axes: Axes, index: int, name: str, x: ArrayLike, y: ArrayLike) -> None:
    """A line that differs from the others in colour and marker, and in dashes after eight."""
    axes.plot(
        x,
        y,
        label=wrapped(name, LETTERS - 8),
        color=SERIES[index % len(SERIES)],
        marker=MARKERS[index % len(MARKERS)],
        linestyle=DASHES[index // len(SERIES) % len(DASHES)],
        markersize=5,
        linewidth=1.4,
    )


def legend_height(names: Sequence[str]) -> float:
    """What a legend of these names needs, in inches."""
    lines = sum(wrapped(name, LETTERS - 8).count("\n") + 1 for name in names)
    return 0.2 + 0.19 * lines


def percent(values: pd.Series[Any]) -> NDArray[np.float64]:
    """In percent; NaN, which draws nothing, for None."""
    return 100 * pd.to_numeric(values).to_numpy(np.float64)


def wrapped(text: str, width: int) -> str:
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
