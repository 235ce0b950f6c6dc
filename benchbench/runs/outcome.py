"""How one method on one problem ended."""

from __future__ import annotations

from dataclasses import dataclass

from benchbench.runs.directory import RunDirectory


@dataclass
class Outcome:
    """How one method ended on one task: `finished`, `failed` or `skipped`.

    busy: whether it failed because another process is running it.
    """

    method: str
    status: str
    reason: str = ""
    run: RunDirectory | None = None
    busy: bool = False
