"""`benchbench leaderboard`: write the tables of finished runs, or check them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd

from benchbench.errors import BenchbenchError
from benchbench.registry import loading
from benchbench.results.across import sources_of
from benchbench.results.entries import Entry, read_results, tables_of
from benchbench.results.leaderboard import further_metrics, tabulate_entries
from benchbench.results.reporters import SUFFIXES
from benchbench.results.reporters.across import sources_markdown
from benchbench.runs.store import RunDirectory, Store, slug
from benchbench.system.files import whole_file
from benchbench.system.progress import say

Reporter = Callable[[pd.DataFrame], str]

BEGIN = "<!-- benchbench leaderboard: begin -->"
END = "<!-- benchbench leaderboard: end -->"
"""The lines of a markdown file between which the tables stand; the text around them stays."""


def runs_below(folders: Sequence[Path]) -> Iterable[RunDirectory]:
    """The runs of all folders. Raises BenchbenchError where one does not exist."""
    for folder in folders:
        if not folder.is_dir():
            raise BenchbenchError(f"There is no folder {folder}; `benchbench run` makes results.")
    return [run for folder in folders for run in Store(folder).runs()]


def leaderboard_command(
    results: Sequence[Path],
    styles: Sequence[str],
    out: Path,
    *,
    rule: str,
    across: str | None,
    check: bool,
) -> int:
    """Write or check a file for each data set and format; 1 where a file is stale, else 0.

    A data set of several sources has one file, which begins with the sources side by side. `-` for
    `out` prints the tables of all data sets. across: the name of a further markdown file, with the
    data sets side by side.
    """
    reporters: dict[str, Reporter] = {
        style: loading.find("register_reporters", "format", style)
        for style in dict.fromkeys(styles)
    }
    tables = tables_of(read_results(runs_below(results)))
    frame = tabulate_entries(tables, rule)
    beside = across_markdown(tables, rule) if across else ""
    several = _side_by_side(tables, rule) if "markdown" in reporters else {}
    if str(out) == "-":
        if check:
            raise BenchbenchError("--check compares files, so it needs a folder as --out.")
        texts = [*several.values(), *(reporter(frame) for reporter in reporters.values()), beside]
        print("\n".join(filter(None, texts)), end="")
        return 0
    files = _files(out, frame, reporters, several)
    if across:
        path = out / f"{slug(across)}.md"
        if path in files:
            raise BenchbenchError(f"--across {across} is the name of a data set; choose another.")
        files[path] = _between_markers(path, across, beside)
    if check:
        return _check(out, files)
    if not files:
        raise BenchbenchError(f"No finished runs below {', '.join(map(str, results))}.")
    _write(files)
    return 0


def _files(
    out: Path, frame: pd.DataFrame, reporters: dict[str, Reporter], several: dict[str, str]
) -> dict[Path, str]:
    """What a file of each data set and format is to hold.

    several: what a markdown file begins with, by data set.
    """
    files = {}
    for name, rows in _by_collection(frame).items():
        for style, reporter in reporters.items():
            path = out / f"{slug(name)}.{SUFFIXES.get(style, style)}"
            text = reporter(rows.reset_index(drop=True))
            if style == "markdown":
                beside = [several[name]] if name in several else []
                text = _between_markers(path, name, "\n".join([*beside, text]))
            files[path] = text
    return files


def _side_by_side(tables: Sequence[list[Entry]], rule: str) -> dict[str, str]:
    """For each data set of several sources, the sources beside each other."""
    collections: dict[str, list[list[Entry]]] = {}
    for table in tables:
        first = table[0].first
        if first.trained_on:
            collections.setdefault(first.collection, []).append(table)
    sections = {name: _sections(found, rule) for name, found in collections.items()}
    return {name: section for name, section in sections.items() if section}


def across_markdown(tables: Sequence[list[Entry]], rule: str) -> str:
    """A section for each protocol that methods have met on two data sets or more.

    Sources that share a training have a table of their own, and no place here. Raises
    BenchbenchError where there is none.
    """
    own = [table for table in tables if not table[0].first.trained_on]
    text = _sections(own, rule)
    if not text:
        raise BenchbenchError("--across needs results on two data sets by one protocol.")
    return text


def _sections(tables: Sequence[list[Entry]], rule: str) -> str:
    groups: dict[tuple[str, ...], list[list[Entry]]] = {}
    for table in tables:
        identity = table[0].first.identity
        key = tuple(str(identity[name]) for name in ("protocol", "split", "episode_seed"))
        groups.setdefault(key, []).append(table)
    return "\n".join(
        f"## {key[0]}\n\n{sources_markdown(sources_of(group), rule)}"
        for key, group in groups.items()
        if len(group) > 1
    )


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
    """The file's content with the tables anew. Raises BenchbenchError without the markers."""
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


def _write(files: dict[Path, str]) -> None:
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as partial:
                partial.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise BenchbenchError(f"Cannot write {path} ({error.strerror}).") from error
        say(f"wrote {path}")


def _check(out: Path, files: dict[Path, str]) -> int:
    """Say of each file what is wrong with it."""
    problems = {
        path: "is not what the results give" if path.exists() else "is missing"
        for path, text in files.items()
        if not path.exists() or path.read_bytes() != text.encode()
    }
    for path in sorted(out.glob("*.md")):
        if path not in files and BEGIN in path.read_text(encoding="utf-8"):
            problems[path] = "has no results behind it"
    for path, problem in problems.items():
        say(f"{path} {problem}")
    if not problems:
        say(f"{len(files)} files are up to date")
    return int(bool(problems))
