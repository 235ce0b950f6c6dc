"""What a task asks SLURM for: a file of TOML says it, for all cells, for GPUs and by method."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell, Pairs
from benchbench.registry import specs
from benchbench.system.files import read_text

FILE_BYTES = 2**20
TIME = re.compile(r"(?:(?P<days>\d+)-)?(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d\d)")
TABLE = "slurm"
OVERRIDES = ("gpu", "methods")
"""Tables in `[slurm]` whose keys replace those of `[slurm]` itself."""


@dataclass(frozen=True)
class Resources:
    """What one task gets; cells that need equal resources go into one job array.

    partition, account, qos, constraint: as for `sbatch`; nothing is the cluster's default. time: in
    minutes. memory: of a node, as `8G`; nothing is the cluster's default. cpus: cores; None for
    `--threads`, or one. gpus: on the node. setup: lines of shell that come before. sbatch: further
    options of `sbatch` without their dashes.
    """

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    time: int = 60
    memory: str = ""
    cpus: int | None = None
    gpus: int = 0
    setup: tuple[str, ...] = ()
    sbatch: Pairs = ()

    def parameters(self) -> dict[str, Any]:
        """The parameters of `submitit.SlurmExecutor`."""
        texts = ("partition", "account", "qos", "constraint")
        found = {name: getattr(self, name) for name in texts if getattr(self, name)}
        if self.memory:
            found["mem"] = self.memory
        if self.gpus:
            found["gpus_per_node"] = self.gpus
        cpus = self.cpus or 1
        return {
            **found,
            "time": self.time,
            "cpus_per_task": cpus,
            # srun does not take it over from sbatch, and would bind the task to one core.
            "srun_args": [f"--cpus-per-task={cpus}"],
            "setup": list(self.setup),
            "additional_parameters": dict(self.sbatch),
        }


@dataclass(frozen=True)
class ResourceTable:
    """The resources of every cell.

    common: of all cells. gpu: what is different for methods that want a GPU. methods: what is
    different for a method, by its name in tables, its spec or its name.
    """

    common: Resources = Resources()
    gpu: Mapping[str, Any] | None = None
    methods: Mapping[str, Mapping[str, Any]] | None = None

    def of(self, cell: Cell) -> Resources:
        """What the cell's task asks for: a method's own wish counts most, then that of a GPU."""
        found = self.common
        if cell.gpu:
            found = replace(found, **(self.gpu if self.gpu is not None else {"gpus": 1}))
        names = (specs.parse(cell.method).name, cell.method, cell.label)
        for name in names:
            found = replace(found, **(self.methods or {}).get(name, {}))
        return found if found.cpus else replace(found, cpus=cell.threads or 1)


def resource_table(file: str, given: Mapping[str, Any]) -> ResourceTable:
    """The table `[slurm]` of a file, or none if that is empty.

    given: what replaces values of `[slurm]` itself. Raises BenchbenchError if the file cannot be
    read, or has a key or a value that means nothing.
    """
    table = _table(Path(file)) if file else {}
    common = {key: value for key, value in table.items() if key not in OVERRIDES}
    gpu, methods = table.get("gpu"), table.get("methods", {})
    _check_tables(file, {"gpu": gpu or {}, "methods": methods})
    _check_tables(file, methods)
    return ResourceTable(
        Resources(**_checked({**common, **given}, TABLE)),
        None if gpu is None else _checked(gpu, "slurm.gpu"),
        {name: _checked(part, f"slurm.methods.{name}") for name, part in methods.items()},
    )


def _check_tables(file: str, parts: Mapping[str, Any]) -> None:
    for name, part in parts.items():
        if not isinstance(part, dict):
            raise BenchbenchError(f"{file}: '{name}' in [slurm] has to be a table.")


def _table(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(read_text(file, FILE_BYTES))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BenchbenchError(f"{file} cannot be read ({error}).") from error
    table = content.get(TABLE)
    if not isinstance(table, dict):
        raise BenchbenchError(f"{file} has no table [slurm]; docs/cluster.md shows one.")
    return table


def _checked(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The values as `Resources` takes them."""
    known = [field.name for field in fields(Resources)]
    if unknown := [key for key in values if key not in known]:
        tables = OVERRIDES if where == TABLE else ()
        listed = ", ".join(sorted([*known, *tables]))
        raise BenchbenchError(
            f"There is no key of [{where}] named '{unknown[0]}'; known: {listed}."
        )
    return {key: _converted(key, value, where) for key, value in values.items()}


def _converted(key: str, value: Any, where: str) -> Any:
    if key == "time":
        return minutes(value)
    if key == "sbatch" and isinstance(value, dict):
        return tuple((name, option) for name, option in value.items())
    if key == "setup" and isinstance(value, list):
        return tuple(map(str, value))
    whole = isinstance(value, int) and not isinstance(value, bool)
    if key in ("cpus", "gpus") and whole and value >= (key == "cpus"):
        return value
    if key == "memory" and whole:
        return f"{value}G"
    if key in ("partition", "account", "qos", "constraint", "memory") and isinstance(value, str):
        return value
    raise BenchbenchError(f"{key} = {value!r} in [{where}] is not what docs/cluster.md says.")


def minutes(value: Any) -> int:
    """A time limit in whole minutes, rounded up: of a number of minutes, or as `1-12:00:00`.

    Raises BenchbenchError for anything else.
    """
    text = str(value)
    if text.isdecimal() and 0 < int(text[:9]) <= 10**6:
        return int(text)
    if found := TIME.fullmatch(text):
        days, hours, whole, seconds = (int(part or 0) for part in found.groups())
        total = (days * 24 + hours) * 60 + whole + (seconds > 0)
        if total:
            return total
    raise BenchbenchError(f"'{text}' is no time; write minutes, or hours as 2:00:00.")
