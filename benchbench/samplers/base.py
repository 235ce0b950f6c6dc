"""The protocol of a sampler, and how one is made from what was typed."""

from __future__ import annotations

from typing import ClassVar

from benchbench import plugins, specs
from benchbench.episodes import EpisodeSet, IntArray
from benchbench.errors import BenchbenchError
from benchbench.samplers.pool import ClassPool
from benchbench.samplers.stream import Stream


class Sampler:
    """How episodes are drawn from a split's classes. Subclass it as a dataclass."""

    name: ClassVar[str]

    @property
    def protocol(self) -> str:
        """The sampling rule in a few characters that can stand in a file's name."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int | None, int | None, int | None]:
        """Way, shot and query per class; None where it varies."""
        return None, None, None

    @property
    def standard(self) -> bool:
        """Whether papers draw such episodes, so that published figures may stand next to them."""
        return False

    def check(self, pool: ClassPool) -> None:
        """Raise BenchbenchError where the pool cannot supply such episodes."""

    def draw(self, pool: ClassPool, stream: Stream, start: int, stop: int) -> dict[str, IntArray]:
        """The arrays of `EpisodeSet` for the episodes start .. stop - 1, as far as they exist."""
        raise NotImplementedError

    def sample(self, pool: ClassPool, count: int, seed: int = 0, start: int = 0) -> EpisodeSet:
        """Episodes start .. start + count - 1 of the frozen sequence that `seed` names.

        Fewer where the sequence ends before. Raises BenchbenchError where the pool cannot supply
        such episodes.
        """
        self.check(pool)
        origin: dict[str, str | int] = {
            "fingerprint": pool.dataset.fingerprint,
            "split": pool.split,
            "protocol": self.protocol,
            "seed": seed,
        }
        arrays = self.draw(pool, Stream(**origin), start, start + count)
        dataset, standard = pool.dataset.name, self.standard
        return EpisodeSet(dataset, **origin, **arrays, standard=standard)  # type: ignore[arg-type]


def create_sampler(text: str, **options: int | str | None) -> Sampler:
    """The sampler of a spec; options that are None are left out.

    Raises BenchbenchError for an option that the sampler does not have or that the spec gives too.
    """
    spec = specs.parse(text)
    cls = plugins.find("register_samplers", "sampler", spec.name)
    known = specs.parameter_types(cls)
    for key, value in options.items():
        if value is None:
            continue
        if key not in known:
            raise BenchbenchError(f"The sampler '{spec.name}' has no --{key}; leave it out.")
        if key in spec.parameters:
            raise BenchbenchError(f"'{text}' and --{key} both say {key}; leave one out.")
        spec.parameters[key] = str(value)
    sampler: Sampler = specs.configure(cls, spec)
    return sampler
