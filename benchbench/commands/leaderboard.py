"""`benchbench leaderboard`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchbench import plugins
from benchbench.errors import BenchbenchError
from benchbench.leaderboard import collect
from benchbench.store import Store


def leaderboard_command(results: Sequence[Path], style: str, output: Path | None) -> str:
    """The finished runs below the folders as text; nothing where it goes to a file."""
    reporter = plugins.find("register_reporters", "format", style)
    for folder in results:
        if not folder.is_dir():
            raise BenchbenchError(f"There is no folder {folder}; `benchbench run` makes results.")
    text: str = reporter(collect(run for folder in results for run in Store(folder).runs()))
    if output is None:
        return text
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchbenchError(f"Cannot write {output} ({error.strerror}).") from error
    return ""
