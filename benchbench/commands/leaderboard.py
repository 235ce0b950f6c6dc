"""`benchbench leaderboard`: write the tables of finished runs, or check them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchbench import plugins
from benchbench.errors import BenchbenchError
from benchbench.files import whole_file
from benchbench.progress import say
from benchbench.reporters.files import Reporter, leaderboard_files, leaderboard_text, stale
from benchbench.results import no_runs, results_below, tables_of


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

    `-` for `out` prints the tables of all data sets. across: the name of a further markdown file,
    with the data sets side by side.
    """
    reporters: dict[str, Reporter] = {
        style: plugins.find("register_reporters", "format", style)
        for style in dict.fromkeys(styles)
    }
    tables = tables_of(results_below(results))
    if str(out) == "-":
        if check:
            raise BenchbenchError("--check compares files, so it needs a folder as --out.")
        print(leaderboard_text(tables, rule, reporters, across), end="")
        return 0
    files = leaderboard_files(tables, rule, reporters, across, out)
    if check:
        problems = stale(out, files)
        for path, problem in problems.items():
            say(f"{path} {problem}")
        if not problems:
            say(f"{len(files)} files are up to date")
        return int(bool(problems))
    if not files:
        raise no_runs(results)
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as partial:
                partial.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise BenchbenchError(f"Cannot write {path} ({error.strerror}).") from error
        say(f"wrote {path}")
    return 0
