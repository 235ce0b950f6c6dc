"""What the tests of samplers share: small pools, and what every episode has to satisfy."""

import dataclasses
from types import SimpleNamespace

import numpy as np
from hypothesis import settings
from scipy.stats import chi2_contingency

from benchbench.episodes import Episode, EpisodeSet
from benchbench.samplers import ClassPool

several = settings(max_examples=60, deadline=None)

UNLIKELY = 1e-3
"""Seeds are fixed, so that a test of chance passes always or never."""


def labelled(sizes: list[int], **changes) -> SimpleNamespace:
    """All that a sampler knows of a data set; the classes' images are interleaved."""
    labels = np.concatenate([np.repeat(c, size) for c, size in enumerate(sizes)])
    return SimpleNamespace(
        **{
            "name": "toy",
            "subject": "toy",
            "drawn_as": "ab" * 32,
            "labels": np.random.default_rng(7).permutation(labels),
            "splits": {"test": np.arange(len(sizes)), "twin": np.arange(len(sizes))},
            "class_names": [f"class {c}" for c in range(len(sizes))],
            "hierarchy": None,
            "groups": None,
            "nodes": None,
            "parts": None,
            **changes,
        }
    )


def pool(sizes: list[int], split: str = "test", **changes) -> ClassPool:
    return ClassPool(labelled(sizes, **changes), split)


def tracked(sizes: list[list[int]]) -> SimpleNamespace:
    """A data set of classes that consist of tracks with so many images each."""
    data = labelled([sum(tracks) for tracks in sizes])
    data.groups = np.empty(len(data.labels), dtype="<U12")
    for c, tracks in enumerate(sizes):
        keys = np.repeat([f"track {t}" for t in range(len(tracks))], tracks)
        data.groups[data.labels == c] = np.random.default_rng(c).permutation(keys)
    return data


def column(episodes: EpisodeSet, name: str) -> np.ndarray:
    """An array of a set of equally large episodes as [episode, ...]."""
    return getattr(episodes, name).reshape(len(episodes), -1)


def shots(episode: Episode) -> np.ndarray:
    """The support images of each class."""
    return np.bincount(episode.support_labels, minlength=episode.n_way)


def queries(episode: Episode) -> np.ndarray:
    """The queries of each class."""
    return np.bincount(episode.query_labels, minlength=episode.n_way)


def counts(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    table = np.zeros((first.max() + 1, second.max() + 1), dtype=int)
    np.add.at(table, (first.ravel(), second.ravel()), 1)
    return table


def seems_independent(first: np.ndarray, second: np.ndarray) -> bool:
    return chi2_contingency(counts(first, second)).pvalue > UNLIKELY


def assert_sound(episode: Episode, data: SimpleNamespace) -> None:
    """Distinct classes, distinct images, each of the class that its slot says."""
    images = np.concatenate([episode.support, episode.query])
    slots = np.concatenate([episode.support_labels, episode.query_labels])
    assert episode.n_way == len(set(episode.classes))
    assert len(set(images)) == len(images)
    np.testing.assert_array_equal(data.labels[images], episode.classes[slots])
    assert all(array.dtype == np.int64 for array in dataclasses.astuple(episode))


def groups_are_apart(episode: Episode, data: SimpleNamespace) -> bool:
    """Whether no group of a class is in support and query both."""
    return not any(
        set(data.groups[episode.support[episode.support_labels == slot]])
        & set(data.groups[episode.query[episode.query_labels == slot]])
        for slot in range(episode.n_way)
    )
