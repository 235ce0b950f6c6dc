"""`benchbench doctor`: what is installed, what is broken, what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

import benchbench
from benchbench.cli.options import data_root_option
from benchbench.errors import BenchbenchError
from benchbench.system.texts import legible

if TYPE_CHECKING:
    from benchbench.registry.diagnosis import Finding


@click.command()
@data_root_option
def doctor(data_root: Path | None) -> None:
    """Report on this installation, and on what to repair.

    Libraries, plug-ins and folders are checked. The exit code is 1 if something is broken.
    """
    import platform

    from benchbench.registry.diagnosis import plugin_findings

    click.echo(f"benchbench {benchbench.__version__}, Python {platform.python_version()}")
    findings = [*_libraries(), _compute(), _sandbox(), *plugin_findings(), *_folders(data_root)]
    for mark, text in findings:
        click.echo(legible(f"{mark:<4} {text}"))
    healthy = all(mark != "FAIL" for mark, _ in findings)
    click.echo("Everything works." if healthy else "Mend the lines marked FAIL.")
    sys.exit(int(not healthy))


def _libraries() -> Iterator[Finding]:
    import importlib.metadata

    from benchbench.runs.manifest import LIBRARIES

    yield from (("ok", f"{name} {importlib.metadata.version(name)}") for name in LIBRARIES)
    try:
        from benchbench.system.vision import torchvision

        yield "ok", f"torchvision {torchvision().__version__}"
    except Exception as error:
        fault = f"torchvision cannot be imported ({type(error).__name__}: {error})"
        yield "FAIL", f"{fault}; install the versions of constraints.txt."


def _compute() -> Finding:
    from benchbench.system.compute import configure, machine

    compute, facts = configure(), machine()
    where = facts["gpu"] or f"{facts['processor']}, {facts['cpu_capability']}"
    precision = "bf16" if compute.bf16 else "float32"
    return "ok", f"{compute.device}: {where}, {compute.threads} threads, trains in {precision}"


def _sandbox() -> Finding:
    from benchbench.system.sandbox import landlock_abi, sandbox_support

    if landlock_abi():
        return "ok", f"sandbox for methods: {sandbox_support()}"
    return "note", f"no sandbox for methods: {sandbox_support()}"


def _folders(data_root: Path | None) -> Iterator[Finding]:
    from benchbench.system.files import can_write
    from benchbench.system.library_paths import cache_fault
    from benchbench.system.places import Places

    for library, variable in (("Hugging Face", "HF_HOME"), ("torch", "TORCH_HOME")):
        if fault := cache_fault(variable):
            yield "note", f"no downloads of {library}: {fault}"
    try:
        places = Places.find(data_root)
    except BenchbenchError as error:
        yield "FAIL", str(error)
        return
    if places.data_root.is_dir():
        yield "ok", f"data root {places.data_root}"
    else:
        yield "note", f"data root {places.data_root} does not exist"
    if can_write(places.cache):
        yield "ok", f"cache {places.cache}"
    else:
        yield "FAIL", f"cache {places.cache} cannot be written; set BENCHBENCH_CACHE."
