"""What a run directory says of its episodes, besides their scores."""

from __future__ import annotations

from typing import Any

from benchbench.datasets.problem import Problem
from benchbench.episodes import Episode, EpisodeSet
from benchbench.registry import specs
from benchbench.runs.directory import RunDirectory
from benchbench.samplers import Sampler


def prediction_row(number: int, episode: Episode, predicted: list[int]) -> dict[str, Any]:
    """A row of `predictions.csv`; predicted: the class slot of each query."""
    columns = {
        "support": episode.support.tolist(),
        "support_labels": episode.support_labels.tolist(),
        "query": episode.query.tolist(),
        "query_labels": episode.query_labels.tolist(),
        "predicted": predicted,
    }
    return {"episode": number} | {name: " ".join(map(str, v)) for name, v in columns.items()}


def episode_facts(
    episodes: EpisodeSet, run: RunDirectory, problem: Problem, sampler: Sampler | None
) -> dict[str, Any]:
    """What the manifest says of the episodes: which they are and their images.

    way, shot and query are None if they vary; sampler is None if it did not draw them. unlabelled
    and unknown, such images and queries of an episode, are there only if there are any; of is the
    data set that a file's episodes were drawn of, if it is another one.
    """
    way, shot, query = episodes.shape
    return {
        "count": len(episodes),
        "sampler": None if sampler is None else specs.text_of(sampler),
        "sha256": episodes.sha256,
        **({} if episodes.fingerprint == problem.test.drawn_as else {"of": episodes.dataset}),
        "records_sha256": run.records_sha256(len(episodes)),
        "answers_sha256": run.answers.sha256(),
        "way": way,
        "shot": shot,
        "query": query,
        "disjoint": episodes.disjoint,
        "standard": episodes.standard,
        "images_drawn": episodes.images_drawn,
        **({"unknown": episodes.unknown_shape} if episodes.has_unknown else {}),
        "images_available": len(problem.test.view(episodes.split).rows),
        **({"unlabelled": episodes.pool} if episodes.has_pool else {}),
    }
