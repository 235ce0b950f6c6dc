"""How the processes of methods begin; it imports nothing that takes time."""

from __future__ import annotations

import multiprocessing
import sys
from typing import Any

TEMPLATE = "benchbench.engine.template"


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
        forkserver.ensure_running()
