"""A limit on the time of a block, after which this process ends."""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

GRACE_SECONDS = 10.0
"""Until a process ends in which no thread of Python can run, as in a loop of compiled code.

It then shows its stacks, for it cannot say anything else.
"""

STANDARD_ERROR = 2


@contextmanager
def time_limit(seconds: float, last_words: Callable[[], None]) -> Iterator[None]:
    """End this process with exit code 1 if the block takes longer, after calling `last_words`."""
    if seconds + GRACE_SECONDS > threading.TIMEOUT_MAX:
        yield
        return

    def end() -> None:
        try:
            last_words()
        finally:
            os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=STANDARD_ERROR)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        faulthandler.cancel_dump_traceback_later()
