"""Leaderboards in LaTeX, for `\\input` in a paper that loads the package booktabs."""

from __future__ import annotations

import re

import pandas as pd
from tabulate import tabulate

from benchbench.results.reporters.sections import WORDS, Bold, Section, sections

ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def latex(frame: pd.DataFrame) -> str:
    """A `table` environment for each data set and protocol; its notes are comments above it."""
    if frame.empty:
        return "% No finished runs.\n"
    return "\n".join(map(_section, sections(frame)))


def _section(section: Section) -> str:
    table = tabulate(
        [[_cell(value) for value in row] for row in section.table.itertuples(index=False)],
        headers=[_escaped(str(name)) for name in section.table],
        tablefmt="latex_raw",
        disable_numparse=True,
        colalign=["left" if name in WORDS else "right" for name in section.table],
    )
    rules = iter((r"\toprule", r"\midrule", r"\bottomrule"))
    table = re.sub(r"\\hline", lambda _: next(rules), table)
    notes = [f"% {note}" for note in section.notes]
    caption = f"\\caption{{{_escaped(section.title)}}}"
    lines = [*notes, r"\begin{table}", r"\centering", caption, table, r"\end{table}"]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    text = _escaped(str(value))
    return f"\\textbf{{{text}}}" if isinstance(value, Bold) else text


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(character, character) for character in text)
