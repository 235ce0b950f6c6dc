"""Leaderboards as files: what each is to hold, and which are stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchbench.errors import BenchbenchError
from benchbench.results.across import families_of, sources_of
from benchbench.results.entries import Entry
from benchbench.results.labels import labelled_alike
from benchbench.results.leaderboard import tabulate_entries
from benchbench.results.reporters import SUFFIXES
from benchbench.results.reporters.across import sources_markdown
from benchbench.results.reporters.markdown import heading
from benchbench.runs.names import slug
from benchbench.system.files import read_text
from benchbench.system.marked_lines import MarkedLines
from benchbench.system.progress import say

Reporter = Callable[[pd.DataFrame], str]

MARKED = MarkedLines("benchbench leaderboard")
BEGIN, END = MARKED.begin, MARKED.end

FILE_BYTES = 2**28
"""The most that a file here may have."""


def leaderboard_text(
    tables: Sequence[list[Entry]], rule: str, reporters: Mapping[str, Reporter], across: str | None
) -> str:
    """All that the files of `leaderboard_files` would hold, in one text."""
    several = [table for table in tables if table[0].first.trained_on]
    texts = [_side_by_side(several, rule)] if "markdown" in reporters else []
    frame = tabulate_entries(tables, rule)
    texts += [reporter(frame) for reporter in reporters.values()]
    texts += [across_markdown(tables, rule)] if across else []
    return "\n".join(filter(None, texts))


def leaderboard_files(
    tables: Sequence[list[Entry]],
    rule: str,
    reporters: Mapping[str, Reporter],
    across: str | None,
    out: Path,
) -> dict[Path, str]:
    """The text of a file for each format and data set, or collection with its sources together.

    across: the name of a further markdown file, with the data sets side by side.
    """
    collections: dict[str, list[list[Entry]]] = {}
    for table in tables:
        collections.setdefault(table[0].first.collection, []).append(table)
    files = {}
    for name, own in collections.items():
        frame = tabulate_entries(own, rule)
        for style, reporter in reporters.items():
            path = out / f"{slug(name)}.{SUFFIXES.get(style, style)}"
            text = reporter(frame)
            if style == "markdown":
                several = _side_by_side(own, rule) if own[0][0].first.trained_on else ""
                text = _between_markers(path, name, "\n".join(filter(None, [several, text])))
            files[path] = text
    if across:
        path = out / f"{slug(across)}.md"
        if path in files:
            raise BenchbenchError(f"--across {across} is the name of a data set; choose another.")
        files[path] = _between_markers(path, across, across_markdown(tables, rule))
    return files


def across_markdown(tables: Sequence[list[Entry]], rule: str) -> str:
    """A section for each kind of episodes on two data sets or more that share no training.

    Raises BenchbenchError if there is none.
    """
    text = _side_by_side([table for table in tables if not table[0].first.trained_on], rule)
    if not text:
        raise BenchbenchError("--across needs results on two data sets by one protocol.")
    return text


def _side_by_side(tables: Sequence[list[Entry]], rule: str) -> str:
    """A section for each kind of episodes that has two tables or more."""
    families = [labelled_alike(family) for _, family in families_of(tables) if len(family) > 1]
    return "\n".join(
        f"{heading(family[0][0].first.kind)}\n\n{sources_markdown(sources_of(family), rule)}"
        for family in families
    )


def _between_markers(path: Path, name: str, text: str) -> str:
    """The file's content with new tables. Raises BenchbenchError without the markers."""
    if not path.exists():
        return f"{heading(f'Leaderboard: {name}', 1)}\n\n{MARKED.around(text)}\n"
    content = MARKED.replaced(read_text(path, FILE_BYTES), text)
    if content is None:
        raise BenchbenchError(
            f"{path} has no place for the tables; put the lines '{BEGIN}' and '{END}' into it, "
            "or remove it."
        )
    return content


def stale(out: Path, files: Mapping[Path, str]) -> dict[Path, str]:
    """What is wrong with each file that is not as it is to be, and with those of no results.

    How lines end is no difference. A foreign file that cannot be read is reported.
    """
    problems = {path: problem for path, text in files.items() if (problem := _problem(path, text))}
    for path in sorted(out.glob("*.md")):
        try:
            if path not in files and BEGIN in read_text(path, FILE_BYTES):
                problems[path] = "has no results behind it"
        except (BenchbenchError, FileNotFoundError) as error:
            say(f"left out {error}")
    return problems


def _problem(path: Path, text: str) -> str:
    try:
        same = read_text(path, FILE_BYTES) == text.replace("\r\n", "\n")
    except FileNotFoundError:
        return "is missing"
    except BenchbenchError:
        same = False
    return "" if same else "is not what the results give"
