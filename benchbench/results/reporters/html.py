"""Leaderboards as a plain html page; `benchbench report` makes one with pictures."""

from __future__ import annotations

import re
from html import escape
from string import Template

import pandas as pd

from benchbench.results.printed import Bold, printed
from benchbench.results.reporters.sections import Section, sections
from benchbench.system.texts import legible

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Leaderboard</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; white-space: nowrap; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ccc; text-align: left; }
</style>
</head>
<body>
$body
</body>
</html>
""")


def html(frame: pd.DataFrame) -> str:
    """A whole page: a heading, a table and its notes for each data set and protocol."""
    body = "\n".join(map(_section, sections(frame))) or "<p>No finished runs.</p>"
    return PAGE.substitute(body=body)


def _section(section: Section) -> str:
    notes = "\n".join(f"<li>{_text(note)}</li>" for note in section.notes)
    parts = [f"<h2>{_text(section.title)}</h2>", _table(section.table), f"<ul>\n{notes}\n</ul>"]
    if section.published is not None:
        parts += ["<h3>Published, for context</h3>", _table(section.published)]
    return "\n".join(parts)


def _table(frame: pd.DataFrame) -> str:
    table = printed(frame, frame.to_numpy(), "unsafehtml", _cell)
    headed = re.sub(r"<th\b", '<th scope="col"', table)
    return f'<div class="wide">{headed}</div>'


def _cell(text: str) -> str:
    return f"<strong>{_text(text)}</strong>" if isinstance(text, Bold) else _text(text)


def _text(text: str) -> str:
    return escape(legible(text))
