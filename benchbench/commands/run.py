"""`benchbench run` and `benchbench episodes make`."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchbench import plugins, specs
from benchbench.backbones import backbone_arguments
from benchbench.commands.tables import Tested, tell_tables
from benchbench.compute import configure
from benchbench.contamination import judge
from benchbench.datasets import create_dataset, open_dataset
from benchbench.datasets.base import OpenDataset
from benchbench.engine import EPISODE_SECONDS, Isolation, run_cells
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.method import Method, Task
from benchbench.metrics import Metric
from benchbench.places import Places
from benchbench.progress import say
from benchbench.runner import Settings
from benchbench.samplers import ClassPool, Sampler, create_sampler
from benchbench.source import Budget
from benchbench.store import COLUMNS as EPISODE_COLUMNS
from benchbench.store import Cell, Store

SAMPLING_OPTIONS = "--way, --shot, --query, --replacement, --sampler"


def run_command(
    *,
    methods: str,
    dataset: str,
    sampler: str,
    way: int | None,
    shot: int | None,
    query: int | None,
    replacement: str | None,
    data_root: Path | None,
    episodes: str,
    episode_seed: int,
    seed: int,
    budget: str,
    metrics: str,
    out: Path,
    device: str,
    threads: int | None,
    fast: bool,
    engine: str,
    timeout: float | None,
    training_timeout: float | None,
    audit: bool | None,
) -> int:
    """Run the methods and print their table; 1 where one of them failed, else 0.

    Raises BenchbenchError before anything runs where the request cannot be carried out.
    """
    if engine == "inline" and (timeout or training_timeout):
        raise BenchbenchError(
            "--timeout and --training-timeout need --engine worker: a process cannot stop itself."
        )
    create_methods(methods)
    settings = Settings(
        seed=seed,
        budget=Budget.parse(budget),
        metrics=find_metrics(metrics),
        audit=None if audit is False else _audit,
        audit_stored=bool(audit),
    )
    store = Store(out)
    store.check()
    settings.compute = configure(device, threads, fast)
    places = Places.find(data_root)
    isolation = Isolation(
        *("", places, device, threads, fast),
        timeout or EPISODE_SECONDS,
        training_timeout or math.inf,
    )
    drawing = Drawing(
        sampler,
        {"way": way, "shot": shot, "query": query, "replacement": replacement},
        episodes,
        episode_seed,
    )
    settings.sampler = drawing.sampler_made()
    several = create_dataset(dataset).test_sources(places)
    if several and drawing.is_saved:
        raise BenchbenchError(
            f"{episodes} holds the episodes of one data set; choose one with test_source=NAME."
        )
    # What one source lacks is told before hours of training on another.
    tasks = [(source, *drawing.opened(source, places)) for source in several or [dataset]]
    tested = []
    for source, opened, frozen in tasks:
        name = opened.source or opened.name
        say(f"{name}: {len(frozen)} episodes {frozen.protocol}, sha256 {frozen.sha256[:16]}")
        _tell_shared_classes(opened)
        cells = run_cells(
            *(create_methods(methods), opened, frozen, store, settings),
            replace(isolation, dataset=source) if engine == "worker" else None,
            meanwhile=lambda: importlib.import_module("benchbench.leaderboard"),
        )
        tested.append(Tested(opened, frozen, cells))
        _tell_failures(cells)
    tell_tables(tested)
    return int(any(cell.status == "failed" for one in tested for cell in one.cells))


def _tell_shared_classes(dataset: OpenDataset) -> None:
    """Say so where another source that is learnt from is known to have test classes of this one."""
    members = dataset.training.members if dataset.training else None
    for member in members or ():
        verdict = judge([member.partition("[")[0]], dataset.subject)
        if member != dataset.source and verdict.level in ("classes", "images"):
            say(
                f"{dataset.source} is no unseen data where {member} was learnt from: "
                f"{verdict.reason} `benchbench data verify` compares the pictures."
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
        return Path(self.episodes).suffix == ".npz"

    def sampler_made(self) -> Sampler | None:
        """The configured sampler; None where the episodes come from a file."""
        return None if self.is_saved else create_sampler(self.sampler, **self.options)

    def opened(self, spec: str, places: Places) -> tuple[OpenDataset, EpisodeSet]:
        """A data set and its test episodes."""
        dataset = open_dataset(spec, places)
        return dataset, self.of(dataset)

    def of(self, dataset: OpenDataset) -> EpisodeSet:
        """The test episodes of a data set. Raises BenchbenchError where the options contradict."""
        if not self.is_saved:
            count = _count(self.episodes)
            return draw_episodes(dataset, self.sampler, self.options, count, "test", self.seed)
        if _any_given(self.options, self.sampler, self.seed):
            raise BenchbenchError(
                f"{self.episodes} says all about its episodes; "
                f"leave out {SAMPLING_OPTIONS} and --episode-seed."
            )
        return saved_episodes(Path(self.episodes), dataset)


def _audit(method: Method, dataset: OpenDataset, task: Task) -> dict[str, Any]:
    from benchbench.conformance import short_audit

    return short_audit(method, dataset, task)


def create_methods(text: str) -> list[Method]:
    """The configured methods of a comma-separated list of specs, each once.

    A parameter named `backbone` holds the spec of one, which is looked up now.
    """
    methods: dict[str, Method] = {}
    for spec in map(specs.parse, specs.split_list(text)):
        method: Method = specs.configure(plugins.load("method", spec.name), spec)
        if isinstance(backbone := getattr(method, "backbone", None), str):
            backbone_arguments(backbone)
        methods[specs.text_of(method)] = method
    if not methods:
        raise BenchbenchError("No method is named; see `benchbench list methods`.")
    return list(methods.values())


def find_metrics(text: str) -> dict[str, Metric]:
    """The metrics of a comma-separated list; accuracy is always there and is left out."""
    found = {
        name: plugins.find("register_metrics", "metric", name)
        for name in specs.split_list(text)
        if name != "accuracy"
    }
    if found:
        from benchbench.leaderboard import COLUMNS, GROUP
    for name in found:
        if name in (*EPISODE_COLUMNS, *GROUP, *COLUMNS):
            raise BenchbenchError(f"The metric '{name}' has the name of another column.")
    return found


def draw_episodes(
    dataset: OpenDataset,
    sampler: str,
    options: Mapping[str, int | str | None],
    count: int,
    split: str,
    seed: int,
) -> EpisodeSet:
    """The frozen episodes of a split; a data set with episodes of its own has no others.

    options: of the sampler, None where not given. Fewer than `count` where no more exist, which is
    told. Raises BenchbenchError where the options do not go together.
    """
    fixed = dataset.fixed_episodes
    if fixed is not None and split == fixed.split:
        if _any_given(options, sampler, seed):
            raise BenchbenchError(
                f"{dataset.name} prescribes its {len(fixed)} episodes ({fixed.protocol}); "
                f"leave out {SAMPLING_OPTIONS} and the episodes' seed."
            )
        return fixed.head(min(count, len(fixed)))
    drawn = create_sampler(sampler, **options).sample(ClassPool(dataset, split), count, seed)
    if len(drawn) < count:
        images_for = f"{dataset.subject} has images for {len(drawn)} disjoint episodes"
        say(f"{images_for}; {count} were asked for")
    return drawn


def _any_given(options: Mapping[str, int | str | None], sampler: str, seed: int) -> bool:
    """Whether anything is said about how episodes are drawn."""
    return any(value is not None for value in options.values()) or sampler != "fixed" or seed != 0


def saved_episodes(path: Path, dataset: OpenDataset) -> EpisodeSet:
    """Episodes from a file. Raises BenchbenchError where they are of other images or classes."""
    episodes = EpisodeSet.load(path)
    if episodes.fingerprint != dataset.fingerprint:
        raise BenchbenchError(
            f"{path} holds episodes of {episodes.dataset}, whose pixels are not those of "
            f"{dataset.name}."
        )
    classes = dataset.splits.get(episodes.split, np.empty(0, np.int64))
    images = np.concatenate([episodes.support, episodes.query])
    if not np.isin(dataset.labels[images], classes).all():
        raise BenchbenchError(
            f"{path} holds episodes of {episodes.dataset}, some of whose classes are not in split "
            f"'{episodes.split}' of {dataset.name}."
        )
    return episodes


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise BenchbenchError(
            f"--episodes {text} is neither a number from 2 on nor an .npz file of episodes."
        )
    return int(text)


def _tell_failures(cells: list[Cell]) -> None:
    for cell in cells:
        if cell.status == "failed":
            traceback = cell.run.path / "error.txt" if cell.run else None
            where = f" (traceback: {traceback})" if traceback and traceback.exists() else ""
            say(f"{cell.method} failed: {cell.reason}{where}")


def episodes_command(
    *,
    dataset: str,
    sampler: str,
    way: int | None,
    shot: int | None,
    query: int | None,
    replacement: str | None,
    data_root: Path | None,
    count: int,
    split: str,
    seed: int,
    out: Path | None,
) -> str:
    """Draw episodes, save them where a file is named, and say what they are."""
    opened = open_dataset(dataset, Places.find(data_root))
    options = {"way": way, "shot": shot, "query": query, "replacement": replacement}
    episodes = draw_episodes(opened, sampler, options, count, split, seed)
    if out is not None:
        if out.suffix != ".npz":
            raise BenchbenchError(f"--out {out} must end in .npz.")
        episodes.save(out)
    place = f", in {out}" if out else ""
    return (
        f"{opened.name}, {split}: {len(episodes)} episodes {episodes.protocol}, seed {seed}, "
        f"sha256 {episodes.sha256}{place}"
    )
