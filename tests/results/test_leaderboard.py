"""From run directories to tables: what may share one, in which order, and what is printed."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.runs import draw_classes, noisy_correct, write_run

from benchbench.results.entries import entries_of, protocol_hash
from benchbench.results.leaderboard import COLUMNS, GROUP, collect, further_metrics, row
from benchbench.results.numbers import decimals, percent
from benchbench.results.published import figure_of
from benchbench.results.ranking import RULES
from benchbench.results.reporters import markdown
from benchbench.results.stored import read_result
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store
from benchbench.stats import class_bootstrap, class_interval, crossed_seeds, mean_interval
from benchbench.verification.redrawing import Redrawings

CORRECT = [60, 45, 75, 30]
CLASSES = [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [0, 2, 3, 4, 5], [5, 1, 0, 3, 4]]

MakeRun = Callable[..., RunDirectory]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Stores a run of four episodes of 75 queries."""

    def make(method: str = "toy", correct: list[int] = CORRECT, **options: Any) -> RunDirectory:
        return write_run(tmp_path, method, correct, **{"classes": CLASSES, **options})

    return make


def row_of(run: RunDirectory, *more: RunDirectory) -> dict[str, Any]:
    (entry,) = entries_of([read_result(one) for one in (run, *more)])
    return row(entry, Redrawings())


def tables(frame: pd.DataFrame) -> list[list[str]]:
    """The methods of each table of the markdown leaderboard."""
    found: list[list[str]] = []
    for line in markdown(frame).splitlines():
        if line.startswith("## "):
            found.append([])
        elif re.match(r"\|\s+[\d.]+ \|", line):
            found[-1].append(line.split("|")[2].strip())
    return found


def test_a_row_holds_the_numbers_of_the_run(make_run: MakeRun) -> None:
    found = row_of(make_run("toy[rate=0.1]", budget="100", seed=3))
    accuracy = np.array(CORRECT) / 75
    assert found["accuracy"] == accuracy.mean()
    half = stats.t.ppf(0.975, 3) * stats.sem(accuracy)
    assert found["ci_episodes"] == pytest.approx(half, rel=1e-12)
    assert found["ci_classes"] == class_interval(accuracy, list(map(np.array, CLASSES)))
    assert found["episodes"] == 4
    assert (found["method"], found["budget"]) == ("toy[rate=0.1]", "100")
    assert (found["seeds"], found["seed_accuracies"]) == (1, f"3:{accuracy.mean().item()!r}")
    assert (found["training_seconds"], found["seconds_per_episode"]) == (1.5, 0.0015)


def test_the_best_row_comes_first_and_ties_by_name(make_run: MakeRun) -> None:
    runs = [
        make_run("worst", [0, 0, 0, 0]),
        make_run("tie_b", [30, 30, 30, 30]),
        make_run("best", [75, 75, 75, 74]),
        make_run("tie_a", [29, 31, 28, 32]),
    ]
    expected = ["best", "tie_a", "tie_b", "worst"]
    for rule in RULES:
        assert collect(runs, rule)["method"].tolist() == expected
        assert collect(reversed(runs), rule)["method"].tolist() == expected


def test_only_finished_runs_are_ranked(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("done")
    make_run("broken", status="failed")
    make_run("halfway", status="running")
    assert collect(Store(tmp_path).runs())["method"].tolist() == ["done"]


def test_no_finished_runs_are_an_empty_frame(make_run: MakeRun) -> None:
    assert collect([]).empty
    assert collect([make_run(status="failed")]).empty


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "omniglot"},
        {"protocol": "5way-5shot-15query"},
        {"episode_seed": 1},
        {"split": "val"},
        {"splits": "ef" * 32},
        {"fingerprint": "ef" * 32},
    ],
    ids=lambda change: next(iter(change)),
)
def test_rows_on_other_episodes_never_share_a_table(make_run, change) -> None:
    runs = [make_run("a"), make_run("b"), make_run("c", **change), make_run("d", **change)]
    found = tables(collect(runs))
    assert sorted(map(sorted, found)) == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize("change", [{"bf16": True}, {"budget": "paper"}], ids=str)
def test_rows_on_the_same_episodes_share_a_table(make_run: MakeRun, change) -> None:
    assert len(tables(collect([make_run("a"), make_run("b", **change)]))) == 1


def test_a_row_without_further_metrics_has_the_declared_columns(make_run: MakeRun) -> None:
    frame = collect([make_run()])
    assert list(frame) == [*GROUP, *(name for name in COLUMNS if name != "labels")]
    assert further_metrics(frame) == []


def test_a_further_metric_is_a_column_with_its_mean(make_run: MakeRun) -> None:
    nats = [0.1, 0.2, 0.4, 1e-17]
    found = row_of(make_run(metrics={"nats": nats, "other": [1.0, 2.0, 3.0, 4.0]}))
    assert further_metrics(found) == ["nats", "other"]
    assert (found["nats"], found["other"]) == (np.mean(nats), 2.5)
    assert found["ci_episodes_of_nats"] == mean_interval(np.array(nats))
    assert found["ci_episodes_of_other"] == mean_interval(np.arange(4.0))


def test_a_metric_of_several_seeds_is_their_mean_with_its_interval(make_run: MakeRun) -> None:
    values = np.array([[0.1, 0.2, 0.4, 0.8], [0.3, 0.1, 0.1, 0.9]])
    runs = [make_run(seed=seed, metrics={"nats": [*row]}) for seed, row in enumerate(values)]
    (found,) = collect(runs).to_dict("records")
    assert found["nats"] == pytest.approx(values.mean())
    assert found["ci_episodes_of_nats"] == pytest.approx(mean_interval(values.mean(0)))


def test_a_metric_without_spread_has_no_interval(make_run: MakeRun) -> None:
    runs = [make_run(metrics={"nats": [0.5] * 4})]
    assert collect(runs)["ci_episodes_of_nats"].isna().all()
    assert re.search(r"\| 0.5000 +\|", markdown(collect(runs)))


def test_a_metric_that_a_run_does_not_have_is_missing(make_run: MakeRun) -> None:
    frame = collect([make_run("a", metrics={"nats": [1.0] * 4}), make_run("b")])
    assert further_metrics(frame) == ["nats"]
    assert frame.set_index("method")["nats"].fillna(-1).to_dict() == {"a": 1.0, "b": -1.0}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0000"), (-1.23456, "-1.2346"), (12.0, "12.0000"), (None, "–"), (np.nan, "–")],
)
def test_decimals(value: float | None, text: str) -> None:
    assert decimals(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "100.00"),
        (0.0, "0.00"),
        (0.98765, "98.77"),
        (1 / 3, "33.33"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_percent(value: float | None, text: str) -> None:
    assert percent(value) == text


def test_seeds_are_one_row_with_the_mean_and_an_interval_over_seeds(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path, "toy", noisy_correct(0.8, 100, seed), seed=seed, seconds=1.0 + seed)
        for seed in range(3)
    ]
    frame = collect(runs)
    assert len(frame) == 1
    found = frame.iloc[0]
    scores = np.stack([read_result(run).accuracy for run in runs])
    assert found["accuracy"] == pytest.approx(scores.mean())
    assert found["ci_seeds"] == pytest.approx(crossed_seeds(scores).half_width)
    assert found["seeds"] == 3
    texts = [pair.split(":") for pair in found["seed_accuracies"].split()]
    assert {int(seed): float(mean) for seed, mean in texts} == pytest.approx(
        dict(enumerate(scores.mean(axis=1)))
    )
    assert found["training_seconds"] == 2.0
    header = markdown(frame).splitlines()[2]
    assert "± seeds" in header
    assert "of each seed" in header


def test_one_seed_has_no_interval_over_seeds(make_run: MakeRun) -> None:
    frame = collect([make_run()])
    assert frame["ci_seeds"].isna().all()
    assert "± seeds" not in markdown(frame)


def test_a_single_episode_has_wilsons_interval(make_run: MakeRun) -> None:
    found = row_of(make_run(correct=[60]))
    assert found["ci_episodes"] is None
    interval = stats.binomtest(60, 75).proportion_ci(method="wilson")
    assert (found["wilson_low"], found["wilson_high"]) == pytest.approx(
        (interval.low, interval.high)
    )
    assert row_of(make_run("four"))["wilson_low"] is None


def test_a_varying_way_has_the_bootstrap_over_classes(tmp_path: Path) -> None:
    ways = [5, 8] * 50
    classes = [drawn[:way] for drawn, way in zip(draw_classes(100, way=8), ways, strict=True)]
    run = write_run(tmp_path, "toy", noisy_correct(0.7, 100), classes=classes, protocol="variable")
    low, high = class_bootstrap(read_result(run).accuracy, [np.array(ids) for ids in classes])
    assert row_of(run)["ci_classes"] == (high - low) / 2


def test_transductive_and_contaminated_rows_are_ranked_apart(tmp_path: Path) -> None:
    made = {
        "honest": (0.6, {}),
        "joint": (0.9, {"transductive": True}),
        "seen": (0.95, {"pretrained_on": ["omniglot"]}),
        "better": (0.7, {"pretrained_on": ["imagenet-1k"]}),
    }
    for number, (method, (mean, declared)) in enumerate(made.items()):
        correct = noisy_correct(mean, 100, number)
        write_run(tmp_path, method, correct, dataset="omniglot", declared=declared)
    frame = collect(Store(tmp_path).runs()).set_index("method")
    assert frame["rank_group"].to_dict() == {
        "better": "inductive",
        "honest": "inductive",
        "joint": "transductive",
        "seen": "inductive, images seen",
    }
    assert list(frame.index) == ["better", "honest", "joint", "seen"]
    assert frame["rank"].tolist() == [1, 2, 1, 1]
    text = markdown(frame.reset_index())
    assert "omniglot (images seen)" in text
    assert "Ranked apart: inductive; transductive; inductive, images seen." in text


AUDIT = {
    "inductive": True,
    "order_dependent": False,
    "stateful": False,
    "stochastic": False,
    "accuracy_together": 0.9,
    "accuracy_one_at_a_time": 0.9,
}


@pytest.mark.parametrize(
    ("claims", "audits", "expected"),
    [
        ({}, [{}], ("inductive", "claim", "")),
        ({"transductive": True}, [{}], ("transductive", "claim", "")),
        ({}, [{"declared": {}, "reason": "no validation classes"}], ("inductive", "claim", "")),
        ({}, [AUDIT], ("inductive", "audit", "")),
        ({"transductive": True}, [AUDIT], ("transductive", "claim", "")),
        ({}, [{**AUDIT, "inductive": False}], ("transductive", "audit against its claim", "")),
        (
            {"transductive": True},
            [{**AUDIT, "inductive": False, "stochastic": True, "order_dependent": True}],
            ("transductive", "audit", "order-dependent stochastic"),
        ),
        (
            {},
            [AUDIT, {**AUDIT, "inductive": False}],
            ("transductive", "audit against its claim", ""),
        ),
    ],
)
def test_the_setting_is_what_the_audit_found(make_run, claims, audits, expected) -> None:
    runs = []
    for seed, audit in enumerate(audits):
        runs.append(make_run(declared=claims, seed=seed))
        runs[-1].update(audit=audit)
    (found,) = collect(runs).to_dict("records")
    assert (found["setting"], found["evidence"], found["properties"]) == expected
    assert found["rank_group"] == expected[0]


def test_what_the_paired_test_does_not_tell_apart_from_the_best_is_bold(tmp_path: Path) -> None:
    for number, (method, mean) in enumerate({"a": 0.9, "b": 0.9, "c": 0.8}.items()):
        write_run(tmp_path, method, noisy_correct(mean, 600, number))
    frame = collect(Store(tmp_path).runs())
    assert frame["rank"].tolist() == [1.5, 1.5, 3]
    assert frame["best"].tolist() == [True, True, False]
    assert markdown(frame).count("**") == 4


def test_the_published_figure_stands_beside_with_its_source(tmp_path: Path) -> None:
    run = write_run(
        tmp_path,
        "protonet",
        noisy_correct(0.95, 100),
        dataset="omniglot",
        declared={"parameters": {"backbone": "conv4"}},
    )
    found = row_of(run)
    figure = figure_of("protonet", "omniglot", 5, 1, "conv4")
    assert found["published_percent"] == float(figure["accuracy_percent"])
    assert found["published_difference"] == pytest.approx(
        100 * found["accuracy"] - found["published_percent"]
    )
    text = markdown(collect([run]))
    measured, context = text.split("### Published, for context")
    assert f"[1] {figure['source']}" in measured
    assert "| ProtoNet" in context
    assert "| ProtoNet" not in measured


def test_the_protocols_hash_is_in_the_frame_and_in_the_notes(make_run: MakeRun) -> None:
    run = make_run()
    found = collect([run])
    assert found["protocol_hash"].tolist() == [protocol_hash(read_result(run).protocol)]
    assert f"Protocol {found['protocol_hash'][0]}." in markdown(found)


def test_more_images_drawn_than_there_are_is_told(make_run: MakeRun) -> None:
    facts = {"images_drawn": 48_000, "images_available": 400}
    assert "was drawn 120.0 times" in markdown(collect([make_run("often", episodes=facts)]))
    seldom = {"images_drawn": 40, "images_available": 400}
    assert "was drawn" not in markdown(collect([make_run("seldom", episodes=seldom)]))


def test_disjoint_episodes_have_an_open_interval(make_run: MakeRun) -> None:
    text = markdown(collect([make_run(episodes={"disjoint": True})]))
    assert "± open" in text.splitlines()[2]
    assert "± episodes" not in text.splitlines()[2]


def test_two_collections_of_the_same_runs_are_the_same_bytes(tmp_path: Path) -> None:
    for number in range(6):
        write_run(tmp_path, f"m{number}", noisy_correct(0.8, 50, number))
    texts = [markdown(collect(Store(tmp_path).runs())) for _ in range(2)]
    assert texts[0] == texts[1]


def test_a_column_tells_the_labels_only_where_they_differ(make_run: MakeRun) -> None:
    half = {"training_labels": "fraction", "labelled": 0.5}
    runs = [make_run("whole"), make_run("bare", declared={"training_labels": "none"})]
    assert "labels" not in collect(runs[:1])
    assert "labels" not in markdown(collect(runs[:1]))
    runs += [make_run("half", declared=half)]
    runs += [make_run("tuned", declared={"training_labels": "validation only"})]
    runs += [make_run("older", declared={"training_labels": "fraction"})]
    found = collect(runs).set_index("method")["labels"].to_dict()
    assert found == {
        "whole": "all",
        "bare": "none",
        "half": "50 %",
        "tuned": "validation only",
        "older": "fraction",
    }
    assert re.search(r"^\|.*\| labels +\|", markdown(collect(runs)), re.MULTILINE)


def test_shares_of_the_labels_that_nearly_agree_are_told_apart(make_run: MakeRun) -> None:
    shares = {"a": 1 / 3, "b": 0.3333333333}
    runs = [
        make_run(name, declared={"training_labels": "fraction", "labelled": share})
        for name, share in shares.items()
    ]
    frame = collect(runs)
    assert frame["rank_group"].nunique() == frame["labels"].nunique() == 2
    assert frame["rank"].tolist() == [1, 1]
