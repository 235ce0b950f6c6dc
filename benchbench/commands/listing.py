"""`benchbench list` and `benchbench describe`."""

from __future__ import annotations

import dataclasses
import inspect

from benchbench import plugins, specs
from benchbench.errors import unknown_name


def list_command(kind: str) -> str:
    """The installed methods and data sets, a line each; imports none of them."""
    kinds = ["method", "dataset"] if kind == "all" else [kind.removesuffix("s")]
    lines: list[str] = []
    for each in kinds:
        known = plugins.available(each)
        width = max(map(len, known), default=0)
        lines.append(f"{each}s:")
        for name, provenance in known.items():
            home = f"{provenance.package} {provenance.version}"
            lines.append(f"  {name:<{width}}  {plugins.summary(provenance)} [{home}]")
    return "\n".join(lines) + "\n"


def describe_command(text: str) -> str:
    """The docstring, parameters and declarations of a method or data set."""
    name = specs.parse(text).name
    for kind in plugins.KINDS:
        if name in plugins.available(kind):
            return _describe(kind, name, plugins.load(kind, name))
    known = [name for kind in plugins.KINDS for name in plugins.available(kind)]
    raise unknown_name("method or data set", name, known)


def _describe(kind: str, name: str, cls: type) -> str:
    provenance = plugins.available(kind)[name]
    lines = [f"{name} ({kind} of {provenance.package} {provenance.version})", ""]
    lines += [inspect.getdoc(cls) or "No description.", "", "parameters:"]
    lines += _parameters(cls) or ["  none"]
    for attribute in ("paper", "licence", "transductive", "uses_class_names", "pretrained_on"):
        value = getattr(cls, attribute, None)
        if value not in (None, "", ()):
            lines.append(f"{attribute}: {specs.value_text(value)}")
    return "\n".join(lines) + "\n"


def _parameters(cls: type) -> list[str]:
    if not dataclasses.is_dataclass(cls):
        return []
    defaults = {f.name: f.default for f in dataclasses.fields(cls)}
    lines = []
    for name, kind in specs.parameter_types(cls).items():
        required = defaults[name] is dataclasses.MISSING
        default = "required" if required else f"default {specs.value_text(defaults[name])}"
        lines.append(f"  {name}: {specs.type_name(kind)}; {default}")
    return lines
