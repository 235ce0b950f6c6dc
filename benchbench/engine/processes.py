"""How the processes of methods begin; it imports nothing that takes time."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchbench.system.salt import SALT

TEMPLATE = "benchbench.engine.template"

SAFE_PATH = "PYTHONSAFEPATH"

HIDDEN = "hidden-"
"""With this begins the name of a socket that `hide_template` has moved."""


def start_method(device: str) -> str:
    """How processes begin: forked from a template, or spawned if that cannot be.

    A process that has touched a GPU must not be forked, and macOS's frameworks do not bear it.
    """
    forked = device == "cpu" and sys.platform not in ("darwin", "win32")
    return "forkserver" if forked else "spawn"


def process_context(device: str) -> Any:
    """The context of `multiprocessing` in which a method's process begins."""
    method = start_method(device)
    context: Any = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([TEMPLATE])
    return context


def begin_template() -> None:
    """Let the template import what it needs while this process does other things."""
    if start_method("cpu") == "forkserver":
        from multiprocessing import forkserver

        process_context("cpu")
        with without_salt(), _importing_as_here(), uninterrupted():
            forkserver.ensure_running()
        hide_template()


def hide_template() -> None:
    """Give the template's socket a name that only this process knows.

    Each process that the template forks would know it otherwise, and could have others forked that
    nothing confines.
    """
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    address = getattr(server, "_forkserver_address", None)
    if server is None or not isinstance(address, str) or HIDDEN in address:
        return
    hidden = Path(address).with_name(HIDDEN + secrets.token_hex(16))
    server._forkserver_address = str(Path(address).rename(hidden))


@contextmanager
def _importing_as_here() -> Iterator[None]:
    """A block in which a process begins that imports from the current folder only if this one does.

    The template is started by `python -c`, which would put the current folder first: a `numpy.py`
    there would be imported, or the files of a checkout instead of what is installed.
    """
    if SAFE_PATH in os.environ or _current_folder() in sys.path or "" in sys.path:
        yield
        return
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        del os.environ[SAFE_PATH]


def _current_folder() -> str:
    """Its path, or nothing if it has been deleted."""
    try:
        return os.getcwd()
    except OSError:
        return ""


@contextmanager
def without_salt() -> Iterator[None]:
    """A block in which processes begin without the salt that this one may have been given."""
    salt = os.environ.pop(SALT, None)
    try:
        yield
    finally:
        if salt is not None:
            os.environ[SALT] = salt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A block in which processes begin that a person's Ctrl-C does not reach: they are told."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def cause_of_death(status: int) -> str:
    """The sentence about an exit status as `multiprocessing` gives it."""
    if status >= 0:
        return f"the process exited with code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        return "the process was killed (SIGKILL), perhaps for lack of memory"
    crashed = name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS")
    return f"the process {'crashed' if crashed else 'was ended'} ({name})"
