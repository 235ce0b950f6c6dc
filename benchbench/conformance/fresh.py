"""Whether a method is as good on test episodes that nobody can have seen as on the standard ones.

What was learnt by heart, or tuned until the standard episodes came out well, shows as a difference.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchbench.datasets.glyphs import Glyphs
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError, NoEstimate
from benchbench.evaluation.contestant import Contestant
from benchbench.evaluation.given import Given, hidden_images
from benchbench.evaluation.loop import Examiner
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.task import task_of, training_task
from benchbench.evaluation.unlabelled_part import given_to_learn
from benchbench.registry import specs
from benchbench.samplers import ClassPool
from benchbench.stats import mean_difference
from benchbench.stats.intervals import ROUNDING
from benchbench.system.arrays import FloatArray
from benchbench.system.compute import Compute
from benchbench.system.places import Places
from benchbench.training.budget import Budget
from benchbench.training.pools import largest_sampler

EPISODES = 600
SHAPE = (5, 1, 15)
"""Way, shot and queries of a class."""
SEEDS = 2**32
"""Fresh data and episodes have one of so many seeds; nobody prepares for all of them."""


@dataclass(frozen=True)
class Side:
    """Test episodes and the data set that they are of.

    name: tells the two sides of a comparison apart.
    """

    name: str
    dataset: OpenDataset
    episodes: EpisodeSet


@dataclass(frozen=True)
class Sides:
    """What is compared; unit: what a fresh draw draws anew, `episodes` or `alphabets`.

    Characters of one alphabet are written by the same hands in the same strokes, so that 14 test
    alphabets are 14 independent observations, and not as many as there are episodes.
    """

    standard: Side
    fresh: Side
    unit: str


@dataclass(frozen=True)
class Freshness:
    """The accuracies of a method on standard and on fresh episodes, by unit.

    standard, fresh: float64 [units], the mean accuracy of each.
    """

    method: str
    sides: Sides
    standard: FloatArray
    fresh: FloatArray

    @cached_property
    def difference(self) -> tuple[float, float | None]:
        """The mean on standard less that on fresh units, and the half-width of its interval.

        There is no half-width if neither varies.
        """
        try:
            return mean_difference(self.standard, self.fresh)
        except NoEstimate:
            return float(self.standard.mean() - self.fresh.mean()), None

    @property
    def suspicious(self) -> bool:
        """Whether the standard accuracy is higher by more than chance explains.

        If neither varies, as with answers learnt by heart, any difference is.
        """
        difference, half_width = self.difference
        return difference > (half_width or ROUNDING)

    def as_dict(self) -> dict[str, Any]:
        """All that was found, as plain JSON."""
        difference, half_width = self.difference
        return {
            "method": self.method,
            "unit": self.sides.unit,
            "standard": self._side(self.sides.standard, self.standard),
            "fresh": self._side(self.sides.fresh, self.fresh),
            "difference": difference,
            "half_width": half_width,
            "suspicious": self.suspicious,
        }

    @staticmethod
    def _side(side: Side, means: FloatArray) -> dict[str, Any]:
        count = len(side.episodes)
        return {"name": side.name, "accuracy": float(means.mean()), "episodes": count}

    def summary(self) -> str:
        """The accuracies, their difference and what it means, by line."""
        difference, half_width = self.difference
        lines = [
            f"{side.name}: {100 * means.mean():.2f} % in {len(side.episodes)} episodes"
            for side, means in (
                (self.sides.standard, self.standard),
                (self.sides.fresh, self.fresh),
            )
        ]
        units = f"t interval over {len(self.standard)} and {len(self.fresh)} {self.sides.unit}"
        interval = f" ± {100 * half_width:.2f} ({units})" if half_width else " (neither varies)"
        lines.append(f"difference: {100 * difference:+.2f}{interval}")
        if self.suspicious:
            verdict = (
                "beyond the interval: the method is better where it can have been tuned, or can "
                "have learnt by heart"
            )
        elif difference < -(half_width or ROUNDING):
            verdict = "below the interval: the fresh episodes are easier for the method"
        else:
            verdict = "within the interval"
        return "\n".join([*lines, f"verdict: {verdict}"])


def drawn_sides(
    problem: Problem, dataset: str, places: Places, seed: int | None = None, count: int = EPISODES
) -> Sides:
    """The standard test episodes of a data set, and fresh ones, by default of a random seed.

    The fresh ones of `glyphs` are of alphabets that did not exist before; those of other data sets
    are other episodes of the same test classes. places: where fresh data may be written.
    """
    seed = 1 + secrets.randbelow(SEEDS) if seed is None else seed
    standard = Side(problem.spec, problem.test, _episodes(problem.test, count, 0))
    made = create_dataset(dataset)
    if isinstance(made, Glyphs):
        other = open_dataset(replace(made, seed=seed), places)
        fresh = Side(specs.text_of(replace(made, seed=seed)), other, _episodes(other, count, 0))
        return Sides(standard, fresh, "alphabets")
    episodes = _episodes(replace(problem.test, fixed_episodes=None), count, seed)
    name = f"{problem.spec}, episode seed {seed}"
    return Sides(standard, Side(name, problem.test, episodes), "episodes")


def _episodes(dataset: OpenDataset, count: int, seed: int) -> EpisodeSet:
    """Those that the data set prescribes, or 5-way 1-shot ones, or fewer classes and queries.

    Raises BenchbenchError if the test classes do not even offer two classes of two images.
    """
    if dataset.fixed_episodes is not None and dataset.fixed_episodes.split == "test":
        return dataset.fixed_episodes.head(min(count, len(dataset.fixed_episodes)))
    pool = ClassPool(dataset, "test").at_least(2)
    if len(pool) < 2:
        raise BenchbenchError(f"{dataset.name} has no two test classes of two images or more.")
    return largest_sampler(pool, *SHAPE).sample(pool, count, seed)


def compare_fresh(
    contestant: Contestant,
    problem: Problem,
    sides: Sides,
    folder: Path,
    *,
    budget: Budget,
    seed: int = 0,
    compute: Compute | None = None,
    nonce: Nonce | None = None,
) -> Freshness:
    """Train a method and ask it about both sides, of which it is told one and the same name.

    folder: gets the checkpoints, so that the method's twin, which is asked about the fresh side,
    has the same weights. nonce: a new one by default; a given one repeats a comparison.
    Raises MethodError, or what the method raises.
    """
    nonce = nonce or Nonce(secrets.token_bytes(16))
    task = training_task(problem, task_of(problem, sides.standard.episodes))

    def given(side: Side) -> Given:
        return Given(
            learned=given_to_learn(problem.train, nonce, task, contestant.card.training_labels),
            test=hidden_images(side.dataset, side.episodes.split, nonce),
            dataset=problem.test.name,
            task=task,
            budget=budget,
            seed=seed,
            compute=compute or Compute(),
            folder=folder,
            shared=folder / "shared",
        )

    contestant.train(given(sides.standard))
    standard = _by_unit(contestant, sides.standard, sides.unit, nonce)
    with contestant.twin() as twin:
        twin.train(given(sides.fresh))
        fresh = _by_unit(twin, sides.fresh, sides.unit, nonce)
    return Freshness(contestant.card.spec, sides, standard, fresh)


def _by_unit(method: Contestant, side: Side, unit: str, nonce: Nonce) -> FloatArray:
    """The mean accuracy of each unit, float64 [units]."""
    names, attributes = method.card.uses_class_names, method.card.uses_attributes
    examiner = Examiner(side.dataset, side.episodes, nonce, names, with_attributes=attributes)
    scored = list(examiner.evaluate(method))
    if unit == "episodes":
        return np.array([one.record["accuracy"] for one in scored])
    return _by_alphabet(side, [one.scores for one in scored])


def _by_alphabet(side: Side, scores: Sequence[FloatArray]) -> FloatArray:
    """The share of each alphabet's queries that are right."""
    found: dict[str, list[float]] = {}
    for episode, answer in zip(side.episodes, scores, strict=True):
        right = answer.argmax(axis=1) == episode.query_labels
        for slot, number in enumerate(episode.classes.tolist()):
            alphabet = side.dataset.class_names[number].partition("/")[0]
            found.setdefault(alphabet, []).append(float(right[episode.query_labels == slot].mean()))
    return np.array([np.mean(shares) for shares in found.values()])
