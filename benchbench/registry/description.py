"""What a plug-in says of itself: its docstring, parameters and declarations."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

from benchbench.errors import unknown_name
from benchbench.registry import entry_points, loading, specs
from benchbench.registry.declarations import by_default, paper_address

DECLARATIONS = (
    "family",
    "paper",
    "licence",
    "transductive",
    "order_dependent",
    "fixed_way",
    "uses_class_names",
    "uses_attributes",
    "uses_validation",
    "uses_unlabelled",
    "pretrained_on",
)

REGISTERED = {
    "backbone": "register_backbones",
    "augmentation": "register_augmentations",
    "sampler": "register_samplers",
    "metric": "register_metrics",
    "engine": "register_engines",
    "class vectors": "register_class_vectors",
}
"""The hooks of the kinds that no entry point announces by name."""


def described(text: str) -> list[str]:
    """A description of all that the spec names. Raises BenchbenchError if nothing has the name."""
    spec = specs.parse(text)
    found: list[str] = []
    known: list[str] = []
    for kind in entry_points.KINDS:
        available = entry_points.available(kind)
        if spec.name in available:
            cls = loading.load(kind, spec.name)
            home = f"{available[spec.name].package} {available[spec.name].version}"
            declaring = _declaring(cls, spec) if kind == "method" else cls
            text = _explained(f"{spec.name} ({kind} of {home})", cls)
            if single := getattr(cls, "single", None):  # the class of one of a collection
                title = f"{spec.name}:{str(single.argument).upper()}"
                text += f"\n{_explained(title, single)}\n"
            found.append(text + _declarations(declaring))
        known += available
    for kind, hook in REGISTERED.items():
        things = loading.registered(hook)
        if spec.name in things:
            thing = things[spec.name]
            found.append(_explained(f"{spec.name} ({kind} of {thing.__module__})", thing))
        known += things
    if not found:
        raise unknown_name(
            "method, data set, backbone, augmentation, sampler, metric, engine or class vectors",
            spec.name,
            known,
        )
    return found


def _explained(title: str, thing: Any) -> str:
    parameters = "\n".join(_parameters(thing)) or "  none"
    return f"{title}\n\n{_documentation(thing)}\n\nparameters:\n{parameters}\n"


def _declaring(cls: type, spec: specs.Spec) -> Any:
    """The method with its parameters, as these may decide on what it declares."""
    return specs.configure(cls, spec) if spec.parameters else by_default(cls)


def _declarations(declaring: Any) -> str:
    found = {name: getattr(declaring, name, None) for name in DECLARATIONS}
    # A class that cannot be made without parameters may leave a declaration to them.
    values = {name: one for name, one in found.items() if not isinstance(one, property)}
    stated = {name: value for name, value in values.items() if value not in (None, "", ())}
    if (paper := stated.get("paper")) and (address := paper_address(paper)) != paper:
        stated["paper"] = f"{paper} {address}".strip()
    return "".join(f"{name}: {specs.value_text(value)}\n" for name, value in stated.items())


def first_line(thing: Any) -> str:
    """The first line of a docstring, which says in a sentence what a thing is."""
    return (inspect.getdoc(thing) or "").split("\n", 1)[0]


def _documentation(thing: Any) -> str:
    """The docstring, and what base classes say about parameters that it does not explain."""
    own = inspect.getdoc(thing) or "No description."
    bases = getattr(thing, "__mro__", ())  # a metric is a function
    documents = [own, *(inspect.cleandoc(base.__doc__ or "") for base in bases)]
    inherited: dict[str, None] = {}  # a paragraph may explain two parameters
    for name in specs.parameter_types(thing):
        explained = re.compile(rf"^(\w+, )*{name}(, \w+)*:.*(\n +.*)*", re.MULTILINE)
        found = next(filter(None, map(explained.search, documents)), None)
        if found is not None and found.string is not own:
            inherited[found[0]] = None
    return "\n".join([own, *([""] if inherited else []), *inherited])


def _parameters(cls: type) -> list[str]:
    if not dataclasses.is_dataclass(cls):
        return []
    defaults = {f.name: f.default for f in dataclasses.fields(cls)}
    lines = []
    for name, kind in specs.parameter_types(cls).items():
        default = f"default {specs.value_text(defaults[name]) or 'nothing'}"
        if defaults[name] is dataclasses.MISSING:
            default = "required"
        lines.append(f"  {name}: {specs.type_name(kind)}; {default}")
    if specs.open_parameters(cls):
        lines.append("  any other key: passed on as it is")
    return lines
