"""Leaderboards as text: what is printed is rounded, what is read again is not."""

import csv
import io
import json
import math
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from results.reporters.rows import ROWS, frame

from benchbench.results import reporters
from benchbench.results.ranking import RULES


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def measured(text: str) -> list[str]:
    """The lines of the first table."""
    return [line for line in text.split("\n\n")[1].splitlines() if line.startswith("|")]


def test_markdown_has_percent_times_and_a_dash() -> None:
    text = reporters.markdown(frame())
    assert text.splitlines()[:2] == ["## glyphs, 5way-1shot-15query", ""]
    header, rule, first, second = measured(text)
    assert dict(zip(cells(header), cells(first), strict=True)) == {
        "rank": "1",
        "method": "protonet",
        "backbone": "conv4",
        "setting": "inductive",
        "accuracy %": "**66.67**",
        "± episodes": "30.00",
        "± classes": "12.35",
        "n": "600",
        "seeds": "1",
        "budget": "quick",
        "training s": "62",
        "ms / episode": "1.23",
        "parameters": "111,936",
        "peak MB": "900",
    }
    assert cells(second)[4:7] == ["33.33", "30.00", "–"]
    aligned = dict(zip(cells(header), cells(rule), strict=True))
    assert all(aligned[name].startswith(":-") for name in ("method", "backbone", "setting"))
    assert all(aligned[name].endswith("-:") for name in ("rank", "accuracy %", "n"))


def test_markdown_names_an_episode_seed_other_than_zero() -> None:
    assert reporters.markdown(frame({"episode_seed": 7})).startswith(
        "## glyphs, 5way-1shot-15query, episode seed 7\n"
    )


@pytest.mark.parametrize(
    "change", [{"dataset": "shapes"}, {"protocol": "20way-1shot-1query"}, {"episode_seed": 1}]
)
def test_markdown_keeps_unequal_protocols_apart(change: dict[str, Any]) -> None:
    parts = reporters.markdown(frame({}, change)).split("## ")[1:]
    assert len(parts) == 2
    assert parts[0] == reporters.markdown(frame()).removeprefix("## ") + "\n"
    assert parts[1] == reporters.markdown(frame(change)).removeprefix("## ")


def test_the_order_of_the_rows_is_the_frames() -> None:
    lines = measured(reporters.markdown(frame().iloc[::-1]))
    assert [cells(line)[1] for line in lines[2:]] == ["knn[k=3,distance=cosine]", "protonet"]


def test_markdown_of_no_runs() -> None:
    assert reporters.markdown(pd.DataFrame()) == "No finished runs.\n"


def test_a_column_without_any_interval_is_dashes() -> None:
    lines = measured(reporters.markdown(frame({"ci_classes": None})))
    assert [cells(line)[6] for line in lines[2:]] == ["–", "–"]


def test_a_further_metric_is_a_column_and_a_dash_where_it_is_absent() -> None:
    table = frame()
    table["nats"] = [0.123456, None]
    header, rule, first, second = measured(reporters.markdown(table))
    assert cells(header)[6:9] == ["± classes", "nats", "n"]
    assert (cells(first)[7], cells(second)[7]) == ("0.1235", "–")
    assert cells(rule)[7].endswith("-:")


def test_a_table_has_no_column_for_the_metrics_of_another() -> None:
    table = frame({}, {"dataset": "shapes"})
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
            text = str(value) if isinstance(value, bool) else value
            read = found[key] if isinstance(text, str) else float(found[key] or "nan")
            assert same(read, text), key


def test_csv_starts_no_formula_and_numbers_stay_numbers() -> None:
    table = frame({"method": "=cmd()", "budget": "-1", "backbone": "@x", "run": "a\r\n=b"})
    table["loss"] = [-0.5, 1e-300]
    table["words"] = ["-5 of 7", "+1"]
    first, second = csv.DictReader(io.StringIO(reporters.csv(table)))
    assert (first["method"], first["backbone"], first["words"]) == ("'=cmd()", "'@x", "'-5 of 7")
    assert (first["loss"], first["budget"], second["words"]) == ("-0.5", "-1", "+1")
    assert (float(second["loss"]), first["run"]) == (1e-300, r"a\r\n=b")


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
    good = {"method": "a", "accuracy %": "98.70", "n": "4"}
    table = pd.DataFrame([good, {"method": "b", "note": "failed: no luck"}])
    header, rule, first, second = reporters.markdown_table(table).splitlines()
    assert cells(header) == ["method", "accuracy %", "n", "note"]
    assert [cell[0] == ":" for cell in cells(rule)] == [True, False, False, True]
    assert cells(first) == ["a", "98.70", "4", ""]
    assert cells(second) == ["b", "", "", "failed: no luck"]


def test_a_bar_in_a_cell_does_not_break_the_table() -> None:
    table = pd.DataFrame([{"method": "bad", "note": "failed: a | b"}])
    header, _, line = reporters.markdown_table(table).splitlines()
    assert line.replace("\\|", "").count("|") == header.count("|")


def test_headings_of_tables_that_differ_in_their_data_only_name_the_protocol() -> None:
    other = {"fingerprint": "e" * 64, "protocol_hash": "ba9876543210"}
    headings = [line for line in reporters.markdown(frame({}, other)).splitlines() if "## " in line]
    assert headings == [
        "## glyphs, 5way-1shot-15query, protocol 0123456789ab",
        "## glyphs, 5way-1shot-15query, protocol ba9876543210",
    ]


def test_a_claim_without_an_audit_is_marked() -> None:
    text = reporters.markdown(frame({"evidence": "claim", "properties": "order-dependent"}))
    assert cells(measured(text)[2])[3] == "inductive (claimed), order-dependent"
    assert "no audit confirms" in text
    assert "no audit confirms" not in reporters.markdown(frame())


def test_a_claim_that_the_audit_refutes_is_told() -> None:
    change = {
        "setting": "transductive",
        "evidence": "audit against its claim",
        "accuracy_together": 0.984,
        "accuracy_one_at_a_time": 0.216,
    }
    text = reporters.markdown(frame(change))
    assert cells(measured(text)[2])[3] == "transductive"
    assert "protonet claims to be inductive" in text
    assert "98.40 % together, 21.60 % one at a time" in text


def test_a_single_episode_has_wilsons_interval() -> None:
    text = reporters.markdown(frame({"wilson_low": 0.951, "wilson_high": 0.973, "episodes": 1}))
    assert cells(measured(text)[2])[5] == "[95.10, 97.30]"
    assert "Wilson's interval over the queries" in text


def test_the_rule_of_the_ranks_is_named() -> None:
    for rule, words in RULES.items():
        assert f"rule `{rule}`: {words}" in reporters.markdown(frame({"rank_rule": rule}))


def test_what_weights_have_seen_and_why_it_matters() -> None:
    change = {"pretrained_on": "imagenet-1k", "contamination": "classes", "subject": "cifar_fs"}
    text = reporters.markdown(frame(change))
    assert "imagenet-1k (classes seen)" in text
    assert "many of its classes are classes of ImageNet" in text
    assert "pre-trained on" not in reporters.markdown(frame())


def test_one_of_several_sources_is_called_by_its_short_name() -> None:
    change = {"dataset": "multi:a,b[test_source=b]", "source": "b", "trained_on": "a"}
    assert reporters.markdown(frame(change)).startswith("## b, trained on a, 5way-1shot-15query\n")


@pytest.mark.parametrize(
    ("facts", "has_figures"),
    [
        ({}, True),
        ({"disjoint": True}, True),
        ({"protocol": "five-classes-one-image"}, True),
        ({"standard": False}, False),
        ({"way": None}, False),
        ({"shot": 2}, False),
    ],
    ids=str,
)
def test_published_figures_stand_beside_episodes_of_their_kind(facts, has_figures) -> None:
    """By what the manifest says of the episodes, whatever their protocol is called."""
    text = reporters.markdown(frame({"dataset": "omniglot", **facts}))
    assert ("Published, for context" in text) == has_figures


AWKWARD = "m[a=x_y,b=50%,c=~&^#{1}]"


def test_latex_escapes_and_has_rules_and_bold() -> None:
    table = frame()
    table.loc[0, "method"] = AWKWARD
    text = reporters.latex(table)
    assert r"m[a=x\_y,b=50\%,c=\textasciitilde{}\&\textasciicircum{}\#\{1\}]" in text
    assert r"\textbf{66.67}" in text
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(body) == 3
    assert len({line.replace(r"\&", "").count("&") for line in body}) == 1
    assert text.count("{") == text.count("}")


def test_html_escapes_and_has_a_cell_for_each_number() -> None:
    table = frame()
    table.loc[0, "method"] = '<script>alert("x")</script>'
    text = reporters.html(table)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "<strong>66.67</strong>" in text
    assert text.count("<tr>") == 3
    ElementTree.fromstring(
        text.partition("<body>")[2].partition("</body>")[0].join(["<b>", "</b>"])
    )


@pytest.mark.parametrize("name", ["latex", "html", "markdown"])
def test_nothing_is_said_to_be_nothing(name: str) -> None:
    assert "No finished runs." in getattr(reporters, name)(pd.DataFrame())


def test_a_method_that_reads_class_names_has_a_column() -> None:
    assert "class names" not in cells(measured(reporters.markdown(frame()))[0])
    header, _, *rows = measured(reporters.markdown(frame({}, {"class_names": True})))
    at = cells(header).index("class names")
    assert [cells(row)[at] for row in rows] == ["–", "–", "read", "read"]


@pytest.mark.parametrize(
    ("change", "setting", "note"),
    [
        ({"setting": "undecided"}, "undecided", "Undecided: the audit cannot tell"),
        (
            {"properties": "unprotected"},
            "inductive, unprotected",
            "Unprotected: computed in the process that holds labels and results",
        ),
        (
            {"properties": "reads-files", "files_tried": 3},
            "inductive, reads-files",
            "protonet tried to reach 3 protected files",
        ),
        (
            {"evidence": "claim", "audit_reason": "it could not be made: out of memory"},
            "inductive (claimed)",
            "protonet lacks an audit; it could not be made: out of memory.",
        ),
    ],
)
def test_what_the_audit_and_the_engine_found_is_told(
    change: dict[str, Any], setting: str, note: str
) -> None:
    text = reporters.markdown(frame(change))
    header, _, first, *_ = measured(text)
    assert cells(first)[cells(header).index("setting")] == setting
    assert f"* {note}" in text
