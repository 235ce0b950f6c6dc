"""Further metrics as columns of the tables."""

from __future__ import annotations

from collections.abc import Iterable

from benchbench.errors import BenchbenchError
from benchbench.metrics import Metric, find_metrics
from benchbench.runs.rows import COLUMNS as EPISODE_COLUMNS


def reportable_metrics(names: Iterable[str]) -> dict[str, Metric]:
    """The metrics of these names, without accuracy, which is always there.

    Raises BenchbenchError for an unknown one, and for one that is called like another column.
    """
    found = find_metrics(names)
    if found:  # pandas is slow to import
        from benchbench.results.leaderboard import COLUMNS, GROUP, HALF_WIDTH
    for name in found:
        if name in (*EPISODE_COLUMNS, *GROUP, *COLUMNS) or name.startswith(HALF_WIDTH):
            raise BenchbenchError(f"The metric '{name}' has the name of another column.")
    return found
