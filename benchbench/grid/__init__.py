"""Many cells at once: which there are, and where each is computed."""

from __future__ import annotations

from collections.abc import Callable

from benchbench.registry.hookspecs import hookimpl


@hookimpl
def register_engines(register: Callable[[type], None]) -> None:
    from benchbench.grid.engine import Serial

    register(Serial)
