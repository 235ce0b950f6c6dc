"""Having every thread of this process do what Linux does for the calling thread alone."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY_THREAD_TAKES = 33
"""The signal by which the C library makes all threads change their user: none can block it."""

RT_SIGACTION = {"x86_64": 13, "aarch64": 134}
"""The number of the system call, by machine: the C library's function refuses that signal."""

RESTS_AFTER = 4
"""Turns of the interpreter's lock; a thread that waits for that lock wakes at each."""

_callbacks: list[object] = []


def in_other_threads(action: Callable[[], None], seconds: float = 5.0) -> None:
    """Run an action once in each other thread of the process, those of C libraries included.

    A thread is interrupted while it rests: a busy one may hold a lock that the action takes as
    well. seconds: how long they are waited for. Raises RuntimeError if a thread is busy all that
    time, cannot be reached, or fails.
    """
    if not _others():
        return
    done: dict[int, Exception | None] = {}

    def obey(_: int) -> None:
        try:
            action()
            done[threading.get_native_id()] = None
        except Exception as error:  # a callback of C code cannot raise
            done[threading.get_native_id()] = error

    asked: set[int] = set()
    sleeps: dict[int, list[str]] = {}
    deadline = time.monotonic() + seconds
    with _handler(obey) as libc:
        while left := _others() - done.keys():
            for thread in left - asked:
                before, sleeps[thread] = sleeps.get(thread), _sleep(thread)
                if sleeps[thread] and sleeps[thread] == before:
                    libc.tgkill(os.getpid(), thread, EVERY_THREAD_TAKES)
                    asked.add(thread)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(left)} other threads are busy or do not answer.")
            time.sleep(1e-4 if left <= asked else RESTS_AFTER * sys.getswitchinterval())
    for error in filter(None, done.values()):
        raise RuntimeError(f"A thread of this process failed: {error}") from error


def _others() -> set[int]:
    return set(map(int, os.listdir("/proc/self/task"))) - {threading.get_native_id()}


def _sleep(thread: int) -> list[str]:
    """What stays the same while a thread sleeps; nothing if it is awake or has ended."""
    try:
        lines = Path(f"/proc/self/task/{thread}/status").read_text().splitlines()
    except OSError:
        return []
    asleep = any(line.startswith("State:\tS") for line in lines)
    return [line for line in lines if asleep and "ctxt_switches" in line]


@contextmanager
def _handler(function: Callable[[int], None]) -> Iterator[ctypes.PyDLL]:
    """Make a function the signal's handler in the block; not by `signal`, whose run elsewhere."""
    number = RT_SIGACTION.get(platform.machine())
    if number is None:
        raise RuntimeError(f"Threads cannot be reached on {platform.machine()}.")
    # PyDLL keeps the interpreter's lock, so that no thread is interrupted while it runs Python.
    libc = ctypes.PyDLL(None, use_errno=True)
    callback = ctypes.CFUNCTYPE(None, ctypes.c_int)(function)
    action, before, before_template = (ctypes.create_string_buffer(64) for _ in range(3))

    def exchange(which: int, new: object, old: object) -> None:
        mask_bytes = ctypes.c_size_t(8)
        if libc.syscall(number, which, new, old, mask_bytes):
            raise RuntimeError(f"A signal has no handler: {os.strerror(ctypes.get_errno())}.")

    # The kernel wants a return address of the C library's own, which another signal's handler has.
    template = int(signal.SIGURG)
    exchange(template, None, before_template)
    libc.signal(template, callback)
    exchange(template, before_template, action)
    exchange(EVERY_THREAD_TAKES, action, before)
    _callbacks.append(callback)  # it stays in place if the block fails: a thread may answer late
    yield libc
    exchange(EVERY_THREAD_TAKES, before, None)
