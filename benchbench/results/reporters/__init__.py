"""Leaderboards as text. A reporter is a function of the frame of `leaderboard.collect`."""

from __future__ import annotations

from collections.abc import Callable

from benchbench.registry.hookspecs import hookimpl
from benchbench.results.reporters.data import csv, json
from benchbench.results.reporters.html import html
from benchbench.results.reporters.latex import latex
from benchbench.results.reporters.markdown import markdown, markdown_table

__all__ = ["SUFFIXES", "csv", "html", "json", "latex", "markdown", "markdown_table"]

SUFFIXES = {"markdown": "md", "latex": "tex"}
"""How the files of a format end, if that is not the format's name."""


@hookimpl
def register_reporters(register: Callable[..., None]) -> None:
    for reporter in (markdown, csv, json, latex, html):
        register(reporter.__name__, reporter)
