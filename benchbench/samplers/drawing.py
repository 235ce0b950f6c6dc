"""The test episodes that options ask for: drawn, prescribed by the data set, or from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_problems
from benchbench.datasets.problem import Problem
from benchbench.datasets.same_pictures import facts_of, same_pictures
from benchbench.episodes import EpisodeSet
from benchbench.errors import MOST_EPISODES, BenchbenchError
from benchbench.registry.specs import SHOWN
from benchbench.samplers import ClassPool, Sampler, create_sampler
from benchbench.samplers.usual import USUAL
from benchbench.system.places import Places
from benchbench.system.progress import say, say_once

SAMPLING_OPTIONS = (
    "--way, --shot, --query, --unlabelled, --distractors, --unknown, --replacement, --sampler"
)


@dataclass(frozen=True)
class Drawing:
    """How the options say that episodes are drawn; episodes: a number or a file, as typed."""

    sampler: str
    options: Mapping[str, int | str | None]
    episodes: str
    seed: int

    @property
    def is_saved(self) -> bool:
        """Whether the episodes come from a file."""
        return Path(self.episodes).suffix.lower() == ".npz"

    def sampler_made(self) -> Sampler | None:
        """The configured sampler; None if the episodes come from a file."""
        return None if self.is_saved else create_sampler(self.sampler, **self.options)

    def opened(self, dataset: str, places: Places) -> list[tuple[Problem, EpisodeSet]]:
        """The problem of a data set, or those of a collection, with the test episodes.

        Raises BenchbenchError if one of them cannot be tested on, before any is.
        """
        return self.of_all(open_problems(dataset, places), places)

    def of_all(
        self, problems: Sequence[Problem], places: Places
    ) -> list[tuple[Problem, EpisodeSet]]:
        """The same of problems that are open."""
        if len(problems) > 1 and self.is_saved:
            raise BenchbenchError(
                f"{self.episodes} holds the episodes of one data set; "
                "choose one with test_source=NAME."
            )
        return [(problem, self.of(problem.test, places)) for problem in problems]

    def of(self, dataset: OpenDataset, places: Places) -> EpisodeSet:
        """The test episodes of a data set. Raises BenchbenchError if the options clash."""
        if not self.is_saved:
            count = _count(self.episodes)
            return draw_episodes(dataset, self.sampler, self.options, count, "test", self.seed)
        if any_given(self.options, self.sampler, self.seed):
            raise BenchbenchError(
                f"{self.episodes} says all about its episodes; "
                f"leave out {SAMPLING_OPTIONS} and --episode-seed."
            )
        return saved_episodes(Path(self.episodes), dataset, places)


def draw_episodes(
    dataset: OpenDataset,
    sampler: str,
    options: Mapping[str, int | str | None],
    count: int,
    split: str,
    seed: int,
) -> EpisodeSet:
    """The frozen episodes of a split; a data set with episodes of its own has no others.

    options: of the sampler, None if not given. Fewer than `count` are drawn if no more exist, which
    is said. Raises BenchbenchError if the options do not go together.
    """
    fixed = dataset.fixed_episodes
    if fixed is not None and split == fixed.split:
        if any_given(options, sampler, seed):
            raise BenchbenchError(
                f"{dataset.name} prescribes its {len(fixed)} episodes ({fixed.protocol}); "
                f"leave out {SAMPLING_OPTIONS} and the episodes' seed."
            )
        return fixed.head(min(count, len(fixed)))
    made = create_sampler(sampler, **options)
    drawn = made.sample(ClassPool(dataset, split), count, seed)
    usual = made.is_whole and count == made.usual_episodes  # nobody has asked for so many
    if len(drawn) < count and not usual:
        number = "1 episode" if len(drawn) == 1 else f"{len(drawn)} episodes"
        what = f"{dataset.name} has images for {number} {drawn.protocol}"
        say(f"{what}; {count} were asked for")
    return drawn


def any_given(options: Mapping[str, int | str | None], sampler: str, seed: int) -> bool:
    """Whether anything is said about how episodes are drawn."""
    return any(value is not None for value in options.values()) or sampler != USUAL or seed != 0


def saved_episodes(path: Path, dataset: OpenDataset, places: Places) -> EpisodeSet:
    """Episodes from a file, of these images or of the same pictures read in another way.

    The latter is said. Raises BenchbenchError if they are of other images or classes.
    """
    episodes = EpisodeSet.load(path)
    if episodes.fingerprint != dataset.drawn_as:
        _check_pictures(path, episodes, dataset, places)
    classes = dataset.splits.get(episodes.split, np.empty(0, np.int64))
    if not np.isin(dataset.labels[episodes.images], classes).all():
        raise BenchbenchError(
            f"{path} holds episodes of {episodes.dataset}, some of whose classes are not in split "
            f"'{episodes.split}' of {dataset.name}."
        )
    return episodes


def _check_pictures(path: Path, episodes: EpisodeSet, dataset: OpenDataset, places: Places) -> None:
    """Say that the episodes are of the same pictures; BenchbenchError if they are not."""
    same, words = False, "it does not say which they are; make it again"
    if episodes.pictures:
        same, words = same_pictures(episodes.pictures, facts_of(dataset, places))
    if not same:
        raise BenchbenchError(
            f"{path} holds episodes of {episodes.dataset}, whose pixels are not those of "
            f"{dataset.name}, nor are its pictures: {words}."
        )
    say_once(
        f"{path}: the episodes of {episodes.dataset} on {dataset.name}, which has the same "
        f"{len(dataset.labels)} pictures in the same {len(dataset.class_names)} classes by {words}"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text[:SHOWN]) <= MOST_EPISODES:
        raise BenchbenchError(
            f"--episodes {text[:SHOWN]} is neither a number from 2 to {MOST_EPISODES} nor an .npz "
            "file of episodes."
        )
    return int(text)
