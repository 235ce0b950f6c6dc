"""Finding plug-ins by entry point: what is not used stays unimported, a broken one harms no other.

Methods and data sets are looked up by entry-point name, so that naming them imports nothing. The
modules of the group `benchbench.plugins` (observers, reporters, commands, metrics, samplers,
backbones) are imported together, when the first of their hooks is needed.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from benchbench import hookspecs
from benchbench.errors import BenchbenchError, unknown_name

log = logging.getLogger("benchbench")

KINDS = {
    "method": ("benchbench.methods", "register_methods"),
    "dataset": ("benchbench.datasets", "register_datasets"),
}
"""What is looked up by entry-point name: its group and the hook that hands over the classes."""

CORE_MODULES = {
    "register_samplers": "benchbench.samplers",
    "register_metrics": "benchbench.metrics",
    "register_backbones": "benchbench.backbones",
    "register_reporters": "benchbench.reporters",
}
"""The modules of benchbench itself that take part in a hook."""

EXTRAS_GROUP = "benchbench.plugins"


@dataclass(frozen=True)
class Provenance:
    """Where a plug-in comes from."""

    name: str
    module: str
    package: str
    version: str


def available(kind: str) -> dict[str, Provenance]:
    """The names of a kind (`method` or `dataset`) with their provenance; imports none of them.

    A name that several packages claim belongs to benchbench, or else to the first by package name.
    """
    group, _ = KINDS[kind]
    found: dict[str, Provenance] = {}
    for entry in sorted(_entries(group), key=lambda p: (p.package != "benchbench", p.package)):
        found.setdefault(entry.name, entry)
    return dict(sorted(found.items()))


def claimed_twice(kind: str) -> list[Provenance]:
    """Entry points whose name another package holds already; they are never loaded."""
    group, _ = KINDS[kind]
    holders = available(kind)
    return [entry for entry in _entries(group) if holders[entry.name] != entry]


def _entries(group: str) -> list[Provenance]:
    entries = []
    for entry in importlib.metadata.entry_points(group=group):
        package, version = (entry.dist.name, entry.dist.version) if entry.dist else ("?", "?")
        entries.append(Provenance(entry.name, entry.value, package, version))
    return list(dict.fromkeys(entries))


def load(kind: str, name: str) -> type:
    """The class registered under `name`. Raises BenchbenchError where none is or it is broken."""
    known = available(kind)
    if name not in known:
        raise unknown_name(kind, name, known)
    return load_class(kind, known[name])


def load_class(kind: str, provenance: Provenance) -> type:
    """Import the plug-in's module and take the class of the entry point's name from its hook."""
    _, hook = KINDS[kind]
    classes: dict[str, type] = {}
    try:
        module = importlib.import_module(provenance.module)
        getattr(module, hook)(lambda cls: classes.__setitem__(cls.name, cls))
    except (Exception, SystemExit) as error:
        raise BenchbenchError(
            f"The {kind} '{provenance.name}' of package {provenance.package} cannot be loaded "
            f"({type(error).__name__}: {error}); `benchbench doctor` says more."
        ) from error
    if provenance.name not in classes:
        raise BenchbenchError(
            f"Package {provenance.package} announces the {kind} '{provenance.name}' but registers "
            f"{', '.join(sorted(classes)) or 'none'}; its entry point needs the name of the class."
        )
    return classes[provenance.name]


def summary(provenance: Provenance) -> str:
    """The first line of the class's docstring, read from its source without importing it."""
    path = _source_of(provenance.module)
    if path is None:
        return ""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and _declared_name(node) == provenance.name:
            return (ast.get_docstring(node) or "").split("\n", 1)[0]
    return ""


def _source_of(module: str) -> Path | None:
    """A module's source file; its parent packages are located, not imported."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        for depth, _ in enumerate(rest, start=1):
            if spec is None or spec.submodule_search_locations is None:
                return None
            name = ".".join([top, *rest[:depth]])
            spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _declared_name(node: ast.ClassDef) -> str | None:
    for statement in node.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name)))
                | ast.AnnAssign(target=ast.Name(id="name"), value=ast.Constant(value=str(name)))
            ):
                return name
    return None


@cache
def _manager() -> tuple[pluggy.PluginManager, dict[str, BaseException]]:
    """The pluggy manager of the extras, and the extras that were left out, with the reason."""
    manager = pluggy.PluginManager("benchbench")
    manager.add_hookspecs(hookspecs)
    broken: dict[str, BaseException] = {}
    for entry in _entries(EXTRAS_GROUP):
        try:
            _admit(manager, importlib.import_module(entry.module), entry.name)
        except (Exception, SystemExit) as error:
            broken[entry.name] = error
            log.warning("plug-in %s is left out: %s: %s", entry.name, type(error).__name__, error)
    return manager, broken


def _admit(manager: pluggy.PluginManager, module: ModuleType, name: str) -> None:
    """Register a module, or nothing of it where one of its hooks does not exist."""
    manager.register(module, name)
    try:
        manager.check_pending()
    except Exception:
        manager.unregister(module)
        raise


def broken_extras() -> dict[str, BaseException]:
    """The modules of `benchbench.plugins` that were left out, each with its error."""
    return dict(_manager()[1])


def _implementations(hook: str) -> Iterator[pluggy.HookImpl]:
    manager, _ = _manager()
    core = CORE_MODULES.get(hook)
    if core and not manager.has_plugin(core):
        manager.register(importlib.import_module(core), core)
    implementations = getattr(manager.hook, hook).get_hookimpls()
    yield from sorted(implementations, key=lambda impl: impl.plugin_name != core)


def _call_each(hook: str, **arguments: Any) -> None:
    """Call every implementation; one that raises is reported and harms no other."""
    for implementation in _implementations(hook):
        try:
            implementation.function(*(arguments[name] for name in implementation.argnames))
        except Exception as error:
            log.warning(
                "plug-in %s failed in %s: %s: %s",
                implementation.plugin_name,
                hook,
                type(error).__name__,
                error,
            )


@cache
def registered(hook: str) -> dict[str, Any]:
    """All that `register_samplers`, `..._metrics`, `..._backbones` or `..._reporters` hand over.

    The first to register a name keeps it, and benchbench's own come first.
    """
    things: dict[str, Any] = {}

    def register(first: Any, second: Any = None) -> None:
        if isinstance(first, str):
            things.setdefault(first, second)
        else:
            things.setdefault(getattr(first, "name", None) or first.__name__, first)

    _call_each(hook, register=register)
    return things


def find(hook: str, kind: str, name: str) -> Any:
    """One registered thing by name. Raises BenchbenchError with the nearest names."""
    things = registered(hook)
    if name not in things:
        raise unknown_name(kind, name, things)
    return things[name]


def add_commands(group: Any) -> None:
    """Let plug-ins add their commands to the command line."""
    _call_each("register_commands", group=group)


def observer(hook: str) -> Callable[..., None]:
    """A function that notifies the observers of `hook`; free of cost where there are none."""
    if not list(_implementations(hook)):
        return lambda **arguments: None
    return lambda **arguments: _call_each(hook, **arguments)
