"""The file of a grid: the options of `benchbench run` as keys, and methods that have names."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from benchbench.errors import BenchbenchError, unknown_name
from benchbench.grid.slurm_resources import TABLE, resource_table
from benchbench.registry import entry_points, specs
from benchbench.system.files import read_text

BYTES = 2**20
USE = "use"


def read_config(
    file: Path, known: Collection[str], several: Collection[str] = ()
) -> dict[str, str | bool]:
    """What would be typed for each option, by its name with underscores.

    known: the names of the options. several: of those that take several values. The table `[slurm]`
    is left to `--engine slurm`, which need not be chosen for it to be checked. Raises
    BenchbenchError if the file holds anything else.
    """
    try:
        content = tomllib.loads(read_text(file, BYTES))
    except FileNotFoundError as error:
        raise BenchbenchError(f"There is no file {file}.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BenchbenchError(f"{file} is no TOML ({error}).") from error
    found: dict[str, str | bool] = {}
    for key, value in content.items():
        if key == TABLE and isinstance(value, dict):
            resource_table(str(file), {})
            continue
        name = key.replace("-", "_")
        if name not in known:
            raise BenchbenchError(f"{file}: {unknown_name('key', key, known)}")
        if name in found:
            raise BenchbenchError(f"{file} gives {key} twice, with a hyphen and an underscore.")
        if name == "methods" and isinstance(value, dict):
            found[name] = ",".join(_method(file, label, one) for label, one in value.items())
            continue
        if isinstance(value, list) and len(value) > 1 and name not in several:
            raise BenchbenchError(
                f"{file}: {key} takes one value, not a list of {len(value)}; give it one, and run "
                f"the file again with --{name.replace('_', '-')} for each other one."
            )
        found[name] = _typed(file, key, value)
    return found


def has_table(file: Path, name: str) -> bool:
    """Whether a file that can be read has a table of that name."""
    return isinstance(tomllib.loads(read_text(file, BYTES)).get(name), dict)


def _typed(file: Path, key: str, value: Any) -> str | bool:
    """A value as it would be typed, several with commas between them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and value and not any(isinstance(o, (bool, list)) for o in value):
        return ",".join(str(_typed(file, key, one)) for one in value)
    if isinstance(value, (int, float, str)):
        return str(value)
    raise BenchbenchError(
        f"{file}: {key} is to be a number, a text, true, false, or a list of numbers or texts, "
        f"not {_shown(value)}."
    )


def _method(file: Path, label: str, table: object) -> str:
    """`LABEL=SPEC` of a table of the method's parameters, whose `use` is the method."""
    if isinstance(table, str):
        table = {USE: table}
    if not isinstance(table, Mapping):
        raise BenchbenchError(
            f'{file}: methods.{label} is to be a table with use = "METHOD", not {_shown(table)}.'
        )
    used = table.get(USE, label)
    if not isinstance(used, str) or (USE not in table and not _is_method(label)):
        raise BenchbenchError(f'{file}: methods.{label} needs use = "METHOD".')
    spec = specs.parse(used)
    given = {key: _parameter(file, label, key, value) for key, value in table.items() if key != USE}
    if twice := sorted(set(given) & set(spec.parameters)):
        raise BenchbenchError(f"{file}: methods.{label} gives {twice[0]} twice, also in {used}.")
    parameters = [f"{key}={value}" for key, value in {**spec.parameters, **given}.items()]
    head = spec.name if spec.argument is None else f"{spec.name}:{spec.argument}"
    text = f"{head}[{','.join(parameters)}]" if parameters else head
    return f"{label}={text}" if USE in table else text


def _is_method(label: str) -> bool:
    return label in entry_points.available("method")


def _parameter(file: Path, label: str, key: str, value: Any) -> str:
    if isinstance(value, list):
        return specs.BETWEEN_ITEMS.join(_parameter(file, label, key, one) for one in value)
    if isinstance(value, (bool, int, float, str)):
        return specs.value_text(value)
    raise BenchbenchError(
        f"{file}: methods.{label}.{key} is to be a number, a text, true, false, or a list of "
        f"these, not {_shown(value)}."
    )


def _shown(value: object) -> str:
    kinds = {dict: "a table", list: "a list", bool: "true or false"}
    return kinds.get(type(value), str(value)[: specs.SHOWN])
