"""`benchbench doctor`: what is installed, what is broken, what to do."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from pathlib import Path

import click

import benchbench
from benchbench.cli.options import data_root_option
from benchbench.errors import BenchbenchError
from benchbench.registry import entry_points, loading
from benchbench.registry.diagnosis import explained, stray_hooks
from benchbench.system.files import can_write
from benchbench.system.places import Places

OK, BAD, NOTE = "ok  ", "FAIL", "note"


@click.command()
@data_root_option
def doctor(data_root: Path | None) -> None:
    """Report on this installation, and on what to repair.

    Libraries, plug-ins and folders are checked. The exit code is 1 if something is broken.
    """
    lines = [f"benchbench {benchbench.__version__}, Python {platform.python_version()}"]
    lines += _libraries() + _compute() + _plugins() + _folders(Places.find(data_root))
    healthy = not any(line.startswith(BAD) for line in lines)
    lines.append("Everything works." if healthy else "Mend the lines marked FAIL.")
    click.echo("\n".join(lines))
    sys.exit(not healthy)


def _libraries() -> list[str]:
    from benchbench.runs.manifest import LIBRARIES

    lines = [f"{OK} {name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    try:
        from benchbench.system.vision import torchvision

        lines.append(f"{OK} torchvision {torchvision().__version__}")
    except Exception as error:
        lines.append(
            f"{BAD} torchvision cannot be imported ({type(error).__name__}: {error}); "
            "install the versions of constraints.txt."
        )
    return lines


def _compute() -> list[str]:
    from benchbench.system.compute import configure, machine

    compute, facts = configure(), machine()
    where = facts["gpu"] or f"{facts['processor']}, {facts['cpu_capability']}"
    precision = "bf16" if compute.bf16 else "float32"
    return [f"{OK} {compute.device}: {where}, {compute.threads} threads, trains in {precision}"]


def _plugins() -> list[str]:
    lines = []
    for kind in entry_points.KINDS:
        for provenance in entry_points.available(kind).values():
            lines += _named(kind, provenance)
        lines += [
            f"{BAD} {kind} {entry}: the name is taken by package "
            f"{entry_points.available(kind)[entry.name].package}; rename it."
            for entry in entry_points.claimed_twice(kind)
        ]
    return lines + _extras()


def _named(kind: str, provenance: entry_points.Provenance) -> list[str]:
    """What there is to say of a method or data set."""
    _, hook = entry_points.KINDS[kind]
    try:
        loading.load_class(kind, provenance)
    except BenchbenchError as error:
        return [f"{BAD} {kind} {explained(provenance, error.__cause__ or error, hook)}"]
    lines = [f"{OK} {kind} {provenance.name} ({provenance.package} {provenance.version})"]
    if provenance.module in {entry.module for entry in loading.extras()}:
        return lines
    return lines + [f"{NOTE} {kind} {provenance}: {text}" for text in stray_hooks(provenance)]


def _extras() -> list[str]:
    """What there is to say of the other plug-ins, after all that they register was asked for."""
    for hook in loading.CORE_MODULES:
        loading.registered(hook)
    loading.add_commands(click.Group())
    faults = loading.faults()
    broken = {fault.entry for fault in faults}
    healthy = [entry for entry in loading.extras() if entry not in broken]
    return [f"{OK} plug-in {e.name} ({e.package} {e.version})" for e in healthy] + [
        f"{BAD} plug-in {explained(fault.entry, fault.error, fault.hook)}" for fault in faults
    ]


def _folders(places: Places) -> list[str]:
    root = places.data_root
    found = f"{OK} data root {root}" if root.is_dir() else f"{NOTE} data root {root} does not exist"
    cache = f"{OK} cache {places.cache}"
    if not can_write(places.cache):
        cache = f"{BAD} cache {places.cache} cannot be written; set BENCHBENCH_CACHE."
    return [found, cache]
