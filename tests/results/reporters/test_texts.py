"""Every reporter with texts from outside: its shape stays, and what it shows can be read."""

import csv
import io
import json
import re
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import example, given, settings
from markdown_it import MarkdownIt
from results.reporters.rows import frame
from support.awkward import EVERY_PIECE, UNICODE_TEXTS, unicode, words

from benchbench.results import reporters
from benchbench.results.ranking import rank_table
from benchbench.results.reporters.files import BEGIN, END
from benchbench.results.reporters.ranks import ranked_csv, ranked_json, ranked_markdown
from benchbench.results.standing import Standing
from benchbench.system.texts import legible

FILLED = ("method", "dataset", "backbone", "budget", "pretrained_on", "audit_reason")

EVERYTHING = unicode(EVERY_PIECE)

fuzzed = settings(max_examples=4, deadline=None)
"""Frames take long; `test_printed.py` tries many texts."""


def board(text: str) -> pd.DataFrame:
    """A leaderboard whose texts are all this one, and in which all that can be told is told."""
    told = {
        "contamination": "classes",
        "evidence": "audit against its claim",
        "published_percent": 90.0,
        "published_difference": 1.5,
        "published_source": text,
    }
    table = frame({**dict.fromkeys(FILLED, text), **told})
    table[f"metric {text}"] = 0.5
    return table


def ranked(text: str) -> Any:
    rows = [(method, source) for method in (text, "other") for source in (f"on {text}", "y")]
    table = pd.DataFrame(rows, columns=["method", "test_source"])
    standing = Standing(pretrained_on=text, contamination="classes", audit_reason=text)
    return rank_table(
        table.assign(accuracy=[90.0, 80.0, 70.0, 60.0], half_width=1.0, standing=standing),
        "meta-dataset",
    )


def lines(text: str) -> int:
    """The number of lines, whatever a reader takes for the end of one."""
    assert legible(text.replace("\n", "")) == text.replace("\n", "")
    assert len(text.splitlines()) == text.count("\n")
    return text.count("\n")


@fuzzed
@given(UNICODE_TEXTS.filter(words))
@example(EVERYTHING)
def test_markdown_keeps_its_shape_and_the_texts(text: str) -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for write in (
        lambda one: reporters.markdown(board(one)),
        lambda one: ranked_markdown(ranked(one)),
    ):
        found, expected = write(text), write("plain")
        assert lines(found) == lines(expected)
        tokens, usual = parser.parse(found), parser.parse(expected)
        assert [one.type for one in tokens] == [one.type for one in usual]
        shown = [one.content for token in tokens for one in token.children or () if one.content]
        assert words(legible(text)) in [words(one) for one in shown]


@fuzzed
@given(UNICODE_TEXTS.filter(words))
@example(EVERYTHING)
def test_html_keeps_its_elements_and_the_texts(text: str) -> None:
    pages = [reporters.html(board(one)) for one in (text, "plain")]
    bodies = [page[page.index("<body>") : page.index("</body>") + 7] for page in pages]
    assert lines(pages[0]) == lines(pages[1])
    found, expected = (list(ElementTree.fromstring(body).iter()) for body in bodies)
    assert [one.tag for one in found] == [one.tag for one in expected]
    assert words(legible(text)) in [words(one.text or "") for one in found]


@fuzzed
@given(UNICODE_TEXTS.filter(words))
@example(EVERYTHING)
def test_latex_keeps_its_lines_and_braces(text: str) -> None:
    found, expected = (reporters.latex(board(one)) for one in (text, "plain"))
    assert lines(found) == lines(expected)
    rows = [row for row in found.splitlines() if row.endswith(r"\\")]
    assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1
    for line in found.splitlines():
        if not line.startswith("%"):
            bare = re.sub(r"\\[\\{}%&$#_]|\\[a-z]+", "", line)
            assert bare.count("{") == bare.count("}")
            assert not set("%#_^~<>|`\\") & {*bare}


@fuzzed
@given(UNICODE_TEXTS)
@example(EVERYTHING)
@example("-1")
def test_csv_keeps_its_rows_and_starts_no_formula(text: str) -> None:
    for write in (lambda one: reporters.csv(board(one)), lambda one: ranked_csv(ranked(one))):
        found = write(text)
        assert lines(found) == lines(write("plain"))
        table = list(csv.DictReader(io.StringIO(found)))
        shown = table[0]["method"]
        assert shown.removeprefix("'") == legible(text).removeprefix("'")
        for row in table:
            for cell in row.values():
                assert not cell.lstrip().startswith(("=", "@"))
                assert not cell.lstrip().startswith(("+", "-")) or float(cell) is not None


@fuzzed
@given(UNICODE_TEXTS)
@example(EVERYTHING)
def test_json_holds_the_texts_themselves(text: str) -> None:
    shown, ranks = reporters.json(board(text)), ranked_json(ranked(text))
    assert shown.isascii()
    assert ranks.isascii()
    assert json.loads(shown)[0]["method"] == text
    assert text in [one["method"] for one in json.loads(ranks)["methods"]]


@pytest.mark.parametrize("mark", [BEGIN, END])
def test_a_mark_of_the_tables_within_a_text_is_none(mark: str) -> None:
    for text in (reporters.markdown(board(mark)), ranked_markdown(ranked(f"{mark}\n{mark}"))):
        assert mark not in text


@pytest.mark.parametrize("source", ["method", "setting", "average rank", "pre-trained on"])
def test_a_source_that_is_called_as_another_column_is_a_column_of_its_own(source: str) -> None:
    rows = [("a", source, 90.0, 1.0), ("b", source, 60.0, 1.0)]
    table = pd.DataFrame(rows, columns=["method", "test_source", "accuracy", "half_width"])
    header, _, first, *_ = ranked_markdown(rank_table(table, "meta-dataset")).splitlines()
    names = [name.strip() for name in header.strip("|").split("|")]
    assert names == ["method", "average rank", f"{source} (test source)"]
    assert [cell.strip() for cell in first.strip("|").split("|")][:2] == ["a", "1.00"]
