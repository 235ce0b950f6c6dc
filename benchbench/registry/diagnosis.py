"""The diagnosis of a broken plug-in in one line: the error, its place, and the cure."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click
import pluggy

from benchbench.errors import BenchbenchError
from benchbench.registry import entry_points, hookspecs, inspection, loading
from benchbench.registry.entry_points import Provenance

HOOKS = {
    name: tuple(inspect.signature(function).parameters)
    for name, function in vars(hookspecs).items()
    if hasattr(function, "benchbench_spec")
}
"""Every hook, with its arguments."""

Finding = tuple[str, str]
"""`ok`, `note` or `FAIL`, and the text of a line."""


def plugin_findings() -> Iterator[Finding]:
    """What there is to say of each method, data set and other plug-in; all of them are imported."""
    for kind in entry_points.KINDS:
        known = entry_points.available(kind)
        for provenance in known.values():
            yield from _of_class(kind, provenance)
        for entry in entry_points.claimed_twice(kind):
            taken = f"the name is taken by package {known[entry.name].package}"
            yield "FAIL", f"{kind} {entry}: {taken}; rename it."
    for hook in loading.CORE_MODULES:
        loading.registered(hook)
    loading.add_commands(click.Group())
    faults = loading.extras().faults
    for entry in loading.extras().entries.values():
        if entry not in [fault.entry for fault in faults]:
            yield "ok", f"plug-in {entry.name} ({entry.package} {entry.version})"
    for fault in faults:
        yield "FAIL", f"plug-in {explained(fault.entry, fault.error, fault.hook)}"


def _of_class(kind: str, provenance: Provenance) -> Iterator[Finding]:
    _, hook = entry_points.KINDS[kind]
    try:
        loading.load_class(kind, provenance)
    except BenchbenchError as error:
        yield "FAIL", f"{kind} {explained(provenance, error.__cause__ or error, hook)}"
        return
    yield "ok", f"{kind} {provenance.name} ({provenance.package} {provenance.version})"
    if provenance.module not in {entry.module for entry in loading.extras().entries.values()}:
        yield from (("note", f"{kind} {provenance}: {text}") for text in stray_hooks(provenance))


def explained(entry: Provenance, error: BaseException, hook: str = "") -> str:
    """A line on a plug-in that failed in `hook`: the error, its line in the plug-in, the cure."""
    if isinstance(error, BenchbenchError):
        return f"{entry}: {error}"
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    text = " ".join(f"{type(error).__name__}: {message}".split()).rstrip(".")
    place = inspection.place_of(error, entry.module)
    where = f" ({place})" if place else ""
    return f"{entry}: {text}{where}; {_cure(entry, error, hook)}."


def _cure(entry: Provenance, error: BaseException, hook: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        if f"{entry.module}.".startswith(f"{error.name}."):
            return f"correct the entry point of {entry.package}, and install it again"
        name = error.name.split(".")[0]
        return f"install {name}, and name it in the dependencies of {entry.package}"
    if isinstance(error, ImportError):
        return f"install versions of {entry.package} and of what it imports that fit together"
    module = sys.modules.get(entry.module)
    names = vars(module) if module else {}
    if isinstance(error, pluggy.PluginValidationError):
        return _cure_refused(names)
    if isinstance(error, AttributeError) and names and hook not in names:
        return _cure_absent(hook, names)
    if isinstance(error, TypeError) and not inspection.place_of(error, entry.module):
        return f"it has to be {_signature(hook)}, and to give register what docs/hooks.md says"
    return f"mend that line, or uninstall {entry.package}"


def _cure_refused(names: dict[str, Any]) -> str:
    marked = _marked(names)
    if unknown := [name for name in marked if name not in HOOKS]:
        return _renaming(unknown[0])
    wrong = [
        name
        for name, function in marked.items()
        if not set(inspect.signature(function).parameters) <= set(HOOKS[name])
    ]
    return f"it has to be {' and '.join(map(_signature, wrong))}"


def _cure_absent(hook: str, names: Iterable[str]) -> str:
    others = [name for name in names if name not in HOOKS]
    for close in difflib.get_close_matches(hook, others, n=1, cutoff=0.8):
        return f"rename {close} to {hook}"
    return f"add {_signature(hook)}, marked @benchbench.hookimpl"


def stray_hooks(entry: Provenance) -> list[str]:
    """A sentence on each hook in a method's or data set's module that is never called there."""
    called, group = {hook for _, hook in entry_points.KINDS.values()}, entry_points.EXTRAS_GROUP
    found = []
    for name in _marked(vars(sys.modules[entry.module])):
        if name not in HOOKS:
            found.append(f"there is no hook {name}; {_renaming(name)}.")
        elif name not in called:
            found.append(f"{name} is called only in the group {group}; announce the module there.")
    return found


def _marked(names: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    return {name: value for name, value in names.items() if hasattr(value, "benchbench_impl")}


def _renaming(name: str) -> str:
    close = difflib.get_close_matches(name, HOOKS, n=1)
    return f"rename it to {close[0]}" if close else "docs/hooks.md has all hooks"


def _signature(hook: str) -> str:
    return f"{hook}({', '.join(HOOKS[hook])})"
