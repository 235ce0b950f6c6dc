"""Entries against each other: paired on equal episodes, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchbench.errors import BenchbenchError, NoEstimate, unknown_name
from benchbench.results.answered import has_official_test, intervals_over_images
from benchbench.results.entries import (
    Entry,
    Result,
    by_protocol,
    check_distinct,
    entries_of,
    tables_of,
)
from benchbench.results.outcomes import estimate
from benchbench.results.pairing import check_paired, with_datasets
from benchbench.results.stored import no_runs, read_result, results_below
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store
from benchbench.stats import (
    OverTestImages,
    PairedDifference,
    compare_paired,
    crossed_seeds,
    detectable_difference,
    holm,
    pairwise_p_values,
)
from benchbench.system.progress import say
from benchbench.system.texts import counted
from benchbench.verification.redrawing import Redrawings


@dataclass(frozen=True)
class Comparison:
    """Two entries on the episodes and seeds that both have.

    ci_seeds: the half-width for a fresh draw of seeds and episodes, if they share two seeds.
    p_holm: of `PairedDifference.p`. seeds: how many they share; if 0, their own means are compared.
    images: on official test images, what other draws and other test images would give.
    """

    a: Entry
    b: Entry
    paired: PairedDifference
    ci_seeds: float | None
    p_holm: float
    seeds: int
    images: OverTestImages | None = None


def compare_entries(entries: Sequence[Entry], reference: Entry | None = None) -> list[Comparison]:
    """All pairs, or each against `reference`, with Holm's correction over these.

    Raises BenchbenchError if two entries did not meet the same episodes.
    """
    if reference is None:
        pairs = list(combinations(entries, 2))
    else:
        pairs = [(entry, reference) for entry in entries if entry is not reference]
    return compare_pairs(pairs)


def compare_pairs(pairs: Sequence[tuple[Entry, Entry]]) -> list[Comparison]:
    """These pairs, with Holm's correction over them; two entries may be on two data sets.

    Raises BenchbenchError if two did not meet the same episodes.
    """
    redrawings = Redrawings()
    found = [_compared(a, b, redrawings) for a, b in pairs]
    adjusted = holm(np.array([one.paired.p for one in found]))
    return [replace(one, p_holm=float(p)) for one, p in zip(found, adjusted, strict=True)]


def _compared(a: Entry, b: Entry, redrawings: Redrawings) -> Comparison:
    """As if there were no other comparison."""
    check_paired(a.first, b.first)
    count = min(len(a), len(b))
    common = [seed for seed in a.seeds if seed in b.seeds]
    of_a, of_b = (
        entry.scores[[entry.seeds.index(seed) for seed in common or entry.seeds], :count]
        for entry in (a, b)
    )
    images = None
    if has_official_test(a):
        images = estimate(lambda: intervals_over_images(a, redrawings, b))
    means = of_a.mean(axis=0), of_b.mean(axis=0)
    fewest = 2 if images is None else 1  # of one draw, other test images tell the spread
    paired = compare_paired(*means, a.classes[:count], fewest=fewest)
    try:
        ci_seeds = crossed_seeds(of_a - of_b).half_width if common else None
    except NoEstimate:
        ci_seeds = None
    return Comparison(a, b, paired, ci_seeds, paired.p, len(common), images)


def comparison_frame(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """A row for each pair; differences are a less b, in [-1, 1]."""
    return pd.DataFrame(
        {
            "a": one.a.label,
            "b": one.b.label,
            "accuracy_a": float(one.a.accuracy.mean()),
            "accuracy_b": float(one.b.accuracy.mean()),
            "difference": one.paired.difference,
            "ci_episodes": one.paired.ci_episodes,
            "ci_classes": one.paired.ci_classes,
            "ci_seeds": one.ci_seeds,
            "official_test": has_official_test(one.a),
            "ci_images": one.images and one.images.images,
            "ci_both": one.images and one.images.both,
            "p_t": one.paired.p_t,
            "p_sign_flip": one.paired.p_sign_flip,
            "sign_flips": "exact" if one.paired.exact else "Monte Carlo",
            "p_holm": one.p_holm,
            "detectable": _detectable(one.paired),
            "effect_size": one.paired.effect_size,
            "correlation": one.paired.correlation,
            "episodes": one.paired.n,
            "seeds": one.seeds,
            "dataset": one.a.first.dataset,
            "dataset_b": one.b.first.dataset,
            "protocol": one.a.first.identity["protocol"],
        }
        for one in comparisons
    )


def _detectable(paired: PairedDifference) -> float | None:
    try:
        return detectable_difference(paired.n, paired.sd)
    except NoEstimate:
        return None


def find_entries(names: Sequence[str], entries: Sequence[Entry]) -> list[Entry]:
    """The entries with these labels, in this order; a method with a name has its spec as well.

    Raises BenchbenchError for an unknown name.
    """
    by_label = {entry.label: entry for entry in entries}
    by_name = {**{entry.first.method: entry for entry in entries}, **by_label}
    if unknown := [name for name in names if name not in by_name]:
        _refuse_folders(unknown)
        raise unknown_name("method with results", unknown[0], by_label)
    return [by_name[name] for name in names]


def _refuse_folders(names: Sequence[str]) -> None:
    """Raise BenchbenchError if one of them, which are no methods, is a folder that holds runs."""
    for name in names:
        if is_folder_of_runs(name):
            raise BenchbenchError(
                f"'{name}' is a folder of runs and no method; folders go with --results {name}."
            )


def is_run(name: str) -> bool:
    """Whether a name is that of a run directory."""
    return (Path(name) / "manifest.json").is_file()


def is_folder_of_runs(name: str) -> bool:
    """Whether a name is that of a folder that holds runs, and is none itself."""
    return Path(name).is_dir() and not is_run(name) and bool(Store(Path(name)).runs())


def chosen_entries(
    names: list[str], folders: Sequence[Path], dataset: str | None
) -> list[list[Entry]]:
    """The named entries of each protocol that has all of them, in the order of the names.

    names: labels, or run directories, which make one table. dataset: the only one to look at.
    Raises BenchbenchError if they share no protocol.
    """
    if paths := [name for name in names if is_run(name)]:
        if others := [name for name in names if name not in paths]:
            _refuse_folders(others)
            raise BenchbenchError(
                f"'{others[0]}' is no run directory; name run directories only, or methods only."
            )
        return [_of_runs(paths)]
    if not any(folder.is_dir() for folder in folders):
        _refuse_folders(names)
    results = results_below(folders)
    tables = tables_of([r for r in results if dataset in (None, r.dataset, r.collection, r.source)])
    if not tables:
        _refuse_folders(names)
        raise no_runs(folders, f" on {dataset}" if dataset else "")
    everything = [entry for table in tables for entry in table]
    labels = [entry.label for entry in find_entries(names, everything)]
    met = [[_called(*pair, table) for pair in zip(names, labels, strict=True)] for table in tables]
    complete = [[entry for entry in one if entry] for one in met if all(one)]
    left_out = [table for table, one in zip(tables, met, strict=True) if not all(one)]
    several = _several_runs(names, left_out)
    if not complete:
        raise BenchbenchError(
            f"{', '.join(labels[:-1])} and {labels[-1]} share no episodes: no protocol has results "
            "of all of them. "
            + " ".join(f"{name}: {_met(name, everything)}." for name in labels)
            + several
        )
    if left_out:
        what = counted(len(left_out), "protocol")
        say(f"left out {what} that not all of them have met{'.' if several else ''}{several}")
    return _labelled_as_named(names, complete)


def _several_runs(names: Sequence[str], tables: Sequence[list[Entry]]) -> str:
    """A sentence on names that are those of several runs in one of the tables, or nothing."""
    found: dict[str, list[str]] = {}
    for table, name in product(tables, names):
        labels = [entry.label for entry in table if entry.first.method == name]
        if len(labels) > 1:
            found.setdefault(name, []).extend(labels)
    return "".join(
        f" '{name}' has several runs on one protocol; name one of {', '.join(labels)}."
        for name, labels in found.items()
    )


def _called(name: str, label: str, table: Sequence[Entry]) -> Entry | None:
    """The entry that has this name or label in a table, or is the only one of this spec."""
    of_spec = [entry for entry in table if entry.first.method == name]
    labelled = {entry.label: entry for entry in table}
    return labelled.get(name) or labelled.get(label) or (of_spec[0] if len(of_spec) == 1 else None)


def _labelled_as_named(names: Sequence[str], tables: list[list[Entry]]) -> list[list[Entry]]:
    """The tables with labels as the methods were named, where the tables' own ones differ.

    Raises BenchbenchError if a name is that of two methods on two data sets.
    """
    called = []
    for name, entries in zip(names, zip(*tables, strict=True), strict=True):
        if other := [one for one in entries if one.first.method != entries[0].first.method]:
            (a, on), (b, there) = (
                (one.first.method, one.first.dataset) for one in (entries[0], other[0])
            )
            raise BenchbenchError(
                f"'{name}' is {a} on {on} and {b} on {there}; choose one by --dataset."
            )
        same = len({entry.label for entry in entries}) == 1
        called.append(entries[0].label if same else name)
    return [
        [replace(entry, label=label) for entry, label in zip(table, called, strict=True)]
        for table in tables
    ]


def _of_runs(paths: list[str]) -> list[Entry]:
    """One entry for each run directory. Raises BenchbenchError if a run is not finished."""
    results: list[Result] = []
    for path in paths:
        results.append(read_result(RunDirectory(Path(path))))
        check_paired(results[0], results[-1])
    check_distinct(results)
    if len({result.configuration for result in results}) == len(results):
        groups = by_protocol(results).values()
        labelled = {entry.first.path: entry for group in groups for entry in entries_of(group)}
        return with_datasets([labelled[result.path] for result in results])
    return with_datasets(
        [Entry(f"{result.method} seed {result.seed}", (result,)) for result in results]
    )


def _met(name: str, entries: list[Entry]) -> str:
    """The data sets and protocols of a method's entries."""
    firsts = [entry.first for entry in entries if entry.label == name]
    return ", ".join(dict.fromkeys(f"{one.dataset} {one.identity['protocol']}" for one in firsts))


def paired_p_values(entries: Sequence[Entry]) -> NDArray[np.float64]:
    """[k, k]: paired tests of all pairs on the episodes that both have met, each by itself."""
    counts = np.array([len(entry) for entry in entries])
    p_values = np.ones((len(entries), len(entries)))
    for count in np.unique(counts):
        longer = np.flatnonzero(counts >= count)
        if count < 2 or len(longer) < 2:
            continue
        block = pairwise_p_values(np.stack([entries[i].accuracy[:count] for i in longer.tolist()]))
        p_values[np.ix_(longer, longer)] = block  # a later count replaces those of longer pairs
    return p_values
