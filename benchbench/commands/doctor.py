"""`benchbench doctor`: what is installed, what is broken, what to do."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

import benchbench
from benchbench import plugins
from benchbench.errors import BenchbenchError
from benchbench.files import can_write
from benchbench.manifest import LIBRARIES
from benchbench.places import Places

OK, BAD, NOTE = "ok  ", "FAIL", "note"


def diagnose(data_root: Path | None = None) -> tuple[str, bool]:
    """The report, and whether nothing is broken."""
    lines = [f"benchbench {benchbench.__version__}, Python {platform.python_version()}"]
    lines += _libraries() + _compute() + _plugins() + _folders(Places.find(data_root))
    healthy = not any(line.startswith(BAD) for line in lines)
    lines.append("Everything works." if healthy else "Mend the lines marked FAIL.")
    return "\n".join(lines) + "\n", healthy


def _libraries() -> list[str]:
    lines = [f"{OK} {name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    try:
        from benchbench.vision import torchvision

        lines.append(f"{OK} torchvision {torchvision().__version__}")
    except Exception as error:
        lines.append(
            f"{BAD} torchvision cannot be imported ({type(error).__name__}: {error}); "
            "install the versions of constraints.txt."
        )
    return lines


def _compute() -> list[str]:
    from benchbench.compute import configure, machine

    compute, facts = configure(), machine()
    where = facts["gpu"] or f"{facts['processor']}, {facts['cpu_capability']}"
    precision = "bf16" if compute.bf16 else "float32"
    return [f"{OK} {compute.device}: {where}, {compute.threads} threads, trains in {precision}"]


def _plugins() -> list[str]:
    lines = []
    for kind in plugins.KINDS:
        for name, provenance in plugins.available(kind).items():
            try:
                plugins.load_class(kind, provenance)
                lines.append(f"{OK} {kind} {name} ({provenance.package} {provenance.version})")
            except BenchbenchError as error:
                cause = error.__cause__
                because = f"{type(cause).__name__}: {cause}" if cause else str(error)
                lines.append(f"{BAD} {kind} {name} of {provenance.package}: {because}")
        lines += [
            f"{BAD} {kind} {entry.name} of {entry.package}: the name is taken; rename it."
            for entry in plugins.claimed_twice(kind)
        ]
    lines += [
        f"{BAD} plug-in {name}: {type(error).__name__}: {error}"
        for name, error in plugins.broken_extras().items()
    ]
    return lines


def _folders(places: Places) -> list[str]:
    root = places.data_root
    found = f"{OK} data root {root}" if root.is_dir() else f"{NOTE} data root {root} does not exist"
    cache = f"{OK} cache {places.cache}"
    if not can_write(places.cache):
        cache = f"{BAD} cache {places.cache} cannot be written; set BENCHBENCH_CACHE."
    return [found, cache]
