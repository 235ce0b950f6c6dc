"""Loading plug-ins: only those in use are imported, and a broken one does not affect the others.

Methods and data sets are looked up by entry-point name. The modules of `benchbench.plugins` are
imported together, when the first of their hooks is needed.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import pluggy

from benchbench.errors import BenchbenchError, unknown_name
from benchbench.registry import hookspecs, specs
from benchbench.registry.entry_points import EXTRAS_GROUP, KINDS, Provenance, announced, available
from benchbench.registry.inspection import place_of

log = logging.getLogger("benchbench")

CORE_MODULES = {
    "register_samplers": "benchbench.samplers",
    "register_metrics": "benchbench.metrics",
    "register_backbones": "benchbench.backbones",
    "register_augmentations": "benchbench.augmentations",
    "register_class_vectors": "benchbench.learners.class_vectors",
    "register_reporters": "benchbench.results.reporters",
    "register_engines": "benchbench.grid",
}
"""The modules of benchbench itself that take part in a hook."""

BASES = {
    "register_methods": ["benchbench.method.Method"],
    "register_datasets": [
        "benchbench.datasets.base.Dataset",
        "benchbench.datasets.problem.Collection",
    ],
    "register_samplers": ["benchbench.samplers.base.Sampler"],
    "register_backbones": ["benchbench.backbones.base.Backbone"],
    "register_engines": ["benchbench.grid.engine.GridEngine"],
    "register_augmentations": ["benchbench.augmentations.base.Augmentation"],
    "register_class_vectors": ["benchbench.learners.class_vectors.ClassVectors"],
    "register_pretrainings": ["benchbench.learners.pretraining.Pretraining"],
}
"""The classes that a hook's classes derive from, by full name; the other hooks take functions."""


@dataclass(frozen=True)
class Fault:
    """An error of a module of `benchbench.plugins`; no hook means that all of it is left out."""

    entry: Provenance
    error: BaseException
    hook: str = ""


def load(kind: str, name: str) -> type:
    """The class registered under `name`. Raises BenchbenchError if none is or it is broken."""
    found = available(kind)
    if name not in found:
        raise _unknown(kind, name)
    return load_class(kind, found[name])


def check_names(kind: str, texts: Iterable[str]) -> None:
    """Raise BenchbenchError for a spec whose name is not announced. Nothing is imported."""
    for name in (specs.parse(text).name for text in texts):
        if name not in available(kind):
            raise _unknown(kind, name)


def _unknown(kind: str, name: str) -> BenchbenchError:
    """The error for a name of this kind that is not announced."""
    if kind == "method" and name in available("pretraining"):
        return BenchbenchError(
            f"'{name}' is an objective of pre-training and no method; write METHOD[pretrain={name}]"
            " with a method that starts from a network."
        )
    return unknown_name(kind, name, available(kind))


def load_class(kind: str, provenance: Provenance) -> type:
    """Import the plug-in's module and take the class of the entry point's name from its hook."""
    _, hook = KINDS[kind]
    things: list[Any] = []
    try:
        module = importlib.import_module(provenance.module)
        getattr(module, hook)(things.append)
    except (Exception, SystemExit) as error:
        raise BenchbenchError(
            f"The {kind} '{provenance.name}' of package {provenance.package} cannot be loaded "
            f"({type(error).__name__}: {error}); `benchbench doctor` says more."
        ) from error
    classes = {_name_of(thing): thing for thing in things}
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
    """Why the hook does not accept a thing, as the end of a sentence; empty if it does."""
    if hook not in BASES:
        return "" if callable(thing) else "is not a function."
    bases = tuple(pkgutil.resolve_name(name) for name in BASES[hook])
    if isinstance(thing, type) and issubclass(thing, bases):
        return ""
    return f"is not a subclass of benchbench.{bases[0].__name__}; derive its class from that."


@dataclass
class Extras:
    """The modules of `benchbench.plugins` under pluggy, by `str` of their entry point."""

    manager: pluggy.PluginManager
    entries: dict[str, Provenance] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def admit(self, entry: Provenance) -> None:
        """Register a module, but none of it if one of its hooks does not exist."""
        self.entries[str(entry)] = entry
        try:
            self.manager.register(importlib.import_module(entry.module), str(entry))
            self.manager.check_pending()
        except (Exception, SystemExit) as error:
            if self.manager.has_plugin(str(entry)):
                self.manager.unregister(name=str(entry))
            self.faults.append(Fault(entry, error))
            log.warning("plug-in %s is left out: %s", entry, _described(error, entry))


@cache
def extras() -> Extras:
    """All modules of `benchbench.plugins`, imported at the first call, whether or not they work."""
    found = Extras(pluggy.PluginManager("benchbench"))
    found.manager.add_hookspecs(hookspecs)
    for entry in sorted(announced(EXTRAS_GROUP), key=lambda entry: (entry.package, entry.name)):
        found.admit(entry)
    return found


def _described(error: BaseException, entry: Provenance | None) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    place = place_of(error, entry.module) if entry else ""
    return f"{text} ({place})" if place else text


def broken_extras() -> dict[str, BaseException]:
    """The modules of `benchbench.plugins` that were left out, each with its error."""
    return {str(fault.entry): fault.error for fault in extras().faults if not fault.hook}


def _implementations(hook: str) -> Iterator[pluggy.HookImpl]:
    manager = extras().manager
    core = CORE_MODULES.get(hook)
    if core and not manager.has_plugin(core):
        manager.register(importlib.import_module(core), core)
    implementations = getattr(manager.hook, hook).get_hookimpls()
    yield from sorted(implementations, key=lambda impl: impl.plugin_name != core)


def _error_in(
    implementation: pluggy.HookImpl, arguments: dict[str, Any]
) -> Exception | SystemExit | None:
    try:
        implementation.function(*(arguments[name] for name in implementation.argnames))
    except (Exception, SystemExit) as error:
        return error
    return None


def _record(implementation: pluggy.HookImpl, hook: str, error: BaseException) -> None:
    name = implementation.plugin_name
    entry = extras().entries.get(name)
    log.warning("plug-in %s failed in %s: %s", name, hook, _described(error, entry))
    if entry:
        extras().faults.append(Fault(entry, error, hook))


@cache
def registered(hook: str) -> dict[str, Any]:
    """What plug-ins register with this hook, by name; the first has it, core first."""
    things: dict[str, Any] = {}
    for implementation in _implementations(hook):
        register = partial(_register, things, hook, implementation)
        if error := _error_in(implementation, {"register": register}):
            _record(implementation, hook, error)
    return things


def _register(
    things: dict[str, Any], hook: str, implementation: pluggy.HookImpl, *arguments: Any
) -> None:
    """What a plug-in calls with one thing: a mistake in it does not affect the others."""
    try:
        _keep(things, hook, *arguments)
    except (BenchbenchError, TypeError) as error:
        _record(implementation, hook, error)


def _keep(things: dict[str, Any], hook: str, first: Any, second: Any = None) -> None:
    """Add one thing. Raises BenchbenchError if it is of the wrong kind or its name is taken."""
    name, thing = (first, second) if isinstance(first, str) else (_name_of(first), first)
    if wrong := _wrong_kind(hook, thing):
        raise BenchbenchError(f"'{name}' {wrong}")
    if (holder := things.setdefault(name, thing)) is not thing:
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
    """A function that notifies the observers of `hook`, and reports each that raises once."""
    implementations = list(_implementations(hook))
    reported: set[str] = set()

    def notify(**arguments: Any) -> None:
        for implementation in implementations:
            error = _error_in(implementation, arguments)
            if error and implementation.plugin_name not in reported:
                reported.add(implementation.plugin_name)
                _record(implementation, hook, error)

    return notify
