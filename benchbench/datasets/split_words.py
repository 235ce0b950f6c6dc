"""What people call the parts of their data, in folders and in lists."""

from __future__ import annotations

import re

WORDS = {
    **dict.fromkeys(("train", "training", "base"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "development"), "val"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "novel"), "test"),
}
"""The split that a word means; `base` and `novel` are words of few-shot papers."""

FILLERS = re.compile(r"(meta|data|dataset|sets?|split|folder|images?|imgs?|pictures|classes)+")
ENDS = re.compile(r"(data|set|split|images|imgs)$")


def split_named(name: str) -> str | None:
    """The split that a folder's or a list's name means, such as `val` for `Validation_set`.

    None if it means none, or several.
    """
    tokens = re.findall(r"[^\W\d_]+", name.casefold())
    words = [ENDS.sub("", token) for token in tokens if not FILLERS.fullmatch(token)]
    return WORDS.get(words[0]) if len(words) == 1 else None
