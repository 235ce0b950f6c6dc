"""Many cells at once: which there are, and where each is computed."""

from __future__ import annotations

from collections.abc import Callable

from benchbench.registry.hookspecs import hookimpl


@hookimpl
def register_engines(register: Callable[[type], None]) -> None:
    from benchbench.grid.dask import Dask
    from benchbench.grid.engine import Serial
    from benchbench.grid.slurm import Slurm
    from benchbench.grid.workers import Workers

    for engine in (Serial, Workers, Slurm, Dask):
        register(engine)
