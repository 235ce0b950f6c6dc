"""Leaderboards as text: what is printed is rounded, what is read again is not."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import pandas as pd
import pytest

from benchbench import reporters

ROWS: list[dict[str, Any]] = [
    {
        "dataset": "glyphs",
        "protocol": "5way-1shot-15query",
        "fingerprint": "f" * 64,
        "splits": "s" * 64,
        "split": "test",
        "episode_seed": 0,
        "method": method,
        "budget": "quick",
        "seed": seed,
        "accuracy": accuracy,
        "ci_episodes": 0.1 + 0.2,
        "ci_classes": ci_classes,
        "episodes": 600,
        "training_seconds": 61.7,
        "seconds_per_episode": 0.0012345,
        "run": f"{method}-0123abcd",
    }
    for method, seed, accuracy, ci_classes in [
        ("protonet", 0, 2 / 3, 0.123456789012345678),
        ("knn[k=3,distance=cosine]", 1, 1 / 3, None),
    ]
]


def frame(*changes: dict[str, Any]) -> pd.DataFrame:
    """The rows above, a copy of both for each change."""
    return pd.DataFrame([{**row, **change} for change in changes or ({},) for row in ROWS])


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_markdown_has_percent_times_and_a_dash() -> None:
    title, blank, header, rule, first, second = reporters.markdown(frame()).splitlines()
    assert (title, blank) == ("## glyphs, 5way-1shot-15query", "")
    assert dict(zip(cells(header), cells(first), strict=True)) == {
        "method": "protonet",
        "accuracy %": "66.67",
        "± episodes": "30.00",
        "± classes": "12.35",
        "n": "600",
        "budget": "quick",
        "seed": "0",
        "training s": "62",
        "ms / episode": "1.23",
    }
    assert cells(second)[:4] == ["knn[k=3,distance=cosine]", "33.33", "30.00", "–"]
    assert cells(rule)[0].startswith(":-")
    assert all(cell.endswith("-:") for cell in cells(rule)[1:])


def test_markdown_names_an_episode_seed_other_than_zero() -> None:
    assert reporters.markdown(frame({"episode_seed": 7})).startswith(
        "## glyphs, 5way-1shot-15query, episode seed 7\n"
    )


@pytest.mark.parametrize(
    "change", [{"dataset": "omniglot"}, {"protocol": "20way-1shot-1query"}, {"episode_seed": 1}]
)
def test_markdown_keeps_unequal_protocols_apart(change: dict[str, Any]) -> None:
    parts = reporters.markdown(frame({}, change)).split("## ")[1:]
    assert len(parts) == 2
    assert parts[0] == reporters.markdown(frame()).removeprefix("## ") + "\n"
    assert parts[1] == reporters.markdown(frame(change)).removeprefix("## ")


def test_the_order_of_the_rows_is_the_frames() -> None:
    lines = reporters.markdown(frame().iloc[::-1]).splitlines()
    assert [cells(line)[0] for line in lines[-2:]] == ["knn[k=3,distance=cosine]", "protonet"]


def test_markdown_of_no_runs() -> None:
    assert reporters.markdown(pd.DataFrame()) == "No finished runs.\n"


def test_a_column_without_any_interval_is_dashes() -> None:
    lines = reporters.markdown(frame({"ci_classes": None})).splitlines()
    assert [cells(line)[3] for line in lines[-2:]] == ["–", "–"]


def test_a_further_metric_is_a_column_and_a_dash_where_it_is_absent() -> None:
    table = frame()
    table["nats"] = [0.123456, None]
    _, _, header, rule, first, second = reporters.markdown(table).splitlines()
    assert cells(header)[3:6] == ["± classes", "nats", "n"]
    assert (cells(first)[4], cells(second)[4]) == ("0.1235", "–")
    assert cells(rule)[4].endswith("-:")


def test_a_table_has_no_column_for_the_metrics_of_another() -> None:
    table = frame({}, {"dataset": "omniglot"})
    table["nats"] = [0.5, 0.25, None, None]
    with_it, without = reporters.markdown(table).split("## ")[1:]
    assert "nats" in with_it
    assert "nats" not in without


def test_files_hold_a_further_metric_at_full_precision_and_nothing_where_it_is_absent() -> None:
    table = frame()
    table["nats"] = [2 / 3, None]
    first, second = csv.DictReader(io.StringIO(reporters.csv(table)))
    assert (float(first["nats"]), second["nats"]) == (2 / 3, "")
    assert [row["nats"] for row in json.loads(reporters.json(table))] == [2 / 3, None]


def same(value: Any, expected: Any) -> bool:
    """Equal to the last bit; a missing number is missing."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return missing if expected is None else value == expected


def test_csv_read_again_equals() -> None:
    rows = list(csv.DictReader(io.StringIO(reporters.csv(frame()))))
    assert len(rows) == len(ROWS)
    for found, expected in zip(rows, ROWS, strict=True):
        assert list(found) == list(expected)
        for key, value in expected.items():
            read = found[key] if isinstance(value, str) else float(found[key] or "nan")
            assert same(read, value), key


def test_json_read_again_equals() -> None:
    text = reporters.json(frame())
    rows = json.loads(text)
    assert text.endswith("]\n")
    assert len(rows) == len(ROWS)
    for found, expected in zip(rows, ROWS, strict=True):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert same(found[key], value), key


def test_json_has_null_for_what_is_missing() -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    (_, without) = json.loads(reporters.json(frame()), parse_constant=refuse)
    assert without["ci_classes"] is None


def test_json_of_no_runs_is_an_empty_list() -> None:
    assert json.loads(reporters.json(pd.DataFrame())) == []


def test_a_table_leaves_missing_cells_empty_and_numbers_as_they_are() -> None:
    table = pd.DataFrame(
        [
            {"method": "a", "accuracy %": "98.70", "n": "4"},
            {"method": "b", "note": "failed: no luck"},
        ]
    )
    header, rule, first, second = reporters.markdown_table(table).splitlines()
    assert cells(header) == ["method", "accuracy %", "n", "note"]
    assert [cell[0] == ":" for cell in cells(rule)] == [True, False, False, True]
    assert cells(first) == ["a", "98.70", "4", ""]
    assert cells(second) == ["b", "", "", "failed: no luck"]


def test_a_bar_in_a_cell_does_not_break_the_table() -> None:
    table = pd.DataFrame([{"method": "bad", "note": "failed: a | b"}])
    header, _, line = reporters.markdown_table(table).splitlines()
    assert line.replace("\\|", "").count("|") == header.count("|")


def test_headings_of_tables_that_differ_in_their_data_only_name_the_data() -> None:
    text = reporters.markdown(frame({}, {"fingerprint": "e" * 64}))
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert len(set(headings)) == 2
    assert all("data ffffffff" in line or "data eeeeeeee" in line for line in headings)
