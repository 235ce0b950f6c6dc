"""`benchbench compare`: methods against each other on the episodes that they share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchbench.cli.leaderboard_command import runs_below
from benchbench.errors import BenchbenchError
from benchbench.results.across import sources_of
from benchbench.results.comparison import (
    Comparison,
    compare_entries,
    comparison_frame,
    find_entries,
)
from benchbench.results.entries import (
    Entry,
    Result,
    check_same_episodes,
    entries_of,
    read_result,
    read_results,
    tables_of,
)
from benchbench.results.leaderboard import p_value, percent
from benchbench.results.reporters import csv, json, markdown_table
from benchbench.results.reporters.across import significance_over_sources
from benchbench.runs.store import RunDirectory
from benchbench.stats import detectable_difference
from benchbench.system.progress import say


def compare_command(
    methods: Sequence[str],
    results: Sequence[Path],
    dataset: str | None,
    reference: str | None,
    style: str,
) -> str:
    """The comparisons of each protocol that all the methods have results on, as text.

    Raises BenchbenchError where fewer than two are named or they share no protocol.
    """
    names = list(dict.fromkeys([*methods, *([reference] if reference else [])]))
    if len(names) < 2:
        raise BenchbenchError("A comparison needs two methods or run directories.")
    tables = _chosen(names, results, dataset)
    compared = [_compared(table, reference, names) for table in tables]
    if style != "markdown":
        frame = pd.concat(
            [
                comparison_frame(found).assign(
                    dataset=found[0].a.first.dataset,
                    protocol=found[0].a.first.identity["protocol"],
                )
                for found in compared
            ],
            ignore_index=True,
        )
        return csv(frame) if style == "csv" else json(frame)
    parts = [_section(found, reference) for found in compared]
    if len(tables) > 1:
        parts.append(significance_over_sources(sources_of(tables)))
    return "\n".join(parts)


def _compared(table: list[Entry], reference: str | None, names: list[str]) -> list[Comparison]:
    return compare_entries(table, table[names.index(reference)] if reference else None)


def _chosen(names: list[str], results: Sequence[Path], dataset: str | None) -> list[list[Entry]]:
    """The named entries of each protocol that has all of them, in the order of the names."""
    paths = [name for name in names if (Path(name) / "manifest.json").is_file()]
    if paths:
        if len(paths) < len(names):
            other = next(name for name in names if name not in paths)
            raise BenchbenchError(
                f"'{other}' is no run directory; name run directories only, or methods only."
            )
        return [_of_runs(paths)]
    stored = read_results(runs_below(results))
    wanted = [r for r in stored if dataset in (None, r.dataset, r.collection, r.source)]
    tables = tables_of(wanted)
    if not tables:
        where = f" on {dataset}" if dataset else ""
        raise BenchbenchError(f"No finished runs{where} below {', '.join(map(str, results))}.")
    if len(tables) == 1:
        return [find_entries(names, tables[0])]
    everything = [entry for table in tables for entry in table]
    for name in names:
        if not any(entry.label == name for entry in everything):
            find_entries([name], everything)
    complete = [t for t in tables if set(names) <= {entry.label for entry in t}]
    if not complete:
        raise BenchbenchError(
            f"{_listed(names)} share no episodes: no protocol has results of all of them. "
            + " ".join(f"{name}: {_places(name, everything)}." for name in names)
        )
    if len(complete) < len(tables):
        say(f"left out {len(tables) - len(complete)} protocols that not all of them have met")
    return [find_entries(names, table) for table in complete]


def _of_runs(paths: list[str]) -> list[Entry]:
    """One entry for each run directory. Raises BenchbenchError where a run is not finished."""
    results: list[Result] = []
    for path in paths:
        run = RunDirectory(Path(path))
        if run.status != "finished":
            raise BenchbenchError(f"The run in {path} is not finished; run it again first.")
        results.append(read_result(run))
    for result in results[1:]:
        check_same_episodes(results[0], result)
    if len({result.configuration for result in results}) == len(results):
        labelled = {entry.first.path: entry for entry in entries_of(results)}
        return [labelled[result.path] for result in results]
    return [Entry(f"{result.method} seed {result.seed}", (result,)) for result in results]


def _places(name: str, entries: list[Entry]) -> str:
    places = dict.fromkeys(
        f"{entry.first.dataset} {entry.first.identity['protocol']}"
        for entry in entries
        if entry.label == name
    )
    return ", ".join(places)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _section(compared: list[Comparison], reference: str | None) -> str:
    first = compared[0].a.first
    title = f"## {first.dataset}, {first.identity['protocol']}"
    family = f"each against {reference}" if reference else f"all {len(compared)} pairs"
    if len(compared) == 1:
        family = "this pair"
    notes = [
        "A positive difference is in favour of a. ± episodes: other episodes of these images and "
        "classes; ± classes: a fresh draw of test classes.",
        f"Holm's correction is over {family}, of the t test. d: mean difference over its standard "
        "deviation; r: correlation of the two over episodes.",
        "detectable: the least true difference that so many episodes show with a power of 80 %.",
    ]
    reasons = {one.paired.ci_classes_reason for one in compared} - {None}
    notes += [f"No ± classes: {reason}" for reason in sorted(map(str, reasons))]
    if any(one.ci_seeds is not None for one in compared):
        notes.append("± seeds: a fresh draw of training seeds and episodes.")
    bullets = "\n".join(f"* {note}" for note in notes)
    return f"{title}\n\n{markdown_table(_cells(compared))}\n\n{bullets}\n"


def _cells(compared: list[Comparison]) -> pd.DataFrame:
    """Differences in points."""
    rows = []
    for one in compared:
        paired = one.paired
        rows.append(
            {
                "a": one.a.label,
                "b": one.b.label,
                "a %": percent(float(one.a.accuracy.mean())),
                "b %": percent(float(one.b.accuracy.mean())),
                "difference": f"{100 * paired.difference:+.2f}",
                "± episodes": percent(paired.ci_episodes),
                "± classes": percent(paired.ci_classes),
                "± seeds": percent(one.ci_seeds),
                "p (t)": p_value(paired.p_t),
                "p (sign flip)": p_value(paired.p_sign_flip),
                "p (Holm)": p_value(one.p_holm),
                "detectable": percent(detectable_difference(paired.n, paired.sd)),
                "d": f"{paired.effect_size:.2f}",
                "r": "–" if paired.correlation is None else f"{paired.correlation:.2f}",
                "n": str(paired.n),
                "seeds": str(one.seeds),
            }
        )
    frame = pd.DataFrame(rows)
    if all(one.ci_seeds is None for one in compared):
        frame = frame.drop(columns="± seeds")
    return frame
