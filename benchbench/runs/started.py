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
from benchbench.runs.directory import RunDirectory
from benchbench.system.files import read_bytes

NAMED = 5
"""Configurations that a sentence names."""

LOG_BYTES = 2**28


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
        # Opened to append and written at once, so that lines of several processes do not mix; a
        # pipe that nobody reads from is an error and no wait.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
        file = os.open(self._file, flags, 0o644)
        try:
            os.write(file, line)
        finally:
            os.close(file)

    def lines(self) -> list[dict[str, Any]]:
        """All lines; one that a full disk has cut short is left out.

        Raises BenchbenchError if the file cannot be read.
        """
        try:
            content = read_bytes(self._file, LOG_BYTES)
        except FileNotFoundError:
            return []
        found = []
        for line in content.splitlines():
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict) and isinstance(entry.get("run"), str):
                found.append(entry)
        return found

    def without_result(self) -> Counter[str]:
        """How many runs have begun and have no result, by their configuration without the seed."""
        begun = {entry["run"]: entry for entry in self.lines()}
        return Counter(
            f"{entry.get('method')} ({entry.get('budget')}) on {Path(run).parent.as_posix()}"
            for run, entry in begun.items()
            if not _is_finished(RunDirectory(self._root / run))
        )


def started_without_result(roots: Iterable[Path]) -> str:
    """The sentence about runs of results folders that have begun and have no result, or nothing."""
    counts: Counter[str] = Counter()
    for root in dict.fromkeys(path.resolve() for path in roots):
        try:
            counts += StartLog(root).without_result()
        except BenchbenchError as error:
            return f"which runs have begun is not known: {error}"
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
