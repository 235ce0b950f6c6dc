"""`benchbench compare`: on equal episodes, or a sentence that says why not."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from support.command_line import invoke
from support.command_line import refused as refused_command
from support.runs import draw_classes, noisy_correct, write_run, write_runs


def compare(*arguments: object) -> Result:
    return invoke("compare", *arguments)


def refused(*arguments: object) -> str:
    return refused_command("compare", *arguments)


def write(folder: Path, dataset: str, means: dict[str, float], seeds: int = 1) -> None:
    write_runs(folder, means, 200, datasets=[dataset], seeds=range(seeds))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    write(folder, "glyphs", {"a": 0.9, "b": 0.85, "c": 0.8})
    write(folder, "omniglot", {"a": 0.7, "b": 0.69})
    return folder


def table(result: Result) -> list[list[str]]:
    """The cells of the first table."""
    assert result.exit_code == 0, result.output
    lines = result.stdout.split("\n\n")[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_two_methods_on_every_data_set_that_both_have(results: Path) -> None:
    result = compare("a", "b", "--results", results)
    header, _, row = table(result)
    assert header[:5] == ["a", "b", "a %", "b %", "difference"]
    assert row[:2] == ["a", "b"]
    assert row[header.index("p (t)")] == "< 0.001"
    assert "## glyphs, 5way-1shot-15query" in result.stdout
    assert "## omniglot, 5way-1shot-15query" in result.stdout
    assert "## Over 2 data sets: glyphs, omniglot" in result.stdout
    assert "correction is over this pair" in result.stdout


def test_all_pairs_or_each_against_a_reference(results: Path) -> None:
    every = compare("a", "b", "c", "--results", results)
    assert [row[:2] for row in table(every)[2:]] == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert "over all 3 pairs" in every.stdout
    assert "left out 1 protocol" in every.stderr
    against = compare("a", "c", "--reference", "b", "--results", results)
    assert [row[:2] for row in table(against)[2:]] == [["a", "b"], ["c", "b"]]
    assert "over each against b" in against.stdout


def test_one_data_set_alone(results: Path) -> None:
    result = compare("a", "b", "--results", results, "--dataset", "omniglot")
    assert result.stdout.count("## ") == 1
    cifar = ("a", "b", "--results", results, "--dataset", "cifar")
    assert "No finished runs on cifar" in refused(*cifar)


def test_csv_and_json_have_the_same_numbers(results: Path) -> None:
    arguments = ("a", "b", "c", "--results", results, "--format")
    frame = pd.read_csv(io.StringIO(compare(*arguments, "csv").stdout))
    objects = json.loads(compare(*arguments, "json").stdout)
    assert frame["difference"].tolist() == [one["difference"] for one in objects]
    assert frame["dataset"].tolist() == ["glyphs"] * 3
    assert frame.loc[0, "difference"] == pytest.approx(0.05, abs=0.01)


def test_run_directories_are_compared_with_each_other(results: Path) -> None:
    a, b = (next(results.glob(f"glyphs/*/{name}-*")) for name in "ab")
    named = compare("a", "b", "--results", results, "--dataset", "glyphs")
    assert compare(a, b).stdout == named.stdout


def test_two_seeds_of_one_method_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, "glyphs", {"a": 0.8}, seeds=2)
    row = table(compare(*sorted(tmp_path.glob("glyphs/*/a-*"))))[2]
    assert sorted(row[:2]) == ["a seed 0", "a seed 1"]


def test_seeds_in_common_have_an_interval(tmp_path: Path) -> None:
    write(tmp_path, "glyphs", {"a": 0.8, "b": 0.7}, seeds=3)
    result = compare("a", "b", "--results", tmp_path)
    header, _, row = table(result)
    assert float(row[header.index("± seeds")]) > 0
    assert row[header.index("seeds")] == "3"
    assert "± seeds: a fresh draw" in result.stdout


def test_unequal_episodes_are_refused_with_the_reason(results: Path) -> None:
    here, there = (next(results.glob(f"{name}/*/a-*")) for name in ("glyphs", "omniglot"))
    assert "their data set is glyphs and omniglot" in refused(here, there)
    write(results, "cifar_fs", {"d": 0.8})
    message = refused("c", "d", "--results", results)
    assert "c and d share no episodes" in message
    assert "d: cifar_fs 5way-1shot-15query." in message


def test_a_name_of_several_runs_is_said_with_what_they_are_called(results: Path) -> None:
    correct = noisy_correct(0.9, 200, 0)
    classes, values = draw_classes(200), {"balanced_accuracy": [0.9] * 200}
    write_run(results, "a", correct, classes=classes, metrics=values)
    done = compare("a", "b", "--results", results)
    assert "omniglot" in done.stdout
    assert "left out 1 protocol that not all of them have met. 'a' has several runs" in done.stderr
    (label,) = [word for word in done.stderr.split("name one of ")[1].split(", ") if "#" in word][
        :1
    ]
    assert table(compare(label, "b", "--results", results))[2][:2] == [label, "b"]
    alone = refused("a", "c", "--results", results)
    assert "'a' has several runs on one protocol; name one of a " in alone


def test_a_protocol_of_one_episode_does_not_end_the_others(results: Path) -> None:
    for method in "ab":
        write_run(results, method, [50], dataset="cifar_fs")
    done = compare("a", "b", "--results", results)
    assert "left out cifar_fs, 5way-1shot-15query: A paired comparison needs two" in done.stderr
    assert table(done)[2][:2] == ["a", "b"]
    assert "two episodes or more" in refused(
        "a", "b", "--results", results, "--dataset", "cifar_fs"
    )


def test_mistakes_are_told(results: Path, tmp_path: Path) -> None:
    assert "two methods or run directories" in refused("a", "--results", results)
    assert "two methods or run directories" in refused("a", "a", "--results", results)
    assert "There is no method with results named 'x'" in refused("a", "x", "--results", results)
    assert "There is no folder" in refused("a", "b", "--results", tmp_path / "no")
    run = next(results.glob("glyphs/*/a-*"))
    assert "'b' is no run directory" in refused(run, "b", "--results", results)
    broken = write_run(tmp_path / "other", "e", [60, 50], status="failed").path
    assert "is not finished" in refused(run, broken)


def test_a_folder_of_runs_goes_with_results(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sentence = "'results' is a folder of runs and no method; folders go with --results results."
    (tmp_path / "empty").mkdir()
    for folder in ("results", "empty", "none"):
        assert sentence in refused("x", "b", "results", "--results", folder)
    assert "no method with results named 'empty'" in refused("a", "empty", "--results", results)
    results.rename(tmp_path / "a")
    assert [row[:2] for row in table(compare("a", "b", "--results", "a"))[2:]] == [["a", "b"]]


def test_folders_of_runs_may_stand_among_the_methods(results: Path, tmp_path: Path) -> None:
    write(tmp_path / "more", "shapes", {"a": 0.9, "b": 0.4})
    folders = results, tmp_path / "more"
    both = [option for folder in folders for option in ("--results", folder)]
    assert compare("a", "b", *folders).stdout == compare("a", "b", *both).stdout
    assert compare(results, "a", "b").stdout == compare("a", "b", "--results", results).stdout
    run = next(results.glob("glyphs/*/a-*"))
    assert "run directories only" in refused(run, results)
    assert "two methods or run directories" in refused("a", results)


def test_a_name_is_that_of_the_data_set_on_which_it_was_given(results: Path) -> None:
    """The spec finds a method on all data sets, its name on those that have it."""
    for run in results.glob("glyphs/*/a-*/manifest.json"):
        run.write_text(json.dumps({**json.loads(run.read_text()), "label": "mine"}))
    one = compare("mine", "b", "--results", results)
    assert one.stdout.count("## ") == 1
    every = compare("a", "b", "--results", results)
    assert [row[:2] for row in table(every)[2:]] == [["a", "b"]]
    assert "## Over 2 data sets: glyphs, omniglot" in every.stdout
    for run in results.glob("omniglot/*/b-*/manifest.json"):
        run.write_text(json.dumps({**json.loads(run.read_text()), "label": "mine"}))
    write(results, "omniglot", {"c": 0.5})
    assert "'mine' is a on glyphs and b on omniglot; choose one by --dataset" in refused(
        "mine", "c", "--results", results
    )
