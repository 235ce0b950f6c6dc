"""Which sampler draws where none is named: that of few-shot papers, or all classes at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchbench.episodes import EpisodeSet
from benchbench.system.progress import say

USUAL, ALL_AT_ONCE = "fixed", "zero_shot"
WAY = 5
"""Of the usual sampler: too few classes to see how methods without a support differ."""


def sampler_and_options(
    named: str | None, options: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The spec of the sampler, and those of the options that it takes.

    named: the spec that was given, or None. Without one it is the usual sampler, or the one of all
    classes at once where 0 is the only shot and no way is said, nor anything else that only the
    usual one has. options: with None, or an empty tuple, where nothing is given.
    """
    given = {name for name, value in options.items() if value not in (None, ())}
    if named is not None:
        return named, dict(options)
    if options.get("shot") not in (0, (0,)) or given - {"shot", "query"}:
        return USUAL, dict(options)
    return ALL_AT_ONCE, {name: options[name] for name in given - {"shot"}}


def say_all_at_once(episodes: EpisodeSet) -> None:
    """Say that all classes are candidates although nobody asked for it, and what makes them few."""
    classes = episodes[0].n_way
    cure = f"; --way {WAY} has episodes of five" if classes > WAY else ""
    say(f"0 shots: all {classes} classes are candidates at once{cure}")
