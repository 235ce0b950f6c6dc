"""Errors that a person can mend, reported in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_EPISODES = 10**6
"""That can be asked for at once; their numbers are held in memory."""

NAMES_LISTED = 40
"""Known names that a message lists; libraries have a thousand networks."""


class BenchbenchError(Exception):
    """The request cannot be carried out; the message says what to change (exit code 2)."""


class NoEstimate(BenchbenchError):  # noqa: N818 (nothing went wrong: the data do not say)
    """A statistic that the data do not determine; the message is the reason, in one sentence."""

    @property
    def reason(self) -> str:
        """The sentence that says why there is no number."""
        return str(self)


class MethodError(Exception):
    """A method broke its contract or failed; it ends its own job only (exit code 1).

    stacks: where, if it was in another process.
    """

    def __init__(self, reason: str, stacks: str = "") -> None:
        super().__init__(reason)
        self.stacks = stacks


def unknown_name(kind: str, name: str, known: Iterable[str]) -> BenchbenchError:
    """The error for a name that nothing is registered under, with the nearest known names."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    listed = ", ".join(names[:NAMES_LISTED]) or "none"
    if len(names) > NAMES_LISTED:
        listed += f" and {len(names) - NAMES_LISTED} more"
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {listed}."
    return BenchbenchError(f"There is no {kind} named '{name}'; {hint}")


def reason_of(error: BaseException) -> str:
    """An exception in one sentence."""
    text = " ".join(str(error).split())
    if isinstance(error, (MethodError, BenchbenchError)):
        return text
    kind = "out of memory" if _is_out_of_memory(error) else type(error).__name__
    return f"{kind}: {text}" if text else kind


def _is_out_of_memory(error: BaseException) -> bool:
    """Of Python, of torch on a GPU (its own subclass of RuntimeError), or of torch on a CPU."""
    phrases = ("out of memory", "can't allocate memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in phrases)
    )
