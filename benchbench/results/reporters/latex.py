"""Leaderboards in LaTeX, for `\\input` in a paper that loads the package booktabs."""

from __future__ import annotations

import re

import pandas as pd

from benchbench.results.printed import Bold, printed
from benchbench.results.reporters.sections import Section, sections
from benchbench.system.texts import legible

ESCAPES = str.maketrans(
    {
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "`": r"\textasciigrave{}",
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
    notes = [f"% {legible(note)}" for note in section.notes]
    caption = f"\\caption{{{_cell(section.title)}}}"
    lines = [*notes, r"\begin{table}", r"\centering", caption, table, r"\end{table}"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    escaped = re.sub("-(?=-)", "-{}", legible(text)).translate(ESCAPES)
    escaped = re.sub(r"^[\[*]", r"{\g<0>}", escaped)  # else an argument of what ends the line above
    return f"\\textbf{{{escaped}}}" if isinstance(text, Bold) else escaped
