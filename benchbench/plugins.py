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
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pluggy

import benchbench
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

BASES = {
    "register_methods": "Method",
    "register_datasets": "Dataset",
    "register_samplers": "Sampler",
    "register_backbones": "Backbone",
}
"""The public class that what a hook hands over derives from; the others hand over functions."""

EXTRAS_GROUP = "benchbench.plugins"


@dataclass(frozen=True)
class Provenance:
    """Where a plug-in comes from."""

    name: str
    module: str
    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} of {self.package}"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a module of the group `benchbench.plugins`.

    hook: the one that it failed in; nothing where the module is left out as a whole.
    """

    entry: Provenance
    error: BaseException
    hook: str = ""


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
    handed: list[Any] = []
    try:
        module = importlib.import_module(provenance.module)
        getattr(module, hook)(handed.append)
    except (Exception, SystemExit) as error:
        raise BenchbenchError(
            f"The {kind} '{provenance.name}' of package {provenance.package} cannot be loaded "
            f"({type(error).__name__}: {error}); `benchbench doctor` says more."
        ) from error
    classes = {_name_of(thing): thing for thing in handed}
    if provenance.name not in classes:
        raise BenchbenchError(
            f"Package {provenance.package} announces the {kind} '{provenance.name}' but registers "
            f"{', '.join(sorted(classes)) or 'none'}; its entry point needs the name of the class."
        )
    cls: type = classes[provenance.name]
    if wrong := _wrong_kind(hook, cls):
        raise BenchbenchError(
            f"What package {provenance.package} registers as the {kind} '{provenance.name}' {wrong}"
        )
    return cls


def _name_of(thing: Any) -> str:
    return str(getattr(thing, "name", None) or getattr(thing, "__name__", None) or repr(thing))


def _wrong_kind(hook: str, thing: Any) -> str:
    """How a thing is not what the hook is for, after its name; nothing where it is."""
    if hook not in BASES:
        return "" if callable(thing) else "is not a function."
    base = BASES[hook]
    if isinstance(thing, type) and issubclass(thing, getattr(benchbench, base)):
        return ""
    return f"is not a subclass of benchbench.{base}; derive its class from that."


def summary(provenance: Provenance) -> str:
    """The first line of the class's docstring, read from its source without importing it.

    The class is in the module that the entry point names, or where that has its hook from.
    """
    try:
        found = _class_in(_tree(provenance.module), provenance.name)
        if found is None:
            found = _class_in(_tree(_home_of_hooks(provenance.module)), provenance.name)
    except SyntaxError:
        return ""
    return (ast.get_docstring(found) or "").split("\n", 1)[0] if found else ""


def _class_in(tree: ast.Module, name: str) -> ast.ClassDef | None:
    """The class that declares a name."""
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return next((node for node in classes if _declared_name(node) == name), None)


def _home_of_hooks(module: str) -> str:
    """The module that this one imports a hook of `KINDS` from; itself where it does not."""
    hooks = {hook for _, hook in KINDS.values()}
    spec = _spec_of(module)
    package = spec.name if spec and spec.submodule_search_locations else module.rpartition(".")[0]
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and hooks & {alias.name for alias in node.names}:
            return importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    return module


def visible_fault(provenance: Provenance) -> str:
    """What is wrong with a plug-in, as far as that shows without importing it; or nothing."""
    if _spec_of(provenance.module) is None:
        return f"there is no module {provenance.module}"
    try:
        _tree(provenance.module)
    except SyntaxError as error:
        return f"a syntax error in line {error.lineno} of {provenance.module}"
    return ""


def _tree(module: str) -> ast.Module:
    """A module's source, parsed; empty where it has none. Raises SyntaxError."""
    spec = _spec_of(module)
    try:
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        return ast.parse(source)
    except (OSError, UnicodeDecodeError):
        return ast.parse("")
    except ValueError as error:  # null bytes, before Python 3.12
        raise SyntaxError(str(error)) from error


def _spec_of(module: str) -> ModuleSpec | None:
    """Where a module is, or None; its parent packages are located, not imported."""
    spec, place, name = None, None, ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = _located(name, place)
        if spec is None or name == module:
            break
        if spec.submodule_search_locations is None:
            return None
        place = list(spec.submodule_search_locations)
    return spec


def _located(name: str, place: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, place)
        except (ImportError, ValueError, AttributeError):
            continue
        if spec is not None:
            return spec
    return None


def place_of(error: BaseException, module: str) -> str:
    """The last line of the plug-in's own that the error passed through, or nothing."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    spec = _spec_of(module.split(".")[0])
    homes = [*(spec.submodule_search_locations or []), spec.origin] if spec else []
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if any(home and Path(frame.filename).is_relative_to(home) for home in homes):
            return f"{frame.filename}, line {frame.lineno}"
    return ""


def _declared_name(node: ast.ClassDef) -> str | None:
    for statement in node.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name)))
                | ast.AnnAssign(target=ast.Name(id="name"), value=ast.Constant(value=str(name)))
            ):
                return name
    return None


@dataclass
class _Extras:
    """The modules of `benchbench.plugins` under pluggy, by `str` of their entry point."""

    manager: pluggy.PluginManager = field(
        default_factory=lambda: pluggy.PluginManager("benchbench")
    )
    entries: dict[str, Provenance] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def admit(self, entry: Provenance) -> None:
        """Register a module, or nothing of it where one of its hooks does not exist."""
        self.entries[str(entry)] = entry
        try:
            module = importlib.import_module(entry.module)
            try:
                self.manager.register(module, str(entry))
                self.manager.check_pending()
            except Exception:
                if self.manager.get_name(module) == str(entry):
                    self.manager.unregister(module)
                raise
        except (Exception, SystemExit) as error:
            self.faults.append(Fault(entry, error))
            log.warning("plug-in %s is left out: %s", entry, _told(error, entry))


@cache
def _extras() -> _Extras:
    extras = _Extras()
    extras.manager.add_hookspecs(hookspecs)
    for entry in sorted(_entries(EXTRAS_GROUP), key=lambda entry: (entry.package, entry.name)):
        extras.admit(entry)
    return extras


def _told(error: BaseException, entry: Provenance | None) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    place = place_of(error, entry.module) if entry else ""
    return f"{text} ({place})" if place else text


def extras() -> list[Provenance]:
    """The modules of `benchbench.plugins`, whether or not they work."""
    return list(_extras().entries.values())


def broken_extras() -> dict[str, BaseException]:
    """The modules of `benchbench.plugins` that were left out, each with its error."""
    return {str(fault.entry): fault.error for fault in faults() if not fault.hook}


def faults() -> list[Fault]:
    """What is wrong with the modules of `benchbench.plugins`, as far as they were used."""
    return list(_extras().faults)


def _implementations(hook: str) -> Iterator[pluggy.HookImpl]:
    manager = _extras().manager
    core = CORE_MODULES.get(hook)
    if core and not manager.has_plugin(core):
        manager.register(importlib.import_module(core), core)
    implementations = getattr(manager.hook, hook).get_hookimpls()
    yield from sorted(implementations, key=lambda impl: impl.plugin_name != core)


def _error_in(
    implementation: pluggy.HookImpl, arguments: dict[str, Any]
) -> Exception | SystemExit | None:
    """Call one implementation; what it raises is the answer."""
    try:
        implementation.function(*(arguments[name] for name in implementation.argnames))
    except (Exception, SystemExit) as error:
        return error
    return None


def _warn(implementation: pluggy.HookImpl, hook: str, error: BaseException) -> None:
    name = implementation.plugin_name
    entry = _extras().entries.get(name)
    log.warning("plug-in %s failed in %s: %s", name, hook, _told(error, entry))


def _record(implementation: pluggy.HookImpl, hook: str, error: BaseException) -> None:
    """Warn of a failure, and keep it for `faults`."""
    _warn(implementation, hook, error)
    if entry := _extras().entries.get(implementation.plugin_name):
        _extras().faults.append(Fault(entry, error, hook))


def _collected(implementation: pluggy.HookImpl, hook: str) -> list[tuple[Any, ...]]:
    """The arguments of each call of `register`."""
    handed: list[tuple[Any, ...]] = []

    def register(*arguments: Any) -> None:
        handed.append(arguments)

    if error := _error_in(implementation, {"register": register}):
        _record(implementation, hook, error)
    return handed


@cache
def registered(hook: str) -> dict[str, Any]:
    """All that `register_samplers`, `..._metrics`, `..._backbones` or `..._reporters` hand over.

    The first to register a name keeps it, and benchbench's own come first.
    """
    things: dict[str, Any] = {}
    for implementation in _implementations(hook):
        for arguments in _collected(implementation, hook):
            try:
                _keep(things, hook, *arguments)
            except (BenchbenchError, TypeError) as error:
                _record(implementation, hook, error)
    return things


def _keep(things: dict[str, Any], hook: str, first: Any, second: Any = None) -> None:
    """Add one thing. Raises BenchbenchError where it is of the wrong kind or its name is taken."""
    name, thing = (first, second) if isinstance(first, str) else (_name_of(first), first)
    if wrong := _wrong_kind(hook, thing):
        raise BenchbenchError(f"'{name}' {wrong}")
    holder = things.setdefault(name, thing)
    if holder is not thing:
        raise BenchbenchError(f"The name '{name}' is taken by {holder.__module__}; rename it.")


def find(hook: str, kind: str, name: str) -> Any:
    """One registered thing by name. Raises BenchbenchError with the nearest names."""
    things = registered(hook)
    if name not in things:
        raise unknown_name(kind, name, things)
    return things[name]


def add_commands(group: Any) -> None:
    """Let plug-ins add their commands to the command line."""
    for implementation in _implementations("register_commands"):
        if error := _error_in(implementation, {"group": group}):
            _record(implementation, "register_commands", error)


def observer(hook: str) -> Callable[..., None]:
    """A function that notifies the observers of `hook`; free of cost where there are none.

    An observer that raises is reported the first time only, and harms no other.
    """
    implementations = list(_implementations(hook))
    reported: set[str] = set()

    def notify(**arguments: Any) -> None:
        for implementation in implementations:
            error = _error_in(implementation, arguments)
            if error and implementation.plugin_name not in reported:
                reported.add(implementation.plugin_name)
                _warn(implementation, hook, error)

    return notify
