"""`benchbench list` and `benchbench describe`."""

from __future__ import annotations

import dataclasses
import inspect
import re

from benchbench.errors import unknown_name
from benchbench.registry import entry_points, inspection, loading, specs

DECLARATIONS = (
    "paper",
    "licence",
    "transductive",
    "order_dependent",
    "uses_class_names",
    "pretrained_on",
)

REGISTERED = ("backbone", "sampler", "metric")
"""The kinds beside methods and data sets that can be described."""


def list_command(kind: str) -> str:
    """What is installed of a kind, a line each; `all` is the methods and the data sets.

    Methods and data sets are listed without importing them, and marked where it shows without that
    that they cannot be used; `benchbench doctor` imports them. The other kinds have no entry points
    of their own, so their modules are imported.
    """
    kinds = ["methods", "datasets"] if kind == "all" else [kind]
    lines: list[str] = []
    for each in kinds:
        single = each.removesuffix("s")
        known = _announced(single) if single in entry_points.KINDS else _registered(each)
        width = max(map(len, known), default=0)
        lines.append(f"{each}:")
        lines += [f"  {name:<{width}}  {text} [{home}]" for name, (text, home) in known.items()]
        lines += _shadowed(single) if single in entry_points.KINDS else []
    return "\n".join(lines) + "\n"


def _announced(kind: str) -> dict[str, tuple[str, str]]:
    """Name to summary and package, by entry point."""
    return {
        name: (_summary(provenance), f"{provenance.package} {provenance.version}")
        for name, provenance in entry_points.available(kind).items()
    }


def _summary(provenance: entry_points.Provenance) -> str:
    fault = inspection.visible_fault(provenance)
    return f"BROKEN: {fault}; see `benchbench doctor`" if fault else inspection.summary(provenance)


def _shadowed(kind: str) -> list[str]:
    """A line on each entry point whose name another package holds."""
    holders = entry_points.available(kind)
    return [
        f"  {entry.name}  NOT USED: the name is taken by {holders[entry.name].package} "
        f"[{entry.package} {entry.version}]"
        for entry in entry_points.claimed_twice(kind)
    ]


def _registered(kinds: str) -> dict[str, tuple[str, str]]:
    """Name to summary and module, from the hook `register_<kinds>`."""
    things = loading.registered(f"register_{kinds}")
    return {
        name: ((inspect.getdoc(thing) or "").split("\n", 1)[0], thing.__module__)
        for name, thing in sorted(things.items())
    }


def describe_command(text: str) -> str:
    """The docstring, parameters and declarations of a method or data set, or of a `REGISTERED`.

    All that have the name: `meta_dataset` is a data set and a sampler.
    Parameters in the text may change the declarations: `matchingnet[fce=true]`.
    """
    spec = specs.parse(text)
    name = spec.name
    found = [
        _describe(kind, spec, loading.load(kind, name))
        for kind in entry_points.KINDS
        if name in entry_points.available(kind)
    ]
    known = [name for kind in entry_points.KINDS for name in entry_points.available(kind)]
    for kind in REGISTERED:
        things = loading.registered(f"register_{kind}s")
        if name in things:
            title = f"{name} ({kind} of {things[name].__module__})"
            found.append("\n".join(_explained(title, things[name])) + "\n")
        known += things
    if not found:
        raise unknown_name("method, data set, backbone, sampler or metric", name, known)
    return "\n".join(found)


def _describe(kind: str, spec: specs.Spec, cls: type) -> str:
    provenance = entry_points.available(kind)[spec.name]
    lines = _explained(f"{spec.name} ({kind} of {provenance.package} {provenance.version})", cls)
    if single := getattr(cls, "single", None):
        lines += ["", *_explained(f"{spec.name}:{str(single.argument).upper()}", single), ""]
    declaring = specs.configure(cls, spec) if kind == "method" and spec.parameters else cls
    for attribute in DECLARATIONS:
        value = getattr(declaring, attribute, None)
        if value not in (None, "", ()):
            lines.append(f"{attribute}: {specs.value_text(value)}")
    return "\n".join(lines) + "\n"


def _explained(title: str, cls: type) -> list[str]:
    parameters = _parameters(cls) or ["  none"]
    return [title, "", _documentation(cls), "", "parameters:", *parameters]


def _documentation(cls: type) -> str:
    """The docstring, and what base classes say about parameters that it does not explain."""
    text, inherited = inspect.getdoc(cls) or "No description.", []
    for name in specs.parameter_types(cls):
        explained = re.compile(rf"^(\w+, )*{name}(, \w+)*:.*(\n +.*)*", re.MULTILINE)
        documents = [text, *(inspect.cleandoc(base.__doc__ or "") for base in cls.__mro__)]
        found = next(filter(None, map(explained.search, documents)), None)
        if found is not None and found.string is not text:
            inherited.append(found[0])
    return "\n".join([text, *([""] if inherited else []), *inherited])


def _parameters(cls: type) -> list[str]:
    if not dataclasses.is_dataclass(cls):
        return []
    defaults = {f.name: f.default for f in dataclasses.fields(cls)}
    lines = []
    for name, kind in specs.parameter_types(cls).items():
        required = defaults[name] is dataclasses.MISSING
        default = specs.value_text(defaults[name]) or "nothing"
        default = "required" if required else f"default {default}"
        lines.append(f"  {name}: {specs.type_name(kind)}; {default}")
    if specs.open_parameters(cls):
        lines.append("  any other key: passed on as it is")
    return lines
