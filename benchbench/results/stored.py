"""Stored runs read back: what can be read is a `Result`, and what cannot is told and left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from benchbench.errors import BenchbenchError
from benchbench.results.configurations import Defaults
from benchbench.results.entries import Result, by_protocol
from benchbench.runs.directory import RunDirectory
from benchbench.runs.reading import CURE
from benchbench.runs.rows import Rows
from benchbench.runs.store import Store
from benchbench.system.progress import say
from benchbench.verification.differences import Findings
from benchbench.verification.records import verify_rows
from benchbench.verification.redrawing import Redrawings

FOREIGN = "stored in the format of another version"


def read_result(run: RunDirectory) -> Result:
    """Read a finished run. Raises BenchbenchError if it is damaged or in another format."""
    manifest = run.manifest
    if run.is_foreign:
        raise BenchbenchError(f"{run.path} is {FOREIGN}; run its command again with another --out.")
    if run.status != "finished":
        raise BenchbenchError(f"The run in {run.path} is not finished; run its command again.")
    try:
        rows = Rows.parsed(run.stored_rows(), manifest["identity"]["metrics"])
    except ValueError as error:
        raise BenchbenchError(f"{run.path}/episodes.csv {error}; {CURE}.") from error
    return Result(run.path, manifest, rows.correct, rows.n_query, rows.class_ids, rows.metrics)


def read_results(runs: Iterable[RunDirectory], refused: list[Path] | None = None) -> list[Result]:
    """The finished runs, each folder once; those that cannot be read are reported.

    So are those that contradict themselves, or the episodes that they claim, as far as that shows
    at once, and those in whose place others record more of the same. refused: gets the folders of
    the former.
    """
    results: list[Result] = []
    foreign: list[Path] = []
    unknown: list[Path] = []
    for path, run in sorted({run.path.resolve(): run for run in runs}.items()):
        try:
            if not run.status:
                unknown.append(path)
            elif run.is_foreign:
                foreign.append(path)
            elif run.status == "finished":
                results.append(read_result(run))
        except BenchbenchError as error:
            say(f"left out a run: {error}")
    if unknown:
        say(f"left out folders whose manifest.json is of no run {_counted(unknown)}")
    if foreign:
        say(
            f"left out runs {FOREIGN} {_counted(foreign)}; "
            "run their commands again with another --out"
        )
    consistent = _completed(_consistent(results, refused if refused is not None else []))
    return [one for group in by_protocol(consistent).values() for one in _agreeing(group)]


def _consistent(results: list[Result], refused: list[Path]) -> list[Result]:
    """Without those that contradict themselves or their episodes, which are said and refused.

    Two folders of one run are left: they are an error that names both.
    """
    redrawings, kept = Redrawings(), []
    times = Counter((one.configuration, one.seed) for one in results)
    for one in results:
        found = Findings(one.path)
        if times[one.configuration, one.seed] == 1:
            verify_rows(one.manifest, one.rows, redrawings.of(one.path), found)
        if not found.differences:
            kept.append(one)
            continue
        more = len(found.differences) - 1
        others = f" (and {more} more; `benchbench verify` names all)" if more else ""
        say(f"left out {one.path}: {found.differences[0]}{others}")
        refused.append(one.path)
    return kept


def _completed(results: list[Result]) -> list[Result]:
    """With parameters that methods have got since; of runs that are one then, the most complete."""
    defaults = Defaults(one.manifest for one in results)
    whole = [replace(one, lacking=defaults.lacking(one.manifest)) for one in results]
    fewest: dict[tuple[str, int], int] = {}
    for one in whole:
        key = one.configuration, one.seed
        fewest[key] = min(len(one.lacking), fewest.get(key, len(one.lacking)))
    older = [one for one in whole if len(one.lacking) > fewest[one.configuration, one.seed]]
    if older:
        names = ", ".join(older[0].lacking)
        say(
            f"left out runs of older code {_counted([one.path for one in older])}: others of the "
            f"same configuration and seed record more parameters of their methods ({names})"
        )
    left_out = {one.path for one in older}
    return [one for one in whole if one.path not in left_out]


def _counted(paths: Sequence[Path]) -> str:
    return f"({len(paths)}, such as {paths[0]})"


def _agreeing(group: list[Result]) -> list[Result]:
    """Without those that say of an episode other classes than most runs on their protocol.

    Where as many say one thing as another, nobody knows which are right, and all are left out.
    """
    for length in sorted(set(map(len, group))):
        heads = Counter(one.class_ids[:length] for one in group if len(one) >= length)
        if len(heads) < 2:
            continue
        (most, votes), (other, against) = heads.most_common(2)
        one, another = (
            next(one.path for one in group if one.class_ids[:length] == head)
            for head in (most, other)
        )
        right = {most} if votes > against else set()
        kept = [o for o in group if len(o) < length or o.class_ids[:length] in right]
        why = "the others are not as most are" if right else "nobody knows which are right"
        say(
            f"left out runs ({len(group) - len(kept)}): {one} and {another} are on one protocol, "
            f"hold different episodes, and {why}; move elsewhere those that do not belong there"
        )
        group = kept
    return group


def results_below(folders: Sequence[Path], refused: list[Path] | None = None) -> list[Result]:
    """The finished runs below all folders, as `read_results`.

    Raises BenchbenchError if a folder does not exist.
    """
    return read_results(runs_below(folders), refused)


def runs_below(folders: Sequence[Path]) -> list[RunDirectory]:
    """The runs below all folders, each once.

    Raises BenchbenchError if a folder does not exist.
    """
    for folder in folders:
        if not folder.is_dir():
            raise BenchbenchError(f"There is no folder {folder}; `benchbench run` makes results.")
    runs = (run for folder in folders for run in Store(folder).runs())
    return list({run.path.resolve(): run for run in runs}.values())


def no_runs(folders: Sequence[Path], where: str = "") -> BenchbenchError:
    """The error for folders in which there is nothing to tabulate."""
    listed = ", ".join(map(str, folders))
    return BenchbenchError(f"No finished runs{where} below {listed}; `benchbench run` makes them.")
