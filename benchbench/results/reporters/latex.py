"""Leaderboards in LaTeX, for `\\input` in a paper that loads the package booktabs."""

from __future__ import annotations

import pandas as pd

from benchbench.results.printed import Bold, printed
from benchbench.results.reporters.sections import Section, sections

ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "–": "--",
        **{character: f"\\{character}" for character in "&%$#_{}"},
    }
)


def latex(frame: pd.DataFrame) -> str:
    """A `table` environment for each data set and protocol; its notes are comments above it."""
    return "\n".join(map(_section, sections(frame))) or "% No finished runs.\n"


def _section(section: Section) -> str:
    table = printed(section.table, section.table.to_numpy(), "latex_raw", _cell)
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        table = table.replace(r"\hline", rule, 1)
    notes = [f"% {note}" for note in section.notes]
    caption = f"\\caption{{{_cell(section.title)}}}"
    lines = [*notes, r"\begin{table}", r"\centering", caption, table, r"\end{table}"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    escaped = text.translate(ESCAPES)
    return f"\\textbf{{{escaped}}}" if isinstance(text, Bold) else escaped
