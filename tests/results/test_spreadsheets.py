"""Tables from spreadsheets: the same rows however they were exported, and what is left out told."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbench.errors import BenchbenchError
from benchbench.results.spreadsheets import SUMMARIES, read_spreadsheet

LATIN = "line 3 holds the byte 0xe9, which is no text"
HEADER = "method,test_source,accuracy_percent,ci95_percent"
TABLE = f"{HEADER}\nalpha,Omniglot,60.1,1.0\nbeta,Omniglot,70.2,1.1\nalpha,Birds,40.1,1.0\n"
ROWS = [
    ["alpha", "Omniglot", "60.1", "1.0"],
    ["beta", "Omniglot", "70.2", "1.1"],
    ["alpha", "Birds", "40.1", "1.0"],
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def read(path: Path, content: str | bytes) -> list[list[str]]:
    """The rows of a table whose columns are those of the header."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    frame = read_spreadsheet(path)
    assert list(frame) == HEADER.split(",")
    return frame.to_numpy().tolist()


def refused(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BenchbenchError) as error:
        read_spreadsheet(path)
    return str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode(),
        TABLE.encode("utf-16"),
        TABLE.replace(",", "\t"),
        TABLE.replace(",", ";"),
        TABLE.replace("\n", ",\n").replace("percent,\n", "percent\n"),
        TABLE.replace("\n", ",,\n"),
        TABLE.replace("\nbeta", "\n,,,\n\n  \nbeta") + "\n\n,,,\n",
        '"' + TABLE.strip().replace(",", '", "').replace("\n", '"\n"') + '"',
        TABLE.replace(HEADER, "Method,Test Source,ACCURACY_PERCENT,CI95-percent"),
        TABLE.replace("60.1,", "60.1%,").replace("70.2,1.1", "70.2 %,± 1.1 %"),
    ],
    ids=[
        *("plain", "mark", "utf-16", "tabs", "semicolons", "trailing", "columns"),
        *("empty", "quoted", "names", "signs"),
    ],
)
def test_a_table_is_the_same_however_it_was_exported(path, capsys, content) -> None:
    assert read(path, content) == ROWS
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TABLE.replace(",", ";").replace(".", ","), "its decimal point (6, as line 2, '60,1')"),
        (TABLE.replace("60.1", '"60,1"'), "its decimal point (1, as line 2, '60,1')"),
        (TABLE.replace("60.1,1.0", "60.1 ± 1.0,"), "its 95 % interval (1, as line 2)"),
        (TABLE.replace("60.1,1.0", "60.1+/-1.0"), "its 95 % interval (1, as line 2)"),
        (f"Table 3: results\n\n{TABLE}", "above the names of the columns (1, as line 1, 'Table 3"),
        ("sep=;\n" + TABLE.replace(",", ";"), "names of the columns (1, as line 1, 'sep=')"),
        (f"{TABLE}mean,,57.1,\n", "that sum up others"),
        (f"{TABLE}Average:,Omniglot,65.1,1\n", "that sum up others"),
        (f"{TABLE}alpha,mean,50.1,1\n", "that sum up others"),
        (f"{TABLE}\n* trained on ImageNet\n", "without a figure (1, as line 6, '* trained"),
        (f"{TABLE}Note: of a, b, and c, and d, all\n", "without a figure (1, as line 5, 'Note"),
        (TABLE.replace("\nbeta", "\nMetric methods,,,\nbeta"), "without a figure (1, as line 3"),
        (TABLE.replace("\n", ",7\n").replace("percent,7", "percent,"), "column 5"),
    ],
)
def test_what_is_left_out_or_guessed_is_told_in_a_line(path, capsys, content, told) -> None:
    assert read(path, content) == ROWS
    error = capsys.readouterr().err
    assert told in error
    assert error.startswith(f"{path}: ")
    assert error.count("\n") == 1


def test_a_header_that_is_repeated_is_no_row(path: Path) -> None:
    assert read(path, TABLE + TABLE.title()) == ROWS + [
        [name.title() if name.isalpha() else name for name in row] for row in ROWS
    ]


def test_an_interval_beside_an_accuracy_needs_no_column(path: Path) -> None:
    content = "method,test_source,accuracy_percent\na,x,60.1 ± 1.0\nb,x,50\n"
    assert read(path, content) == [["a", "x", "60.1", "1.0"], ["b", "x", "50", ""]]


def test_other_columns_stay_as_they_are(path: Path) -> None:
    path.write_text("Note A,method,test_source,accuracy_percent\n50%,a,x,1\n", encoding="utf-8")
    assert read_spreadsheet(path).to_dict("records") == [
        {"Note A": "50%", "method": "a", "test_source": "x", "accuracy_percent": "1"}
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\xff\xfe", "of a spreadsheet program or another archive; export it as csv"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "of a spreadsheet program or another archive"),
        (TABLE.replace("beta", "b\xe9ta").encode("latin-1"), f"UTF-8: {LATIN}; export it as csv"),
        (b"\xef\xbb\xbf\na\n\xe9", LATIN),
        (b"\xff\xfe" + TABLE.encode("utf-16-le")[:-1], "in UTF-8: "),
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        (TABLE.replace("1.1", "1.1,x"), "Line 3 of"),
        (TABLE.replace("beta", ""), "Line 3 of"),
        (TABLE.replace("ci95_percent", "Method"), "has two columns method"),
        (TABLE.replace("test_source", "source"), "has no column test_source;"),
        (TABLE.replace("method", "name").replace(",", ";"), "has no column method;"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(path: Path, content, message: str) -> None:
    found = refused(path, content)
    assert message in found
    assert "\n" not in found


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1).filter(
    lambda name: name == name.strip() and name.lower().strip(" .:") not in ("", *SUMMARIES)
)


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(NAMES, min_size=1, max_size=4), st.sampled_from(",;\t"))
def test_any_names_are_read_as_they_were_written(path, names, separator) -> None:
    target = io.StringIO()
    rows = [[name, "x", "60.1", "1.0"] for name in names]
    csv.writer(target, delimiter=separator).writerows([HEADER.split(","), *rows])
    assert read(path, target.getvalue()) == rows
