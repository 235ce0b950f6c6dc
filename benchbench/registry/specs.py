"""Names with parameters, as typed: `maml[inner_steps=5]`, `folder:PATH[size=84]`.

A spec is `NAME`, then optionally `:ARGUMENT` (or `/ARGUMENT`), then optionally `[KEY=VALUE,...]`; a
value may be a spec itself. Brackets at the end of an argument that hold no `=` belong to it, as in
`folder:birds [2020]`; of others that do, `[]` behind them says so. The keys are the fields of the
dataclass called NAME; all others go to the field `dict[str, ...]` that its class attribute
`open_parameters` names, if any.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar, Union

from benchbench.errors import BenchbenchError, unknown_name
from benchbench.registry.bounds import exceeded, split_bounds

T = TypeVar("T")

OpenValue: TypeAlias = int | float | bool | str | None
"""The type of an open parameter's value: the first of these as which it can be read."""

ADDED_LATER: Mapping[str, Any] = types.MappingProxyType({"added_later": True})
"""The metadata of a field that came when runs without it were stored; see `parameters_of`."""

SHOWN = 40
"""The characters of a wrong value that a message shows."""

BETWEEN_ITEMS = "+"
"""The separator of the items of a tuple, as in `mean=0.485+0.456+0.406`."""


@dataclass(frozen=True)
class Spec:
    """A parsed spec; values are still the typed text."""

    name: str
    argument: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> Spec:
    """Parse one spec. Raises BenchbenchError if brackets or `key=value` pairs are malformed."""
    text = text.strip()
    head, inside = _split_brackets(text)
    separator = next((character for character in head if character in ":/"), ":")
    name, colon, argument = head.partition(separator)
    if colon and inside.strip() and "=" not in inside:
        argument, inside = text[len(name) + 1 :], ""
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
        raise BenchbenchError(f"'{text}' is not a name; write NAME or NAME[key=value,...].")
    parameters: dict[str, str] = {}
    for pair in split_list(inside):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise BenchbenchError(f"'{pair}' in '{text}' is not of the form key=value.")
        if key.strip() in parameters:
            raise BenchbenchError(f"'{text}' gives '{key.strip()}' twice.")
        parameters[key.strip()] = value.strip()
    return Spec(name, argument if colon else None, parameters)


def plain(name: str) -> str:
    """A name's letters and digits without case, by which names of one thing are compared."""
    return re.sub(r"[\W_]+", "", name.casefold())


def split_list(text: str, separator: str = ",") -> list[str]:
    """Split at the commas, or another character, outside brackets; empty items are dropped."""
    items, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if depth < 0:
            break
        if character == separator and depth == 0:
            items.append(text[start:position])
            start = position + 1
    if depth != 0:
        raise BenchbenchError(f"'{text}' has unbalanced brackets.")
    items.append(text[start:])
    return [item.strip() for item in items if item.strip()]


def _split_brackets(text: str) -> tuple[str, str]:
    if not text.endswith("]"):
        return text, ""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += (text[position] == "]") - (text[position] == "[")
        if depth == 0:
            return text[:position], text[position + 1 : -1]
    raise BenchbenchError(f"'{text}' has unbalanced brackets.")


def configure(cls: type[T], spec: Spec) -> T:
    """Make an instance of the dataclass `cls` with the spec's parameters; see `arguments`."""
    return construct(cls, spec.name, **arguments(cls, spec))


def construct(cls: type[T], name: str, **values: Any) -> T:
    """Call `cls`; whatever it raises becomes a BenchbenchError that begins with the name."""
    try:
        return cls(**values)
    except BenchbenchError:
        raise
    except ValueError as error:
        raise BenchbenchError(f"{name}: {error}") from error
    except Exception as error:
        raise BenchbenchError(f"{name}: {type(error).__name__}: {error}") from error


def arguments(cls: type, spec: Spec) -> dict[str, Any]:
    """The constructor's arguments for the spec's parameters.

    Class attributes: `argument` names the field for the text after the colon, `open_parameters` the
    one for unknown keys; `parameters_hint` is added to the message about such a key. Raises
    BenchbenchError for an unknown, missing or repeated key and for a value of the wrong type.
    """
    fields = parameter_types(cls)
    values = dict(spec.parameters)
    target = getattr(cls, "argument", None)
    if spec.argument is not None:
        if target is None:
            raise BenchbenchError(f"'{spec.name}' takes nothing after a colon.")
        if target in values:
            raise BenchbenchError(f"'{spec.name}' is given its {target} twice.")
        values[target] = spec.argument
    if target in _required(cls) and not values.get(target):
        raise BenchbenchError(f"'{spec.name}' needs its {target}: {spec.name}:{target.upper()}")
    collector = open_parameters(cls)
    reserved = {f.name for f in _fields(cls)}
    for key in values:
        if key not in fields and (collector is None or key in reserved):
            error = unknown_name(f"parameter of {spec.name}", key, fields)
            raise BenchbenchError(f"{error} {getattr(cls, 'parameters_hint', '')}".strip())
    missing = [key for key in _required(cls) if key not in values]
    if missing:
        raise BenchbenchError(f"'{spec.name}' needs {missing[0]}: {spec.name}[{missing[0]}=...]")
    kinds = {key: fields.get(key, OpenValue) for key in values}
    found = {key: convert(values[key], kind, key) for key, kind in kinds.items()}
    for key, kind in kinds.items():
        if needed := exceeded(found[key], alternatives(kind)):
            given = values[key][:SHOWN]
            raise BenchbenchError(f"{spec.name}: {key} must be {needed}, not {given}.")
    others = {key: found.pop(key) for key in values if key not in fields}
    return {**found, collector: others} if collector and others else found


def open_parameters(cls: type) -> str | None:
    """The field that collects the keys which are no field, or None if these are mistakes."""
    name: str | None = getattr(cls, "open_parameters", None)
    return name


def _fields(cls: type) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()


def parameter_types(cls: type) -> dict[str, Any]:
    """The parameters a user may set: name to type, in the order of the dataclass fields."""
    fields = [f for f in _fields(cls) if f.init and not f.kw_only]
    hints = typing.get_type_hints(cls, include_extras=True) if fields else {}
    return {f.name: hints[f.name] for f in fields if f.name != open_parameters(cls)}


def _required(cls: type) -> list[str]:
    return [
        f.name
        for f in _fields(cls)
        if f.init
        and not f.kw_only
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]


def convert(text: str, kind: Any, name: str = "value") -> Any:
    """Read an int, float, bool, str, Literal, tuple or union; raises BenchbenchError otherwise."""
    ranks = {type(None): 0, str: 2}  # text last, as any text can be read as text
    for option in sorted(alternatives(kind), key=lambda option: ranks.get(option, 1)):
        try:
            return _convert_to(text, option)
        except ValueError:
            continue
    words = {str(choice) for option in alternatives(kind) for choice in _choices(option)}
    close = difflib.get_close_matches(text, sorted(words), n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    raise BenchbenchError(f"{name}={text} is not {type_name(kind, NUMBERS)}{hint}")


def alternatives(kind: Any) -> tuple[Any, ...]:
    """The types that a union joins, or the type itself."""
    union = typing.get_origin(kind) in (Union, types.UnionType)
    return typing.get_args(kind) if union else (kind,)


def _convert_to(text: str, kind: Any) -> Any:
    kind, _ = split_bounds(kind)
    arguments = typing.get_args(kind)
    choices: dict[str, Any] = {}
    if typing.get_origin(kind) is tuple:
        return tuple(_convert_to(part, arguments[0]) for part in text.split(BETWEEN_ITEMS))
    if typing.get_origin(kind) is Literal:
        choices = {str(choice): choice for choice in arguments}
    elif kind is bool:
        text = text.lower()
        choices = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    elif kind is type(None):
        text, choices = text.lower(), {"none": None}
    else:
        return kind(text)
    if text not in choices:
        raise ValueError(text)
    return choices[text]


def _choices(kind: Any) -> tuple[Any, ...]:
    """The words or numbers that a Literal is one of; none if it is something else."""
    return typing.get_args(kind) if typing.get_origin(kind) is Literal else ()


NUMBERS = {"int": "a whole number", "float": "a number"}
"""Types in the words of a message."""


def type_name(kind: Any, words_of: Mapping[str, str] | None = None) -> str:
    """A type as a user reads it: `int`, `true or false`, `one of euclidean, cosine`.

    words_of: what types are called in place of their names.
    """
    words = []
    for option, bounds in map(split_bounds, alternatives(kind)):
        if choices := _choices(option):
            words.append("one of " * (len(choices) > 1) + ", ".join(map(str, choices)))
        elif option is bool:
            words.append("true or false")
        elif option is type(None):
            words.append("none")
        elif typing.get_origin(option) is tuple:
            item, bounds = split_bounds(typing.get_args(option)[0])
            each = f" (each {bounds})" if str(bounds) else ""
            one = type_name(item, words_of).removeprefix("a ")
            words.append(f"{one}s joined by {BETWEEN_ITEMS}{each}")
        else:
            name = (words_of or {}).get(option.__name__, option.__name__)
            words.append(f"{name} ({bounds})" if str(bounds) else name)
    return " or ".join(words)


def parameters_of(instance: Any) -> dict[str, Any]:
    """All parameters of a configured instance, defaults included, by the name of their field.

    One that was `ADDED_LATER` is there if it is not its default, so that what is known by its
    parameters is known by what it was before.
    """
    cls = type(instance)
    names = [*parameter_types(cls), *filter(None, [open_parameters(cls)])]
    later = {f.name: f.default for f in _fields(cls) if f.metadata.items() >= ADDED_LATER.items()}
    values = {name: getattr(instance, name) for name in names}
    return {k: v for k, v in values.items() if k not in later or v != later[k]}


def text_of(instance: Any) -> str:
    """The canonical spec of an instance: its name and the parameters that differ from defaults."""
    cls = type(instance)
    if not dataclasses.is_dataclass(cls):
        return str(instance.name)
    defaults = {f.name: f.default for f in dataclasses.fields(cls)}
    target, collector = getattr(cls, "argument", None), open_parameters(cls)
    argument = getattr(instance, target) if target else ""
    head = f"{instance.name}:{argument}" if argument else str(instance.name)
    named = {
        key: getattr(instance, key)
        for key in parameter_types(cls)
        if key != target and getattr(instance, key) != defaults[key]
    }
    others = dict(sorted(getattr(instance, collector).items())) if collector else {}
    changed = [f"{key}={value_text(value)}" for key, value in {**named, **others}.items()]
    has_end = head.endswith("]") and "=" in head  # which would be read as parameters
    return f"{head}[{','.join(changed)}]" if changed or has_end else head


def value_text(value: Any) -> str:
    """A parameter's value as it is typed in a spec."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return BETWEEN_ITEMS.join(map(value_text, value))
    return str(value)
