"""What a sampler is, and how one is made from its spec and options."""

from __future__ import annotations

from typing import ClassVar

from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.registry import loading, specs
from benchbench.samplers.pool import ClassPool
from benchbench.system.arrays import IntArray
from benchbench.system.randomness import AddressedStream


class Sampler:
    """How episodes are drawn from a split's classes. Subclass it as a dataclass."""

    name: ClassVar[str]
    usual_episodes: ClassVar[int] = 600
    """How many are drawn unless said otherwise."""
    usual_shots: ClassVar[tuple[int, ...]] = ()
    """The shots of a grid unless said otherwise; with none it has that of the parameter."""
    official_test: ClassVar[bool] = False
    """Whether the queries of all episodes are the same: the official test images."""

    @property
    def protocol(self) -> str:
        """The sampling rule in a few characters that are allowed in a file's name."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """What the random numbers depend on beside data and seed, by default the protocol.

        Samplers of one address see the same numbers, so that their draws can be nested.
        """
        return self.protocol

    @property
    def shape(self) -> tuple[int | None, int | None, int | None]:
        """Way, shot and query per class; None if it varies."""
        return None, None, None

    @property
    def standard(self) -> bool:
        """Whether papers draw such episodes, so that published figures may stand next to them."""
        return False

    @property
    def is_whole(self) -> bool:
        """Whether one episode has all images, so that there is no other."""
        return False

    @property
    def of_known(self) -> Sampler:
        """The same without queries of other classes, which training has no use for."""
        return self

    def resolved(self) -> Sampler:
        """The sampler that draws and that manifests name; another one of a preset."""
        return self

    def check(self, pool: ClassPool) -> None:
        """Raise BenchbenchError if the pool cannot supply such episodes."""

    def draw(
        self, pool: ClassPool, stream: AddressedStream, start: int, stop: int
    ) -> dict[str, IntArray]:
        """The arrays of an `EpisodeSet` of the episodes start .. stop - 1, as far as they exist."""
        raise NotImplementedError

    def sample(self, pool: ClassPool, count: int, seed: int = 0, start: int = 0) -> EpisodeSet:
        """Episodes start .. start + count - 1 of this seed, or fewer if the sequence ends earlier.

        Raises BenchbenchError if the pool cannot supply such episodes.
        """
        self.check(pool)
        origin: dict[str, str | int] = {
            "fingerprint": pool.dataset.drawn_as,
            "split": pool.split,
            "protocol": self.protocol,
            "seed": seed,
        }
        stream = AddressedStream(**{**origin, "protocol": self.address})
        arrays = self.draw(pool, stream, start, start + count)
        dataset, standard = pool.dataset.name, self.standard
        return EpisodeSet(dataset, **origin, **arrays, standard=standard)  # type: ignore[arg-type]


def usual_episodes(text: str) -> int:
    """How many episodes the sampler of a spec draws unless said otherwise."""
    cls: type[Sampler] = loading.find("register_samplers", "sampler", specs.parse(text).name)
    return cls.usual_episodes


def usual_shots(text: str) -> tuple[int, ...]:
    """The shots of a grid of the sampler of a spec, unless that or the grid says which."""
    spec = specs.parse(text)
    cls: type[Sampler] = loading.find("register_samplers", "sampler", spec.name)
    return () if "shot" in spec.parameters else cls.usual_shots


def has_official_test(text: str) -> bool:
    """Whether the sampler of a spec asks all episodes about the official test images.

    One of a package that is not installed does not, as far as can be known.
    """
    try:
        cls: type[Sampler] = loading.find("register_samplers", "sampler", specs.parse(text).name)
    except BenchbenchError:
        return False
    return cls.official_test


def create_sampler(text: str, **options: int | str | None) -> Sampler:
    """The sampler of a spec, with options that are not None. Raises BenchbenchError if wrong."""
    spec = specs.parse(text)
    cls: type[Sampler] = loading.find("register_samplers", "sampler", spec.name)
    parameters = specs.parameter_types(cls)
    for key, value in options.items():
        if value is None:
            continue
        if key not in parameters:
            raise BenchbenchError(f"The sampler '{spec.name}' has no --{key}; leave it out.")
        if key == "shot" and value == "all" and not cls.official_test:
            raise BenchbenchError(
                "--shot all is every official training image of each class, which the sampler "
                "kshot draws; add --sampler kshot, or give --shot a number."
            )
        if key in spec.parameters:
            raise BenchbenchError(f"'{text}' and --{key} both say {key}; leave one out.")
        spec.parameters[key] = str(value)
    made: Sampler = specs.configure(cls, spec)
    return made.resolved()
