"""What a Python process with these libraries reads: itself, packages, shared libraries, weights."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from benchbench.errors import BenchbenchError
from benchbench.system.files import can_write
from benchbench.system.places import NO_HOME, expanded

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/nix/store")
"""Programs, shared libraries, fonts, locales, time zones and the system's settings."""


def library_paths() -> list[Path]:
    """The files and folders that exist, resolved, none below another.

    Of the cache of Hugging Face, only models: data sets with their labels are in it as well.
    """
    candidates = [*SYSTEM, *_python(), *_packages(), *_weights()]
    # Not `Path.exists`, which raises PermissionError below a folder that is another user's.
    paths = {Path(path).resolve() for path in candidates if os.path.exists(path)}  # noqa: PTH110
    return sorted(path for path in paths if paths.isdisjoint(path.parents))


def _python() -> Iterator[str]:
    yield from (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
    yield from (path or os.getcwd() for path in sys.path)
    yield from filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep))
    yield "/etc/resolv.conf"  # often a link to a place of its own


def _packages() -> Iterator[str]:
    """Packages that are found by hooks: those that are imported, and all of setuptools' hooks."""
    modules = list(sys.modules.items())
    for name, module in modules:
        if "." not in name:
            yield from getattr(module, "__path__", ())
    for _, module in modules:
        if getattr(module, "__name__", "").startswith("__editable__"):
            for path in map(Path, getattr(module, "MAPPING", {}).values()):
                yield str(path)
                yield from map(str, path.parent.glob(f"{path.name}.*"))


def model_caches() -> dict[str, str]:
    """The folders of downloaded weights, by the environment variable that names each.

    One in a home folder is left out if this user has none.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    hugging_face = Path(os.environ.get("HF_HOME") or caches / "huggingface")
    hub = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    folders = {
        "HF_HOME": hugging_face,
        "HF_HUB_CACHE": Path(hub or hugging_face / "hub"),
        "TORCH_HOME": Path(os.environ.get("TORCH_HOME") or caches / "torch"),
    }
    found = {}
    for name, path in folders.items():
        with suppress(BenchbenchError):
            found[name] = str(expanded(path).absolute())
    return found


def _weights() -> Iterator[str]:
    caches = model_caches()
    if torch := caches.get("TORCH_HOME"):
        yield torch
    if hub := caches.get("HF_HUB_CACHE"):
        with suppress(PermissionError):
            yield from map(str, Path(hub).glob("models--*"))


def cache_fault(variable: str) -> str:
    """Why a library cannot keep what it downloads, in one sentence; empty if it can.

    variable: the one that names its cache.
    """
    folder = model_caches().get(variable)
    if folder is None:
        return NO_HOME.format(variable)
    if can_write(Path(folder)):
        return ""
    return f"Cannot write to the cache {folder}; set {variable} to a folder that you may write to."
