import io
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result
from support.command_line import invoke, succeeded
from support.command_line import refused as refused_command
from support.runs import TRANSDUCTIVE, draw_classes, noisy_correct, write_run, write_runs

from benchbench.results.published import published_figures

ROOT = Path(__file__).parents[2]
SEVEN = "k-NN,Finetune,MatchingNet,ProtoNet,fo-MAML,RelationNet,fo-Proto-MAML"
IMAGENET = ["--where", "dataset=Meta-Dataset", "--where", "train_source=ILSVRC-2012"]
HEADER = "method,test_source,accuracy_percent,ci95_percent,episodes\n"
TABLE = HEADER + "a,x,90.00,1.00,600\nb,x,80.00,1.00,600\na,y,60,1,600\nb,y,61,1.5,600\n"


def rank(*arguments: object) -> Result:
    return invoke("rank", *arguments)


def refused(*arguments: object) -> str:
    return refused_command("rank", *arguments)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def ranked(*arguments: object) -> dict[str, Any]:
    """What the command says as JSON."""
    return json.loads(succeeded("rank", *arguments, "--format", "json").stdout)


def averages(*arguments: object) -> dict[str, float]:
    return {one["method"]: one["average_rank"] for one in ranked(*arguments)["methods"]}


@pytest.mark.parametrize(
    ("train_source", "expected"),
    [
        ("ILSVRC-2012", [5.7, 2.9, 4.65, 2.65, 3.7, 6.55, 1.85]),
        ("all (8 training datasets)", [5.05, 3.6, 4.95, 2.85, 4.25, 5.8, 1.5]),
    ],
)
def test_the_published_ranks_from_the_shipped_figures_and_from_a_file(
    tmp_path: Path, train_source: str, expected: list[float]
) -> None:
    where = ["--where", "dataset=Meta-Dataset", "--where", f"train_source={train_source}"]
    path = tmp_path / "published_results.csv"
    published_figures().to_csv(path, index=False, lineterminator="\r\n")
    for source in ("published", path):
        found = averages(source, *where, "--methods", SEVEN)
        assert [found[method] for method in SEVEN.split(",")] == expected


def test_the_order_of_two_turns_with_the_other_methods() -> None:
    found = averages("published", *IMAGENET)
    assert len(found) == 16
    assert (found["Finetune"], found["ProtoNet"]) == (10.45, 10.75)


def test_markdown_shows_figures_ranks_and_what_they_hang_on() -> None:
    result = rank("published", *IMAGENET)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert "average rank" in lines[0]
    assert lines[2].startswith("| DIPA ")
    assert "**71.40 ± 0.90 (1)**" in lines[2]
    assert "Rule `meta-dataset`" in result.output
    assert "holds among these 16 methods only: DIPA, " in result.output
    assert len(lines[0].split("|")) == 3 + 10 + 1
    closest = "ProtoNet and Finetune on Fungi, margin 0.0025 points"
    assert f"Closest decision: {closest}." in result.output
    assert "Warning: the figures are rounded" in result.output


def test_no_warning_where_rounding_decides_nothing(table: Path) -> None:
    output = rank(table).output
    assert "Closest decision: b and a on y, a tie, margin" in output
    assert "Warning" not in output


def test_a_warning_follows_the_digits_of_the_table(table: Path) -> None:
    table.write_text(HEADER + "a,x,90,1,600\nb,x,88,1,600\n", encoding="utf-8")
    told = "1 of 1 decisions may fall out otherwise: a and b on x, margin"
    assert told in rank(table).output


def test_plain_ranks_take_a_table_without_intervals(table: Path) -> None:
    text = "method,test_source,accuracy_percent\na,x,90.00\nb,x,89.99\n"
    table.write_text(text, encoding="utf-8")
    result = rank(table, "--rule", "plain")
    assert "**90.00 (1)**" in result.output
    assert "Closest" not in result.output
    assert "--rule plain" in refused(table)


def test_csv_is_long_and_can_be_ranked_again(table: Path, tmp_path: Path) -> None:
    result = rank(table, "--format", "csv")
    rows = pd.read_csv(io.StringIO(result.output), dtype=str)
    assert rows.iloc[0].to_dict() == {
        "method": "a",
        "test_source": "x",
        "accuracy_percent": "90.00",
        "ci95_percent": "1.00",
        "rank": "1.0",
        "average_rank": "1.25",
        "rule": "meta-dataset",
    }
    again = tmp_path / "again.csv"
    again.write_text(result.output, encoding="utf-8")
    assert rank(str(again), "--format", "csv").output == result.output


def test_json_has_the_closest_decision(table: Path) -> None:
    content = ranked(table)
    assert content["rule"] == "meta-dataset"
    figure = {"accuracy_percent": 60.0, "ci95_percent": 1.0, "rank": 1.5}
    assert content["methods"][0]["on"]["y"] == figure
    assert content["closest_decision"]["source"] == "y"
    assert content["within_rounding"] == []


def test_methods_and_sources_are_chosen_in_any_case_and_in_the_order_given(table: Path) -> None:
    options = ("--methods", "B,a", "--sources", "Y,x")
    assert "no column named 'Episodes'" in refused(table, *options, "--where", "Episodes=600")
    assert ranked(table, *options)["test_sources"] == ["y", "x"]
    header = rank(table, *options).output.splitlines()[0].split("|")
    assert [cell.strip() for cell in header[3:5]] == ["y", "x"]


def test_of_equal_means_the_first_method_that_is_named_leads(table: Path) -> None:
    rows = "a,x,70,0,600\nb,x,70,3,600\nc,x,68,0,600\n"
    table.write_text(HEADER + rows, encoding="utf-8")
    assert averages(table, "--methods", "a,b,c") == {"a": 1.5, "b": 1.5, "c": 3}
    assert averages(table, "--methods", "b,a,c") == {"b": 2, "a": 2, "c": 2}


def test_commas_in_brackets_do_not_split_names(table: Path) -> None:
    text = 'method,test_source,accuracy_percent\n"maml[a=1,b=2]",x,90\nb,x,80\nc,x,1\n'
    table.write_text(text, encoding="utf-8")
    found = averages(table, "--methods", "maml[a=1,b=2],b", "--rule", "plain")
    assert found == {"maml[a=1,b=2]": 1, "b": 2}


def test_common_keeps_the_sources_of_all_and_says_so(table: Path) -> None:
    table.write_text(TABLE + "a,z,50,1,600\n", encoding="utf-8")
    message = refused(table)
    assert "'b' has no figure on 'z'" in message
    assert "--common" in message
    result = rank(table, "--common")
    assert "Left out, as not every method has them: z." in result.output
    header = [cell.strip() for cell in result.output.splitlines()[0].strip("|").split("|")]
    assert header == ["method", "average rank", "x", "y"]


def test_an_empty_test_source_is_the_data_set() -> None:
    where = ["--where", "dataset=mini imagenet", "--where", "shot=1"]
    assert "did you mean miniImageNet" in refused("published", *where)
    where[1] = "dataset=MINIIMAGENET"
    result = rank("published", *where, "--methods", "ProtoNet,fo-MAML")
    assert "miniImageNet" in result.output.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "shot"], "not of the form COLUMN=VALUE"),
        (["--where", "epsiodes=600"], "no column named 'epsiodes'; did you mean episodes"),
        (["--where", "episodes=60"], "named '60'; did you mean 600"),
        (["--methods", "a,c"], "no method in the rows that are left named 'c'"),
        (["--methods", "a[b,c"], "unbalanced brackets"),
        (["--sources", "x,Z"], "no test_source in the rows that are left named 'Z'"),
        (["--methods", "a"], "'a' is alone"),
        (["--rule", "paired"], "needs stored episodes, that is a folder of results"),
        (["--rule", "median"], "median"),
    ],
)
def test_mistaken_options_are_told(table: Path, arguments: list[str], message: str) -> None:
    assert message in refused(table, *arguments)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", [], "cannot be read as a csv file"),
        ("method,accuracy_percent\na,1\n", [], "has no column test_source; its first line must"),
        (HEADER, [], "has no rows"),
        (HEADER + "a,x,high,1,600\nb,x,1,1,600\n", [], "is 'high', which is no plain number"),
        (HEADER + "a,x,nan,1,600\nb,x,1,1,600\n", [], "accuracy_percent of 'a' on 'x' is 'nan'"),
        (HEADER + "a,x,,1,600\nb,x,1,1,600\n", [], "accuracy_percent of 'a' on 'x' is ''"),
        (
            HEADER + "a,x,1,-1,600\nb,x,1,1,600\n",
            [],
            "on 'x' is '-1', which is no plain number from 0",
        ),
        (HEADER + "a,x,1,,600\nb,x,1,1,600\n", [], "'a' has no interval on 'x'"),
        (TABLE + "a,x,90.00,1.00,600\n", [], "remove all but one"),
        (TABLE + "a,x,91,1,1000\n", [], 'in episodes; choose by --where, as in --where "epis'),
        (
            TABLE + "c,z,50,1,600\n",
            ["--methods", "a,b,c", "--sources", "x"],
            "'c' has no figure on any of the test sources chosen",
        ),
        (HEADER + "a,x,50,1,600\nb,y,50,1,600\n", ["--common"], "no test source in common"),
    ],
)
def test_what_is_wrong_in_the_table_is_told(table, text, options, message) -> None:
    table.write_text(text, encoding="utf-8")
    assert message in refused(table, *options)


def test_fractions_are_ranked_and_said_to_be_no_percentages(table: Path) -> None:
    told = "are at most 1 and are taken for per cent"
    table.write_text(HEADER + "a,x,0.9,0.01,600\nb,x,1.0,0.01,600\n", encoding="utf-8")
    result = succeeded("rank", table)
    assert f"All 2 accuracies {told}" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_file_that_is_no_table_is_told(tmp_path: Path) -> None:
    assert "There is no" in refused(tmp_path / "none.csv")
    assert "No finished runs" in refused(tmp_path)
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "cannot be read as a csv file in UTF-8" in refused(picture)


def test_spaces_and_a_byte_order_mark_do_not_matter(table: Path) -> None:
    table.write_text(TABLE.replace(",", " , "), encoding="utf-8-sig")
    assert averages(table) == {"a": 1.25, "b": 1.75}


def test_a_published_figure_twice_names_what_to_choose_by() -> None:
    message = refused("published", "--where", "dataset=Meta-Dataset")
    assert "differ in train_source" in message
    assert "train_source=ILSVRC-2012" in message


def test_the_document_shows_what_the_command_prints() -> None:
    text = (ROOT / "docs" / "ranks.md").read_text(encoding="utf-8")
    assert rank("published", *IMAGENET, "--methods", SEVEN).output in text


def write_results(root: Path, means: dict[str, float], episodes: int, audit=lambda *_: None):
    """Runs on two data sets; `audit` says what the one of a data set and a method found."""
    for dataset in ("omniglot", "glyphs"):
        for number, (method, mean) in enumerate(means.items()):
            correct, classes = noisy_correct(mean, episodes, number), draw_classes(episodes)
            found = audit(dataset, method)
            write_run(root, method, correct, dataset=dataset, classes=classes, audit=found)


def test_results_are_ranked_with_their_data_sets_as_sources(tmp_path: Path) -> None:
    """By the paired rule too, which tells apart what the intervals do not."""
    write_results(tmp_path, {"a": 0.8, "b": 0.794}, 600)
    assert averages(tmp_path, "--rule", "paired") == {"a": 1.0, "b": 2.0}
    assert averages(tmp_path) == {"a": 1.5, "b": 1.5}
    text = rank(tmp_path, "--rule", "paired", "--where", "budget=quick").stdout
    assert re.search(r"\*\*\d\d\.\d\d ± 0\.\d\d \(1\)\*\*", text)
    assert "in p." in text


@pytest.mark.parametrize("rule", ["paired", "meta-dataset", "plain"])
def test_a_broken_claim_in_results_is_ranked_apart(tmp_path: Path, rule: str) -> None:
    def audit(dataset: str, method: str) -> dict[str, Any]:
        broken = (dataset, method) == ("omniglot", "joint")
        return TRANSDUCTIVE if broken else {"inductive": True}

    write_results(tmp_path, {"joint": 0.9, "a": 0.8, "b": 0.6}, 50, audit)
    arguments = (tmp_path, "--rule", rule)
    assert averages(*arguments) == {"a": 1, "b": 2, "joint": 1}
    text = rank(*arguments).stdout
    assert [line.split("|")[1].strip() for line in text.splitlines()[2:5]] == ["a", "b", "joint"]
    assert "Ranked apart: inductive; transductive." in text
    assert "joint claims to be inductive" in text
    # Where nothing found it out, it is one of the others.
    honest = {"joint": 1, "a": 2, "b": 3}
    assert averages(*arguments, "--sources", "glyphs") == honest
    assert averages(*arguments, "--where", "setting=inductive", "--common") == honest
    again = tmp_path / "again.csv"
    again.write_text(rank(*arguments, "--format", "csv").stdout, encoding="utf-8")
    if rule == "plain":
        assert averages(again, "--rule", rule)["joint"] == 1


def test_a_column_setting_of_a_table_ranks_apart(table: Path) -> None:
    text = "method,test_source,accuracy_percent,setting\n" + "a,x,90,Transductive\n"
    table.write_text(text + "b,x,80,inductive\nc,x,70,inductive\n", encoding="utf-8")
    plain = (table, "--rule", "plain")
    assert averages(*plain) == {"b": 1, "c": 2, "a": 1}
    settings = [one["setting"] for one in ranked(*plain)["methods"]]
    assert settings == ["inductive", "inductive", "transductive"]
    csv = rank(*plain, "--format", "csv").stdout
    table.write_text(csv, encoding="utf-8")
    assert rank(*plain, "--format", "csv").stdout == csv
    assert "| transductive |" in rank(*plain).stdout


def test_results_that_lack_a_source_are_refused_or_restricted(tmp_path: Path) -> None:
    for dataset, methods in {"omniglot": "abc", "glyphs": "ab"}.items():
        write_runs(tmp_path, dict.fromkeys(methods, 0.8), 50, datasets=[dataset])
    assert "'c' has no figure on 'glyphs'" in refused(tmp_path, "--rule", "paired")
    restricted = rank(tmp_path, "--rule", "paired", "--common").stdout
    assert "Left out, as not every method has them: glyphs." in restricted
