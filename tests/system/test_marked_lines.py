"""Generated text between two marked lines of a file."""

from hypothesis import given
from hypothesis import strategies as st

from benchbench.system.marked_lines import MarkedLines

MARKED = MarkedLines("benchbench tell")
LINES = st.lists(st.text(st.characters(exclude_characters="\r\n<"), max_size=9)).map("\n".join)


def test_the_lines_name_the_command() -> None:
    assert MARKED.begin == "<!-- benchbench tell: begin -->"
    assert MARKED.end == "<!-- benchbench tell: end -->"


@given(LINES, LINES, LINES, LINES)
def test_the_text_around_the_lines_is_kept(before: str, old: str, new: str, after: str) -> None:
    content = f"{before}\n{MARKED.around(old)}\n{after}"
    assert MARKED.replaced(content, new) == f"{before}\n{MARKED.around(new)}\n{after}"


def test_what_would_be_a_pattern_is_text() -> None:
    assert MARKED.replaced(MARKED.around("old"), r"\1 \g<0>") == MARKED.around(r"\1 \g<0>")


def test_only_whole_lines_are_marks() -> None:
    for content in ("", "text", f"Read `{MARKED.begin}` and `{MARKED.end}`.", MARKED.begin):
        assert MARKED.replaced(content, "new") is None
