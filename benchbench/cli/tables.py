"""What `benchbench run` says and prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from benchbench.datasets.integrity.contamination import judge
from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.runs.outcome import Outcome
from benchbench.samplers import KShotSampler, Sampler
from benchbench.system.progress import say

if TYPE_CHECKING:
    from benchbench.grid.bench import Bench
    from benchbench.grid.cell import Cell


class Tested(NamedTuple):
    """The outcomes of all methods on one problem; sampler: that drew its episodes, or None."""

    problem: Problem
    episodes: EpisodeSet
    outcomes: list[Outcome]
    sampler: Sampler | None


def print_tables(tested: Sequence[Tested]) -> None:
    """Print the table of a data set; of several, a column for each and average ranks."""
    from benchbench.results.outcomes import run_table
    from benchbench.stats import reuse_warning

    if len(tested) > 1:
        _tell_sources(tested)
        return
    problem, episodes, outcomes, sampler = tested[0]
    print(run_table(outcomes, len(episodes)))
    if isinstance(sampler, KShotSampler):
        return  # ± test images speaks of other images
    if warning := reuse_warning(episodes.images_drawn, len(problem.test.view(episodes.split).rows)):
        cure = " With --replacement none it speaks of them." if _can_be_disjoint(sampler) else ""
        say(warning + cure)


def _can_be_disjoint(sampler: Sampler | None) -> bool:
    """Whether the sampler, with its other parameters as they are, takes --replacement none."""
    try:
        replace(sampler, replacement="none")  # type: ignore[type-var]
    except (TypeError, ValueError):
        return False
    return True


def _tell_sources(tested: Sequence[Tested]) -> None:
    """A table of each source, and one of them all if a method has results on every one."""
    from benchbench.results.across import sources_of
    from benchbench.results.outcomes import readable_entries, run_table
    from benchbench.results.reporters.across import sources_table
    from benchbench.results.reporters.markdown import heading

    for problem, episodes, outcomes, _ in tested:
        print(f"{heading(problem.name)}\n\n{run_table(outcomes, len(episodes))}\n")
    tables = [readable_entries(outcomes, len(episodes)) for _, episodes, outcomes, _ in tested]
    try:
        sources = sources_of([table for table in tables if table])
        print(f"## All {len(sources.names)} sources\n\n{sources_table(sources, 'paired')}", end="")
    except BenchbenchError as error:
        say(str(error))


def say_what_is_tested(problem: Problem, episodes: EpisodeSet) -> None:
    """Say which episodes methods are tested on, and whether they may have learned the classes."""
    digest = episodes.sha256[:16]
    say(f"{problem.name}: {len(episodes)} episodes {episodes.protocol}, sha256 {digest}")
    if episodes.has_unknown:
        say(
            f"{problem.name}: {len(episodes.unknown)} further queries are of none of their "
            "episode's classes; methods see them among the others, transductive ones all at once"
        )
    _warn_of_shared_classes(problem)


def say_unused_pool(cells: Sequence[Cell], bench: Bench) -> None:
    """Say so if there are unlabelled images and no method of the cells is given them.

    The methods have their places in the bench's engine.
    """
    has_pool = any(episodes.has_pool for _, episodes in map(bench.task, cells))
    methods = [bench.engine(cell).admitted(cell.method) for cell in cells]
    if has_pool and not any(method.card.uses_unlabelled for method in methods):
        say(
            "no method of this command uses the unlabelled images, so scores are those without; "
            "docs/methods.md names those that do as semi-supervised"
        )


def refuse_if_none_can_run(outcomes: Sequence[Outcome]) -> None:
    """Raise BenchbenchError with the reasons if every method declined every task."""
    if not outcomes or any(outcome.status != "skipped" for outcome in outcomes):
        return
    reasons: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        reasons.setdefault(outcome.reason, {})[outcome.method] = None
    count = len({outcome.method for outcome in outcomes})
    why = "; ".join(f"{reason} ({', '.join(methods)})" for reason, methods in reasons.items())
    which = "The one method cannot run" if count == 1 else f"None of the {count} methods can run"
    raise BenchbenchError(f"{which}: {why}.")


def _warn_of_shared_classes(problem: Problem) -> None:
    """Say so if data that are learned from are known to have test classes of this problem."""
    for member in problem.train.members or ():
        verdict = judge([member.partition("[")[0]], problem.test.name)
        if member != problem.name and verdict.level in ("classes", "images"):
            say(
                f"{problem.name} is no unseen data where {member} was learnt from: "
                f"{verdict.reason} `benchbench data verify` compares the pictures."
            )
