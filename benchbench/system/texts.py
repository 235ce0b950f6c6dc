"""Texts from outside, such as specs, reasons, and names of classes and files, made safe to show.

A name may hold whatever a file system or an archive lets it: the end of a line, a sequence that
moves a terminal's cursor, a mark that turns the direction of what follows, bytes that are no text.
"""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"
"""Unseen, but needed to write some languages."""


def legible(text: object) -> str:
    r"""The text in one line, with what cannot be seen in it written as in Python.

    That is `\n`, `\x1b`, `\u202e`; `\xdf` for a byte of a file's name that is no text.
    """
    line = str(text)
    return line if line.isprintable() else "".join(map(_visible, line))


def legible_lines(text: object) -> str:
    """As `legible`, of a text whose line ends are our own."""
    return "\n".join(map(legible, str(text).split("\n")))


def _visible(character: str) -> str:
    known = character.isprintable() or character in JOINERS
    if known or unicodedata.category(character) == "Zs":
        return character
    if "\udc80" <= character <= "\udcff":  # how Python keeps such a byte
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def counted(count: int, what: str) -> str:
    """A number of things, as `1 task` and `2 tasks`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def is_number(text: str) -> bool:
    """Whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
