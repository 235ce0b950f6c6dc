"""A cell of a grid: one method on one test source, in plain values that any process can compute."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from benchbench.errors import BenchbenchError

Pairs = tuple[tuple[str, int | str], ...]
"""Names with values, which a mapping would hold if it could be hashed."""


@dataclass(frozen=True)
class Cell:
    """What one job needs, on any machine that has the package, the data and the results folder.

    method: the canonical spec. label: what tables call it in place of that, or nothing. dataset: a
    spec. source: which test source of a collection, or nothing. sampler, sampling: the spec of the
    sampler, and its options that were given. episodes: a number or a file, as typed. episode_seed,
    seed: of the episodes, and of training. budget, metrics, device, threads, fast, timeout,
    training_timeout, audit, audit_seconds: as the options of `benchbench run`; threads is None for
    all cores. engine: where the method runs, `worker` or `inline`. data_root: a folder, or None for
    the one of this machine. out: the results folder. Paths are as typed. command: what was typed.
    gpu: whether the method wants a GPU, for an engine that can give it one.
    shares: cells in which this is equal, and not empty, may need one training that is made once.
    """

    method: str
    label: str = ""
    dataset: str = "glyphs"
    source: str = ""
    sampler: str = "fixed"
    sampling: Pairs = ()
    episodes: str = "600"
    episode_seed: int = 0
    seed: int = 0
    budget: str = "quick"
    metrics: tuple[str, ...] = ()
    device: str = "auto"
    threads: int | None = None
    fast: bool = True
    engine: str = "worker"
    timeout: float | None = None
    training_timeout: float | None = None
    audit: bool | None = None
    audit_seconds: float | None = None
    data_root: str | None = None
    out: str = "results"
    command: tuple[str, ...] = ()
    gpu: bool = False
    shares: str = ""

    @property
    def name(self) -> str:
        """What tables call the method."""
        return self.label or self.method

    @property
    def options(self) -> dict[str, int | str]:
        """The sampler's options that were given."""
        return dict(self.sampling)

    @property
    def table(self) -> tuple[Any, ...]:
        """What the cells of one table have in common: the episodes that they are tested on."""
        drawn = self.sampler, self.sampling, self.episodes, self.episode_seed
        return self.dataset, self.source, *drawn

    def __str__(self) -> str:
        """The cell in a line of progress."""
        given = [f"{value}-{key}" for key, value in self.sampling if key in ("way", "shot")]
        where = [f"on {self.source}"] if self.source else []
        return " ".join([self.name, *given, *where, f"seed {self.seed}"])

    def to_json(self) -> str:
        """One line of JSON; `from_json` is its inverse."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Cell:
        """The cell of `to_json`. Raises BenchbenchError if the text is none of this version."""
        try:
            return cls.from_values(json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise BenchbenchError(f"This is no cell of a grid ({error}): {text[:80]}") from error

    @classmethod
    def from_values(cls, values: object) -> Cell:
        """The cell of what JSON holds. Raises TypeError if it holds another thing."""
        if not isinstance(values, dict):
            raise TypeError("it is not a JSON object")
        names = {field.name for field in fields(cls)}
        known = {key: _hashable(value) for key, value in values.items() if key in names}
        return cls(**known)


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
