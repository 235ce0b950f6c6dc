"""Texts from outside: in one line, with nothing unseen in them, and else as they are."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.system.texts import legible, legible_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("knn[backbone=pixels,k=3]", "knn[backbone=pixels,k=3]"),
        ("größe, 猫, ねこ\u3000, हिन्\u200dदी, 🏳️", "größe, 猫, ねこ\u3000, हिन्\u200dदी, 🏳️"),
        (r"C:\data\n", r"C:\data\n"),
        ("new\nline\r\n\ttab", r"new\nline\r\n\ttab"),
        ("\x1b[31mred\x1b[0m\x07", r"\x1b[31mred\x1b[0m\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("user\u202egnp.exe", r"user\u202egnp.exe"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("\ufeffmark", r"\ufeffmark"),
        (os.fsdecode(b"gro\xdfe"), r"gro\xdfe"),
        ("half \ud83d of a pair", r"half \ud83d of a pair"),
        (404, "404"),
    ],
)
def test_what_cannot_be_seen_is_written_as_in_python(text: object, expected: str) -> None:
    assert legible(text) == expected


@given(st.text(st.characters()))
def test_any_text_becomes_one_line_that_can_be_written(text: str) -> None:
    shown = legible(text)
    assert legible(shown) == shown
    assert len(shown.splitlines()) <= 1
    assert shown.encode("utf-8").decode("utf-8") == shown
    unseen = {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert unseen <= {"\u200c", "\u200d"}


@given(st.text())
def test_what_can_be_seen_stays(text: str) -> None:
    seen = "".join(c for c in text if c.isprintable())
    assert legible(seen) == seen


def test_lines_of_our_own_stay_lines() -> None:
    assert legible_lines("first \x1b[2J\nsecond\r") == "first \\x1b[2J\nsecond\\r"
