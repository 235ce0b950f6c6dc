"""What samplers share that compose one episode after another: classes, shots, queries, images."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias, get_args

import numpy as np

from benchbench.episodes import Episode, arrays_of
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.registry.bounds import Bounds
from benchbench.samplers.base import Sampler
from benchbench.samplers.class_choice import MAX_SPAN, Classes, families
from benchbench.samplers.image_choice import ClassImages, GroupedImages, separable
from benchbench.samplers.pool import ClassPool
from benchbench.samplers.query_priors import LEAST_CONCENTRATION, Prior, query_counts
from benchbench.system.arrays import IntArray
from benchbench.system.randomness import AddressedStream, Numbers, Permutation

Way: TypeAlias = Annotated[int, Bounds(ge=2)]
Concentration: TypeAlias = Annotated[float, Bounds(ge=LEAST_CONCENTRATION)]


class ComposingSampler(Sampler):
    """A sampler by the steps of Meta-Dataset; subclasses say how many classes and images.

    classes: which classes meet in an episode. `uniform`: any; `hierarchy`: those of one parent,
        such as an alphabet; `graph`: those below one node of the data set's graph; `auto`: graph,
        else hierarchy, else uniform, by what the data set has.
    prior: how queries are divided among the classes. `balanced`: equally; `natural`: in proportion
        to the images that the support leaves; `dirichlet`: in random proportions.
    concentration: the parameter of the Dirichlet distribution; large values are nearly balanced.
    separate_groups: whether support and query of a class share no group, such as a track.

    A subclass sets `fewest_classes` and `fewest_shots`, the least numbers of classes and of support
    images of a class, and `fewest_classes_option`, the option that sets the former to {}.
    """

    classes: Classes
    prior: Prior
    concentration: float
    separate_groups: bool
    max_span: int = MAX_SPAN
    fewest_classes_option: ClassVar[str]
    fewest_classes: int
    fewest_shots: int

    def check_options(self) -> None:
        """Raise ValueError if the shared parameters are wrong or do not go together."""
        for name, kind in (("classes", Classes), ("prior", Prior)):
            if getattr(self, name) not in get_args(kind):
                raise ValueError(f"needs {name} {' or '.join(get_args(kind))}")
        if not LEAST_CONCENTRATION <= self.concentration < np.inf:
            raise ValueError(f"needs a concentration of {LEAST_CONCENTRATION} or more")
        if self.prior != "dirichlet" and self.concentration != type(self).concentration:
            raise ValueError("has a concentration only with prior=dirichlet")

    @property
    def suffix(self) -> str:
        """The shared parameters that differ from their defaults, for the protocol."""
        words = {"classes": self.classes, "prior": self.prior, "separate_groups": "groups"}
        if self.prior == "dirichlet":
            words["prior"] += specs.value_text(self.concentration)
        defaults = type(self)
        changed = [key for key in words if getattr(self, key) != getattr(defaults, key)]
        return "".join(f"-{words[key]}" for key in changed)

    def bounds(self, pool: ClassPool) -> tuple[int, int, int]:
        """The most classes, support images and queries in all that an episode can have."""
        raise NotImplementedError

    def way_of(self, classes: int, whole: bool, numbers: Numbers) -> int:
        """How many of a set of classes an episode takes; whole: all, up to the largest way."""
        raise NotImplementedError

    def queries_of(self, sizes: IntArray) -> int:
        """Queries per class of an episode whose classes have these sizes, int64 [way]."""
        raise NotImplementedError

    def shots_of(self, sizes: IntArray, query: int, numbers: Numbers) -> IntArray:
        """The support images wanted of each class, int64 [way]; a class may have room for fewer."""
        raise NotImplementedError

    def check(self, pool: ClassPool) -> None:
        self._families(pool)
        if self.separate_groups:
            self._check_groups(pool)

    def _families(self, pool: ClassPool) -> tuple[list[IntArray], bool]:
        return families(
            pool, self.classes, self.fewest_classes, self.max_span, self.fewest_classes_option
        )

    def _check_groups(self, pool: ClassPool) -> None:
        if pool.dataset.groups is None:
            raise BenchbenchError(
                f"{pool.dataset.name} does not say which images belong together; "
                "leave out separate_groups."
            )
        for position in range(len(pool)):
            query = self.queries_of(pool.sizes[position : position + 1])
            sizes = np.bincount(group_keys(pool, position)).tolist()
            if not separable(sizes, self.fewest_shots, query):
                raise BenchbenchError(
                    f"The groups of '{pool.class_name(position)}' in {pool.place} cannot be shared "
                    f"out between a support of {self.fewest_shots} and {query} queries; leave the "
                    "class out, or separate_groups."
                )

    def draw(
        self, pool: ClassPool, stream: AddressedStream, start: int, stop: int
    ) -> dict[str, IntArray]:
        way, support, query = self.bounds(pool)
        # Set, way, beta; classes, alphas, proportions; images; the queries' order.
        width = 3 + 3 * way + support + 2 * query
        keys: list[IntArray] = []
        if self.separate_groups:
            keys = [group_keys(pool, position) for position in range(len(pool))]
            width += sum(sorted(int(each.max()) + 1 for each in keys)[-way:])
        sets, whole = self._families(pool)
        episodes = []
        for numbers in stream.each(start, stop, width):
            members = sets[numbers.below(len(sets))]
            way = self.way_of(len(members), whole, numbers)
            places = members[Permutation(len(members)).take(numbers.take(way))]
            episodes.append(self._episode(pool, places, keys, numbers))
        return arrays_of(episodes)

    def _episode(
        self, pool: ClassPool, places: IntArray, keys: list[IntArray], numbers: Numbers
    ) -> Episode:
        """The episode of the classes at these positions in the pool."""
        sizes = pool.sizes[places]
        query = self.queries_of(sizes)
        shots = self.shots_of(sizes, query, numbers)
        drawn = [
            GroupedImages(pool.images(place), keys[place], self.fewest_shots, query, numbers)
            if keys
            else ClassImages(pool.images(place), query)
            for place in places.tolist()
        ]
        shots = np.minimum(shots, [images.room for images in drawn])
        support = [images.support(numbers.take(k)) for images, k in zip(drawn, shots, strict=True)]
        left = np.array([images.left for images in drawn])
        counts = query_counts(self.prior, query, left, self.concentration, numbers)
        queries = [images.query(numbers.take(q)) for images, q in zip(drawn, counts, strict=True)]
        order = np.argsort(numbers.take(int(counts.sum())), kind="stable")
        return Episode(
            classes=pool.classes[places],
            support=np.concatenate(support),
            support_labels=np.repeat(np.arange(len(places)), shots),
            query=np.concatenate(queries)[order],
            query_labels=np.repeat(np.arange(len(places)), counts)[order],
        )


def group_keys(pool: ClassPool, position: int) -> IntArray:
    """The group of each image of the class at a position, as one of 0 .. g - 1."""
    assert pool.dataset.groups is not None
    _, keys = np.unique(pool.dataset.groups[pool.images(position)], return_inverse=True)
    return keys.astype(np.int64)
