"""Whether the names of classes are words that say what the classes are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

WORD = re.compile(r"[^\W\d_]{2}|[^\W\d_\x00-\x7f]")
"""Two letters in a row, or one of a script in which one letter may be a word."""

ANSWERS = {"true", "false", "yes", "no", "none"}
"""Words that say nothing without the question."""


def are_words(class_names: Sequence[str]) -> bool:
    """Whether at least half of the classes have a word that no other class has.

    The word is the last part of a path, without digits and signs: `class 1` and `class 2` have one
    word, and so have `n01532829/images` and `n01558993/images`.
    """
    words = [_word(name.rpartition("/")[2]) for name in class_names]
    counts = Counter(words)
    own = sum(1 for word in words if word and counts[word] == 1)
    return 2 * own >= len(words)


def _word(name: str) -> str:
    """The letters of a name; empty if it is a number, an identifier such as n01532829, or yes."""
    letters = re.sub(r"[\W\d_]+", "", name.casefold())
    return letters if WORD.search(name) and letters not in ANSWERS else ""
