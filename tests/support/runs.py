"""Finished runs as `benchbench run` stores them, made from given numbers of correct answers."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchbench.runs.directory import RunDirectory
from benchbench.runs.reading import FORMAT
from benchbench.runs.store import Store

QUERIES = 75

TRANSDUCTIVE = {"inductive": False, "accuracy_together": 0.9, "accuracy_one_at_a_time": 0.5}
"""What the audit finds of a method whose scores of a query depend on the others."""


def draw_classes(episodes: int, classes: int = 20, way: int = 5, seed: int = 0) -> list[list[int]]:
    """The classes of each episode, drawn without replacement."""
    chosen = np.random.default_rng(seed).random((episodes, classes)).argsort(axis=1)
    return chosen[:, :way].tolist()


def write_run(
    root: Path,
    method: str,
    correct: Sequence[int],
    *,
    dataset: str = "glyphs",
    classes: Sequence[Sequence[int]] | None = None,
    status: str = "finished",
    seconds: float = 1.5,
    metrics: dict[str, list[float]] | None = None,
    declared: dict[str, Any] | None = None,
    episodes: dict[str, Any] | None = None,
    audit: dict[str, Any] | None = None,
    queries: int = QUERIES,
    **identity: Any,
) -> RunDirectory:
    """A run of a method's spec, of so many queries an episode.

    declared: of the manifest's method; episodes: of the manifest's episodes; identity: beside the
    defaults.
    """
    classes = classes or draw_classes(len(correct))
    identity = {
        "method": method.partition("[")[0],
        "parameters": (declared or {}).get("parameters", method),
        "fingerprint": hashlib.sha256(dataset.encode()).hexdigest(),
        "splits": "cd" * 32,
        "split": "test",
        "protocol": "5way-1shot-15query",
        "episode_seed": 0,
        "seed": 0,
        "budget": "quick",
        "metrics": list(metrics or {}),
        **identity,
    }
    run = Store(root).run(dataset, identity)
    run.path.mkdir(parents=True)
    run.start(
        {
            "format": FORMAT,
            "status": "running",
            "reason": "",
            "identity": identity,
            "method": {"spec": method, "name": identity["method"], **(declared or {})},
            "dataset": {"name": dataset, "fingerprint": identity["fingerprint"]},
            "audit": audit or {},
        }
    )
    for number, right in enumerate(correct):
        run.append(
            {
                "episode": number,
                "n_way": len(classes[number]),
                "n_query": queries,
                "correct": right,
                "accuracy": right / queries,
                "classes": " ".join(map(str, classes[number])),
                **{name: values[number] for name, values in (metrics or {}).items()},
            }
        )
    run.flush()
    stored = {
        "count": len(correct),
        "sha256": "ef" * 32,
        "records_sha256": hashlib.sha256((run.path / "episodes.csv").read_bytes()).hexdigest(),
        "way": 5,
        "shot": 1,
        "query": 15,
        "disjoint": False,
        "standard": True,
        **(episodes or {}),
    }
    cost = {"training_seconds": seconds, "seconds_per_episode": seconds / 1000}
    if status == "finished":
        run.finish(episodes=stored, cost=cost)
    elif status == "failed":
        run.fail(RuntimeError("no luck"))
    return run


def noisy_correct(mean: float, episodes: int = 600, seed: int = 0, shared: int = 0) -> list[int]:
    """Correct answers around a mean; those of one `shared` seed go up and down together."""
    ups = np.random.default_rng(shared).normal(0, 0.06, episodes)
    own = np.random.default_rng(1000 + seed).normal(0, 0.03, episodes)
    return np.clip(np.round(QUERIES * (mean + ups + own)), 0, QUERIES).astype(int).tolist()


def write_runs(
    root: Path,
    means: Mapping[str, float],
    episodes: int = 600,
    datasets: Iterable[str] = ("glyphs",),
    seeds: Iterable[int] = (0,),
) -> None:
    """Runs of these methods, with answers around their means, on the same episodes."""
    classes = draw_classes(episodes)
    for dataset, (number, (method, mean)), seed in product(
        datasets, enumerate(means.items()), seeds
    ):
        correct = noisy_correct(mean, episodes, 10 * number + seed)
        write_run(root, method, correct, dataset=dataset, classes=classes, seed=seed)
