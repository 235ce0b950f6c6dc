"""Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from benchbench.system.texts import legible

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

QUIET_SECONDS = 10.0
"""The time between two lines of a long loop if there is no terminal."""

REPORT_SECONDS = "BENCHBENCH_REPORT_SECONDS"
"""The environment variable that replaces it, for one of several processes; `inf` means no line."""


class Meter:
    """One running count with a remark, such as the loss."""

    def __init__(self, description: str, total: int | None, bar: Progress | None) -> None:
        self._description, self._total, self._bar = description, total, bar
        shown = legible(description)
        self._task = bar.add_task(shown, total=total, remark="") if bar else None
        self._done, self._printed, self._pause = 0, time.monotonic(), report_seconds()

    def advance(self, count: int = 1, remark: str = "") -> None:
        self._done += count
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, remark=legible(remark))
        elif time.monotonic() - self._printed > self._pause:
            self._printed = time.monotonic()
            say(f"{self._description}: {self._done}/{self._total or '?'} {remark}".rstrip())


def report_seconds() -> float:
    """The time between two lines of a long loop of this process."""
    with suppress(KeyError, ValueError):
        return float(os.environ[REPORT_SECONDS])
    return QUIET_SECONDS


@contextmanager
def meter(description: str, total: int | None = None, done: int = 0) -> Iterator[Meter]:
    """Show a count while the block runs; `done` of `total` are already done."""
    with _bar() if sys.stderr.isatty() else nullcontext() as bar:
        counter = Meter(description, total, bar)
        counter.advance(done)
        yield counter


@contextmanager
def state_line(
    description: str, total: int, done: int, shown: bool
) -> Iterator[Callable[[str, int, str], None]]:
    """What tells a state: called with a whole line, the count of what is done, and a remark.

    On a terminal one line has count and remark, and is kept up to date while the block runs, if
    `shown`; elsewhere each call prints its whole line.
    """
    if not (shown and sys.stderr.isatty()):
        yield lambda line, count, remark: say(line)
        return
    with _bar(estimates=False) as bar:
        task = bar.add_task(legible(description), total=total, completed=done, remark="")
        yield lambda line, count, remark: bar.update(task, completed=count, remark=legible(remark))


def _bar(estimates: bool = True) -> Progress:
    """A bar. estimates: whether it says how long the rest takes if all of it is alike."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    # A spec such as `knn[backbone=pixels]` is no markup.
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        *([TimeRemainingColumn()] if estimates else []),
        TextColumn("{task.fields[remark]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield the items and show a count of them."""
    with meter(description, total) as counter:
        for item in items:
            yield item
            counter.advance()


def say(message: str) -> None:
    """Print one line on standard error, whether or not a bar is shown."""
    print(legible(message), file=sys.stderr, flush=True)


@cache
def say_once(message: str) -> None:
    """The same, unless this process has said it: a command may open a data set several times."""
    say(message)
