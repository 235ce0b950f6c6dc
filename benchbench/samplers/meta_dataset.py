"""Episodes of variable way and shot, by the rules of Meta-Dataset."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

import numpy as np

from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.registry.bounds import Bounds, Count
from benchbench.samplers.class_choice import MAX_SPAN, Classes
from benchbench.samplers.composing import ComposingSampler, Concentration, Way
from benchbench.samplers.pool import ClassPool
from benchbench.samplers.query_priors import Prior, rounded_down
from benchbench.system.arrays import IntArray
from benchbench.system.randomness import AddressedStream, Numbers

Weight: TypeAlias = Annotated[float, Bounds(gt=0)]


@dataclass
class MetaDatasetSampler(ComposingSampler):
    """Variable way and shot with unequal classes, by the rules of Meta-Dataset.

    Triantafillou et al. (ICLR 2020, arXiv:1903.03096), section 3.2 and appendix; the defaults are
    theirs. A class of n images has q queries and k support images:
    q = min(max_query, half of the smallest class, rounded down), for all classes of an episode;
    S = min(max_support, sum of 1 + floor(beta min(max_contribution, n - q))), beta ~ U[0, 1);
    k = min(1 + floor(r (S - way)), n - q), where r is the class's share of n exp(alpha), and
    alpha ~ U[log min_weight, log max_weight) for each class.

    min_way, max_way: the way is uniform between them, as far as there are classes; below a node of
        a graph it is all of its classes, or max_way of them at random.
    max_query: the most queries of a class.
    max_support: the most support images of all classes together.
    max_contribution: the most that a class adds to the support's size; its own shots may be more.
    min_weight, max_weight: a class's size is multiplied by a number log-uniform between them.
    max_span: the most classes below a node that may be chosen, with classes=graph.
    min_images: classes that have fewer images are left out.
    """

    name: ClassVar[str] = "meta_dataset"
    fewest_classes_option: ClassVar[str] = "min_way={}"
    min_way: Way = 5
    max_way: Way = 50
    max_query: Annotated[int, Bounds(ge=1, le=1000)] = 10
    max_support: Annotated[int, Bounds(ge=2, le=100_000)] = 500
    max_contribution: Count = 100
    min_weight: Weight = 0.5
    max_weight: Weight = 2.0
    max_span: Count = MAX_SPAN
    min_images: Count = 1
    classes: Classes = "auto"
    prior: Prior = "balanced"
    concentration: Concentration = 2.0
    separate_groups: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.min_way <= min(self.max_way, self.max_span):
            raise ValueError("needs min_way >= 2, and max_way and max_span >= min_way")
        if self.max_query < 1 or self.max_contribution < 1 or self.min_images < 1:
            raise ValueError("needs max_query, max_contribution and min_images >= 1")
        if self.max_support < self.max_way:
            raise ValueError("needs max_support >= max_way, for a support image of each class")
        if not 0 < self.min_weight <= self.max_weight < math.inf:
            raise ValueError("needs 0 < min_weight <= max_weight")
        self.fewest_classes, self.fewest_shots = self.min_way, 1
        self.check_options()

    @property
    def protocol(self) -> str:
        shared = ("classes", "prior", "concentration", "separate_groups")
        changed = [
            f"-{key}{specs.value_text(value)}"
            for key, value in specs.parameters_of(self).items()
            if key not in shared and value != getattr(type(self), key)
        ]
        return "meta-dataset" + "".join(changed) + self.suffix

    @property
    def standard(self) -> bool:
        return self == type(self)()

    def check(self, pool: ClassPool) -> None:
        kept = pool.at_least(self.min_images)
        if len(kept) < self.min_way:
            enough = f" of {self.min_images} images or more" if self.min_images > 1 else ""
            cure = (
                f"min_way={len(kept)}"
                if len(kept) > 1
                else "another split, or data with more classes"
            )
            raise BenchbenchError(
                f"{self.name} needs {self.min_way} classes{enough} and {pool.place} has "
                f"{len(kept)}; use {cure}."
            )
        smallest = int(np.argmin(kept.sizes))
        if kept.sizes[smallest] < 2:
            raise BenchbenchError(
                f"{self.name} needs 2 images of a class and '{kept.class_name(smallest)}' in "
                f"{pool.place} has {kept.sizes[smallest]}; use min_images=2 to leave out such "
                "classes."
            )
        super().check(kept)

    def draw(
        self, pool: ClassPool, stream: AddressedStream, start: int, stop: int
    ) -> dict[str, IntArray]:
        return super().draw(pool.at_least(self.min_images), stream, start, stop)

    def bounds(self, pool: ClassPool) -> tuple[int, int, int]:
        way = min(self.max_way, len(pool))
        return way, self.max_support, way * self.max_query

    def way_of(self, classes: int, whole: bool, numbers: Numbers) -> int:
        most = min(self.max_way, classes)
        return most if whole else self.min_way + numbers.below(most - self.min_way + 1)

    def queries_of(self, sizes: IntArray) -> int:
        return min(self.max_query, int(sizes.min()) // 2)

    def shots_of(self, sizes: IntArray, query: int, numbers: Numbers) -> IntArray:
        # Floors are taken before the 1 is added, as the sum would round up a number just below an
        # integer. A product with a number below 1 stays below its other factor when rounded, so
        # that the support's size needs no tolerance; the shares of S are quotients and need one.
        contributions = np.minimum(self.max_contribution, sizes - query)
        parts = 1 + np.floor(numbers.take(1) * contributions).astype(np.int64)
        size = min(self.max_support, int(parts.sum()))
        low, high = math.log(self.min_weight), math.log(self.max_weight)
        weights = sizes * np.exp(low + (high - low) * numbers.take(len(sizes)))
        return 1 + rounded_down((size - len(sizes)) * (weights / weights.sum()))
