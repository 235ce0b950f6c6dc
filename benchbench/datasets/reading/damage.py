"""The error for published files that are damaged or incomplete."""

from __future__ import annotations

from benchbench.errors import BenchbenchError


def copy_again(problem: str) -> BenchbenchError:
    """The error that says what is wrong with the files and how to mend it."""
    return BenchbenchError(f"{problem}; copy or download it again.")
