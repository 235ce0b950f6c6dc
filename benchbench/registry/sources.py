"""The Python code of an installed package, without importing any of it."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from benchbench.registry.entry_points import Provenance
from benchbench.registry.inspection import spec_of


def package_sha256(provenance: Provenance) -> str:
    """The hash of all `*.py` files of a plug-in's package and of their relative paths.

    It is that of the files alone: where they lie, and whether the package is installed from a wheel
    or to be edited, does not count, nor do files of other kinds.
    """
    total = hashlib.sha256()
    for name, file in sorted(package_files(provenance).items()):
        total.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def package_files(provenance: Provenance) -> dict[str, Path]:
    """The `*.py` files of a plug-in's package, by their paths from where it is imported.

    They are those that its installation lists, or else, if the plug-in is not among these (as in a
    package that is installed to be edited), those of its top-level modules.
    """
    listed, tops = _installed(provenance.package)
    home = spec_of(_module(provenance))
    if home is not None and home.origin and Path(home.origin).resolve() in listed.values():
        return listed
    tops = list(dict.fromkeys([*tops, _module(provenance).partition(".")[0]]))
    return {name: file for top in tops for name, file in _below(top)}


def _module(provenance: Provenance) -> str:
    return provenance.module.partition(":")[0].strip()


def _installed(package: str) -> tuple[dict[str, Path], list[str]]:
    """The `*.py` files that an installation lists, and its top-level modules if it names them."""
    try:
        distribution = importlib.metadata.distribution(package)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return {}, []
    places = [
        (path.as_posix(), Path(str(path.locate())).resolve())
        for path in distribution.files or ()
        if path.suffix == ".py"
    ]
    tops = (distribution.read_text("top_level.txt") or "").split()
    return {name: file for name, file in places if file.is_file()}, tops


def _below(top: str) -> Iterator[tuple[str, Path]]:
    """The files of a top-level module: itself, or all of a package's."""
    spec = None
    with suppress(ImportError, ValueError):
        spec = spec_of(top)
    if spec is None:
        return
    if spec.submodule_search_locations is None:
        if spec.origin and spec.origin.endswith(".py"):
            yield Path(spec.origin).name, Path(spec.origin)
        return
    for folder in map(Path, spec.submodule_search_locations):
        for file in folder.rglob("*.py"):
            yield f"{top}/{file.relative_to(folder).as_posix()}", file
