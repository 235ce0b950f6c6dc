"""Plots as elements of the page, and as files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from benchbench.results import plot_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST, LEAST = 1.6, 0.85  # css pixels of a point, where there is room and where there is none


@dataclass(frozen=True)
class Picture:
    """name: of its file, unique in a report; caption: a sentence on what it shows."""

    name: str
    caption: str
    figure: Figure

    @property
    def svg(self) -> str:
        """For the inside of a page: scales, follows its colours, and shares no id with others."""
        text = plot_style.svg(self.figure)
        # Only inside tags: the text between them holds what methods are called.
        text = re.sub(r"<[^>]*>", lambda tag: self._adapted(tag[0]), text)
        width = re.match(r'<svg [^>]*?width="([\d.]+)pt" height="[\d.]+pt"', text)
        assert width is not None
        most, least = (round(pixels * float(width[1])) for pixels in (MOST, LEAST))
        start = (
            f'<svg role="img" aria-labelledby="{self.name}-caption" '
            f'width="{most}" style="min-width: {least}px"'
        )
        return re.sub(r'^<svg (xmlns:xlink="[^"]*") width="[^"]*" height="[^"]*"', start, text)

    def _adapted(self, tag: str) -> str:
        tag = re.sub(r'\bid="', f'id="{self.name}-', tag)
        tag = re.sub(r"(url\(|href=\")#", rf"\1#{self.name}-", tag)
        tag = tag.replace(plot_style.INK, "var(--ink)").replace(plot_style.GRID, "var(--grid)")
        for index, color in enumerate(plot_style.SERIES):
            tag = tag.replace(color, f"var(--series-{index})")
        return tag

    def save(self, folder: Path) -> None:
        """As an svg and a pdf file. Raises BenchbenchError if it cannot."""
        for suffix in (".svg", ".pdf"):
            plot_style.save(self.figure, folder / f"{self.name}{suffix}")


Draw: TypeAlias = "Callable[[str, str, Callable[[], Figure]], Picture | None]"
"""Draws a plot of a name and a caption, if matplotlib is installed."""
