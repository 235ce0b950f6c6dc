"""Which runs of a results folder have ever begun: a log that outlives their folders.

Who runs ten seeds and keeps the best one leaves ten lines in it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.runs.store import RunDirectory

NAMED = 5
"""Configurations that a sentence names."""


class StartLog:
    """The file `started.jsonl` of a results folder: a line for each time that a run has begun.

    A line is a JSON object of `time` (UTC), `run` (its folder, relative), `method` (its spec),
    `seed`, `budget` and `command`. Lines are only ever added.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._file = root, root / "started.jsonl"

    def add(self, run: RunDirectory) -> None:
        """Add a line for a run that has just begun, whose manifest is written."""
        manifest = run.manifest
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "run": Path(os.path.relpath(run.path, self._root)).as_posix(),
            "method": manifest["method"]["spec"],
            "seed": manifest["identity"]["seed"],
            "budget": manifest["identity"]["budget"],
            "command": manifest.get("command", []),
        }
        line = (json.dumps(entry, default=str) + "\n").encode()
        # Opened to append and written at once, so that lines of several processes do not mix.
        file = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, line)
        finally:
            os.close(file)

    def lines(self) -> list[dict[str, Any]]:
        """All lines; one that a full disk has cut short is left out."""
        found = []
        for line in self._file.read_bytes().splitlines() if self._file.exists() else ():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and "run" in entry:
                found.append(entry)
        return found

    def without_result(self) -> Counter[str]:
        """How many runs have begun and have no result, by their configuration without the seed."""
        begun = {str(entry["run"]): entry for entry in self.lines()}
        return Counter(
            f"{entry.get('method')} ({entry.get('budget')}) on {Path(run).parent.as_posix()}"
            for run, entry in begun.items()
            if not _is_finished(RunDirectory(self._root / run))
        )


def started_without_result(roots: Iterable[Path]) -> str:
    """The sentence about runs of results folders that have begun and have no result, or nothing."""
    counts: Counter[str] = Counter()
    for root in dict.fromkeys(path.resolve() for path in roots):
        counts += StartLog(root).without_result()
    if not counts:
        return ""
    named = [f"{count} of {what}" for what, count in counts.most_common(NAMED)]
    more = [f"{len(counts) - NAMED} more configurations"] if len(counts) > NAMED else []
    what = "run has begun and has" if counts.total() == 1 else "runs have begun and have"
    return f"{counts.total()} {what} no stored result: {', '.join([*named, *more])}"


def _is_finished(run: RunDirectory) -> bool:
    try:
        return run.status == "finished"
    except BenchbenchError:
        return False
