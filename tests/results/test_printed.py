"""Texts from outside in markdown: the table keeps its shape, and each text can be read in it."""

from collections.abc import Iterator

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.awkward import EVERY_PIECE, TEXTS, words

from benchbench.results.printed import Bold, Marked, markdown_cell, markdown_text, printed
from benchbench.results.reporters.markdown import bullets, heading
from benchbench.system.texts import legible

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def parsed(text: str) -> list[Token]:
    return PARSER.parse(text)


def texts_in(tokens: list[Token]) -> Iterator[str]:
    """What is shown of each line; it holds nothing but text, in bold or not."""
    for token in tokens:
        if token.type == "inline":
            children = token.children or []
            assert {one.type for one in children} <= {"text", "strong_open", "strong_close"}, token
            yield "".join(one.content for one in children)


def kinds(tokens: list[Token]) -> list[str]:
    return [token.type for token in tokens]


def test_usual_names_are_written_as_they_are() -> None:
    for name in ("fo_proto_maml", "knn[backbone=pixels,distance=euclidean] #1a2b3c", "a__b (c)"):
        assert markdown_text(name) == name


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=4))
@example([[EVERY_PIECE, EVERY_PIECE]] * 2)
def test_a_table_of_any_texts_keeps_its_shape_and_its_texts(rows: list[list[str]]) -> None:
    names, *cells = rows
    text = printed(names, cells, "pipe", markdown_cell)
    assert len(text.split("\n")) == len(text.splitlines()) == len(rows) + 1
    if all(words(legible(name)) for name in names):
        tokens = parsed(text)
        assert kinds(tokens).count("table_open") == 1
        assert kinds(tokens).count("tr_open") == len(rows)
        shown = list(texts_in(tokens))
        expected = [cell for row in rows for cell in row]
        assert list(map(words, shown)) == [words(legible(cell)) for cell in expected]


@given(st.lists(TEXTS, min_size=1, max_size=4))
@example([EVERY_PIECE, *EVERY_PIECE])
def test_notes_of_any_texts_are_a_list(notes: list[str]) -> None:
    text = bullets(notes)
    assert len(text.splitlines()) == len(notes)
    tokens = parsed(text)
    expected = [words(legible(note)) for note in notes]
    if expected[0]:
        assert kinds(tokens).count("bullet_list_open") == 1
        assert kinds(tokens).count("list_item_open") == len(notes)
    assert not {"heading_open", "blockquote_open", "ordered_list_open", "hr"} & {*kinds(tokens)}
    assert [words(shown) for shown in texts_in(tokens)] == [note for note in expected if note]


@given(TEXTS, st.integers(1, 3))
@example(EVERY_PIECE, 2)
@example("sharp #", 2)
def test_a_heading_of_any_text_is_one_line(text: str, level: int) -> None:
    tokens = parsed(heading(text, level))
    assert kinds(tokens) == ["heading_open", "inline", "heading_close"]
    assert tokens[0].tag == f"h{level}"
    assert [words(shown) for shown in texts_in(tokens)] == [words(legible(text))]


def test_a_bold_cell_and_words_of_our_own_keep_their_marks() -> None:
    assert markdown_cell(Bold("1|2")) == r"**1\|2**"
    assert bullets([Marked("Rule `plain`: |m1 - m2|."), "`x`"]).splitlines() == [
        "* Rule `plain`: |m1 - m2|.",
        r"* \`x\`",
    ]
