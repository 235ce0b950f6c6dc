"""Leaderboards as files: what each is to hold, and which are stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchbench.across import families_of, sources_of
from benchbench.errors import BenchbenchError
from benchbench.leaderboard import further_metrics, tabulate_entries
from benchbench.reporters import SUFFIXES
from benchbench.reporters.sources import sources_markdown
from benchbench.results import Entry
from benchbench.store import slug

Reporter = Callable[[pd.DataFrame], str]

BEGIN = "<!-- benchbench leaderboard: begin -->"
END = "<!-- benchbench leaderboard: end -->"
"""The lines of a markdown file between which the tables stand; the text around them stays."""


def leaderboard_text(
    tables: Sequence[list[Entry]], rule: str, reporters: Mapping[str, Reporter], across: str | None
) -> str:
    """All that the files of `leaderboard_files` would hold, in one text."""
    frame = tabulate_entries(tables, rule)
    texts = list(_collections(tables, rule).values()) if "markdown" in reporters else []
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
    """What a file of each data set and format is to hold.

    A data set of several sources has one file, whose markdown begins with the sources side by side.
    across: the name of a further markdown file, with the data sets side by side.
    """
    frame, files = tabulate_entries(tables, rule), {}
    several = _collections(tables, rule) if "markdown" in reporters else {}
    for name, rows in _by_collection(frame).items():
        for style, reporter in reporters.items():
            path = out / f"{slug(name)}.{SUFFIXES.get(style, style)}"
            text = reporter(rows.reset_index(drop=True))
            if style == "markdown":
                text = "\n".join([*([several[name]] if name in several else []), text])
                text = _between_markers(path, name, text)
            files[path] = text
    if across:
        path = out / f"{slug(across)}.md"
        if path in files:
            raise BenchbenchError(f"--across {across} is the name of a data set; choose another.")
        files[path] = _between_markers(path, across, across_markdown(tables, rule))
    return files


def _collections(tables: Sequence[list[Entry]], rule: str) -> dict[str, str]:
    """For each data set of several sources, the sources side by side."""
    return _side_by_side([table for table in tables if table[0].first.trained_on], rule)


def across_markdown(tables: Sequence[list[Entry]], rule: str) -> str:
    """A section for each kind of episodes that methods have met on two data sets or more.

    Sources that share a training have a table of their own, and no place here. Raises
    BenchbenchError where there is none.
    """
    own = _side_by_side([table for table in tables if not table[0].first.trained_on], rule)
    if not own:
        raise BenchbenchError("--across needs results on two data sets by one protocol.")
    return "\n".join(own.values())


def _side_by_side(tables: Sequence[list[Entry]], rule: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for shared, family in families_of(tables):
        if len(family) > 1:
            text = sources_markdown(sources_of(family), rule)
            found.setdefault(shared, []).append(f"## {family[0][0].first.kind}\n\n{text}")
    return {shared: "\n".join(sections) for shared, sections in found.items()}


def _by_collection(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each data set, sources together; a metric that no run on it has is no column."""
    if frame.empty:
        return {}
    found = {}
    for name, rows in frame.groupby("collection", sort=False):
        absent = [metric for metric in further_metrics(rows) if rows[metric].isna().all()]
        found[str(name)] = rows.drop(columns=absent)
    return found


def _between_markers(path: Path, name: str, text: str) -> str:
    """The file's content with new tables. Raises BenchbenchError without the markers."""
    if not path.exists():
        return f"# Leaderboard: {name}\n\n{BEGIN}\n\n{text}\n{END}\n"
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchbenchError(
            f"{path} has no place for the tables; put the lines '{BEGIN}' and '{END}' into it, "
            "or remove it."
        )
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def stale(out: Path, files: Mapping[Path, str]) -> dict[Path, str]:
    """What is wrong with each file that is not as it is to be, and with those of no results."""
    problems = {
        path: "is not what the results give" if path.exists() else "is missing"
        for path, text in files.items()
        if not path.exists() or path.read_bytes() != text.encode()
    }
    for path in sorted(out.glob("*.md")):
        if path not in files and BEGIN in path.read_text(encoding="utf-8"):
            problems[path] = "has no results behind it"
    return problems
