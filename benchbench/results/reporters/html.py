"""Leaderboards as a plain html page; `benchbench report` makes one with pictures."""

from __future__ import annotations

from html import escape

import pandas as pd

from benchbench.results.reporters.sections import WORDS, Bold, Section, sections

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Leaderboard</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 1rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; white-space: nowrap; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .25rem .6rem; border-bottom: 1px solid #ccc; text-align: right; }}
.words {{ text-align: left; }}
</style>
</head>
<body>
{body}</body>
</html>
"""


def html(frame: pd.DataFrame) -> str:
    """A whole page: a heading, a table and its notes for each data set and protocol."""
    body = "".join(map(_section, sections(frame))) or "<p>No finished runs.</p>\n"
    return PAGE.format(body=body)


def _section(section: Section) -> str:
    notes = "".join(f"<li>{escape(note)}</li>\n" for note in section.notes)
    parts = [f"<h2>{escape(section.title)}</h2>\n", _table(section.table), f"<ul>\n{notes}</ul>\n"]
    if section.published is not None:
        parts += ["<h3>Published, for context</h3>\n", _table(section.published)]
    return "".join(parts)


def _table(frame: pd.DataFrame) -> str:
    kinds = [' class="words"' if name in WORDS else "" for name in frame]
    head = "".join(
        f'<th scope="col"{kind}>{escape(str(name))}</th>'
        for name, kind in zip(frame, kinds, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{_cell(value)}</td>" for kind, value in zip(kinds, row, strict=True))
        + "</tr>\n"
        for row in frame.itertuples(index=False)
    )
    return (
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody>\n</table></div>\n"
    )


def _cell(value: object) -> str:
    text = escape(str(value))
    return f"<strong>{text}</strong>" if isinstance(value, Bold) else text
