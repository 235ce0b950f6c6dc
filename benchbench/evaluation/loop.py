"""The loop of the benchmark: adapt to each episode, classify its queries, score them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from benchbench.datasets.base import OpenDataset
from benchbench.episodes import Episode, EpisodeSet
from benchbench.evaluation.settings import Phase
from benchbench.method import Images, Method
from benchbench.metrics import Metric, checked_scores
from benchbench.system.arrays import FloatArray
from benchbench.system.compute import seed_everything
from benchbench.training.streams import support_of

ADAPTED_TOGETHER = 32
"""Episodes handed at once to a method that has an `adapt_many` of its own."""


class Scored(NamedTuple):
    """What is known of an episode once it is scored.

    record: its row of `episodes.csv`. predicted: the class slot of each query.
    """

    record: dict[str, Any]
    predicted: list[int]


def ignore(event: object) -> None:
    """Take no notice of an event."""


def evaluate(
    method: Method,
    dataset: OpenDataset,
    episodes: EpisodeSet,
    *,
    seed: int = 0,
    metrics: Mapping[str, Metric] | None = None,
    first: int = 0,
    notify: Callable[[Phase], object] = ignore,
) -> Iterator[Scored]:
    """Yield the score of each episode from number `first` on; the method never sees a label."""
    view = dataset.view(episodes.split)
    together = 1 if type(method).adapt_many is Method.adapt_many else ADAPTED_TOGETHER
    # Whole chunks, so that what is adapted together does not depend on where a kill came.
    for start in range(first - first % together, len(episodes), together):
        numbers = range(start, min(start + together, len(episodes)))
        chunk = [episodes[number] for number in numbers]
        seeds = [episode_seed(episodes, number, seed) for number in numbers]
        notify(Phase("episodes", start, len(numbers)))
        seed_everything(seeds[0])
        classifiers = method.adapt_many(
            [
                support_of(dataset, view, episode, method, own_seed)
                for episode, own_seed in zip(chunk, seeds, strict=True)
            ]
        )
        for number, episode, classify in zip(numbers, chunk, classifiers, strict=True):
            if number < first:
                continue
            answer = classify(Images(view, episode.query))
            scores = checked_scores(answer, len(episode.query), episode.n_way)
            record = _record(number, episode, scores, metrics or {})
            yield Scored(record, scores.argmax(axis=1).tolist())


def episode_seed(episodes: EpisodeSet, number: int, seed: int) -> int:
    """A seed of this episode alone, whatever ran before it."""
    text = f"{episodes.fingerprint}/{episodes.protocol}/{episodes.seed}/{number}/{seed}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "little")


def _record(
    number: int, episode: Episode, scores: FloatArray, metrics: Mapping[str, Metric]
) -> dict[str, Any]:
    correct = int((scores.argmax(axis=1) == episode.query_labels).sum())
    return {
        "episode": number,
        "n_way": episode.n_way,
        "n_query": len(episode.query),
        "correct": correct,
        "accuracy": correct / len(episode.query),
        "classes": " ".join(map(str, episode.classes.tolist())),
        **{name: metric(scores, episode.query_labels) for name, metric in metrics.items()},
    }
