"""Threads for decoding: many files at once, and the next class while one is being written."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from threading import Event
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

CORES = os.cpu_count() or 1
AHEAD = 8 * CORES  # results of `in_parallel` that may wait to be used

_stop: ContextVar[Event | None] = ContextVar("stop", default=None)
"""Is set when nobody waits for the results any more."""


def in_parallel(function: Callable[[S], T], names: Iterable[S]) -> Iterator[T]:
    """`function` of each name, in order, on all cores: Pillow releases the interpreter's lock.

    Only a few results are computed ahead of the one that is used, so that memory is bounded.
    """
    stop = _stop.get()
    pool = ThreadPoolExecutor(CORES)
    waiting: deque[Future[T]] = deque()
    try:
        for name in names:
            if stop is not None and stop.is_set():
                raise CancelledError
            waiting.append(pool.submit(function, name))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def one_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The items; each is computed in a thread while the one before it is in use.

    A consumer that stops, by an error or Ctrl-C, also stops `in_parallel` in that thread.
    """
    stop, end = Event(), object()
    context = copy_context()
    context.run(_stop.set, stop)
    with ThreadPoolExecutor(1) as pool:
        try:
            coming = pool.submit(context.run, next, items, end)  # type: ignore[arg-type]
            while (item := coming.result()) is not end:
                coming = pool.submit(context.run, next, items, end)  # type: ignore[arg-type]
                yield item  # type: ignore[misc]
        finally:
            stop.set()
