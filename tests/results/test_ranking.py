from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchbench.errors import BenchbenchError
from benchbench.results.published import published_figures
from benchbench.results.ranking import RankedTable, rank_table
from benchbench.results.standing import stated

SEVEN = ["k-NN", "Finetune", "MatchingNet", "ProtoNet", "fo-MAML", "RelationNet", "fo-Proto-MAML"]
IMAGENET, ALL = "ILSVRC-2012", "all (8 training datasets)"


def table(*rows: tuple[str, str, Any, Any]) -> pd.DataFrame:
    columns = ["method", "test_source", "accuracy", "half_width"]
    return pd.DataFrame(list(rows), columns=columns, dtype=object)


def meta_dataset(train_source: str, methods: list[str] | None = None) -> pd.DataFrame:
    rows = published_figures()
    rows = rows[(rows["dataset"] == "Meta-Dataset") & (rows["train_source"] == train_source)]
    rows = rows if methods is None else rows[rows["method"].isin(methods)]
    return pd.DataFrame(
        {
            "method": rows["method"],
            "test_source": rows["test_source"],
            "accuracy": rows["accuracy_percent"].map(Decimal),
            "half_width": rows["ci95_percent"].map(Decimal),
        }
    )


def ranks(ranked: RankedTable, source: str) -> dict[str, float]:
    return ranked.cells["rank"].xs(source, level="test_source").to_dict()


def averages(ranked: RankedTable, methods: list[str] = SEVEN) -> list[float]:
    return [float(ranked.average[method]) for method in methods]


TWO = table(("a", "x", 90, 1), ("b", "x", 80, 1), ("a", "y", 60, 1), ("b", "y", 70, 1))


@pytest.mark.parametrize(
    ("train_source", "expected"),
    [
        (IMAGENET, [5.7, 2.9, 4.65, 2.65, 3.7, 6.55, 1.85]),
        (ALL, [5.05, 3.6, 4.95, 2.85, 4.25, 5.8, 1.5]),
    ],
)
def test_the_published_average_ranks(train_source: str, expected: list[float]) -> None:
    frame = meta_dataset(train_source, SEVEN)
    ranked = rank_table(frame, "meta-dataset")
    assert averages(ranked) == expected
    assert ranked.methods == [SEVEN[i] for i in np.argsort(expected)]
    assert len(ranked.sources) == 10
    assert averages(rank_table(frame, "plain")) != expected


def test_the_closest_decision_of_the_published_tables() -> None:
    closest = rank_table(meta_dataset(IMAGENET), "meta-dataset").closest
    assert (closest.leader, closest.other, closest.source) == ("ProtoNet", "Finetune", "Fungi")
    assert closest.different
    assert closest.margin == pytest.approx(0.0025, abs=5e-5)


def test_a_pair_that_no_group_leader_is_in_is_no_decision() -> None:
    # among the seven, fo-Proto-MAML leads the group of ProtoNet on Fungi
    ranked = rank_table(meta_dataset(IMAGENET, SEVEN), "meta-dataset")
    pairs = {(d.leader, d.other) for d in ranked.decisions if d.source == "Fungi"}
    assert ("ProtoNet", "Finetune") not in pairs
    assert ranked.closest.margin == pytest.approx(0.0234, abs=5e-5)
    assert ranked.within_rounding == []


def test_decisions_within_rounding_are_named() -> None:
    unsure = rank_table(meta_dataset(ALL), "meta-dataset").within_rounding
    assert [(d.leader, d.other, d.source) for d in unsure] == [
        ("TSA", "URT", "Omniglot"),
        ("URT-pf", "SUR-pnf", "Textures"),
        ("SimpleCNAPS", "TriM", "QuickDraw"),
    ]


def test_rounding_follows_the_digits_of_each_method() -> None:
    frame = table(
        ("a", "x", Decimal("90.00"), Decimal("1.00")),
        ("b", "x", Decimal("80"), Decimal("1.0")),
        ("a", "y", Decimal("90"), Decimal("1")),
        ("b", "y", Decimal("80.5"), Decimal("1")),
    )
    roundings = [one.rounding for one in rank_table(frame, "meta-dataset").decisions]
    assert roundings == pytest.approx([0.055 + np.hypot(0.005, 0.05)] * 2)


def test_rounding_of_two_decimals_and_of_exact_numbers() -> None:
    figures = ("80.00", "1.00"), ("81.42", "1.00"), ("83.00", "1.00")
    frame = table(*(("abc"[i], "x", Decimal(m), Decimal(c)) for i, (m, c) in enumerate(figures)))
    ranked = rank_table(frame, "meta-dataset")
    assert ranked.decisions[0].rounding == pytest.approx(0.01707, abs=1e-5)
    assert [(d.leader, d.other) for d in ranked.within_rounding] == [("b", "a")]
    floats = frame.assign(accuracy=frame["accuracy"].astype(float))
    assert rank_table(floats, "meta-dataset").decisions[0].rounding == pytest.approx(0.00707, 1e-3)


def test_the_best_average_comes_first_and_ties_keep_the_order_of_the_input() -> None:
    ranked = rank_table(TWO, "plain")
    assert ranked.methods == ["a", "b"]
    assert ranked.average.tolist() == [1.5, 1.5]
    assert ranked.closest is None
    reverse = rank_table(TWO[::-1], "plain")
    assert reverse.methods == ["b", "a"]
    assert reverse.sources == ["y", "x"]


def test_plain_ranks_need_no_intervals() -> None:
    ranked = rank_table(TWO.drop(columns="half_width"), "plain")
    assert ranked.cells.at[("b", "y"), "rank"] == 1
    assert ranked.cells.at[("b", "y"), "half_width"] is None


def test_the_paired_rule_takes_p_values_in_the_order_of_the_methods() -> None:
    frame = pd.concat([TWO, table(("c", "x", 85, 1), ("c", "y", 50, 1))])
    p_values = np.array([[1, 0.001, 0.2], [0.001, 1, 0.001], [0.2, 0.001, 1]])
    ranked = rank_table(frame, "paired", lambda source, methods: p_values)
    assert ranks(ranked, "x") == {"a": 1.5, "c": 1.5, "b": 3}
    assert ranks(ranked, "y") == {"b": 1, "a": 2.5, "c": 2.5}
    assert ranked.closest.margin == pytest.approx(0.048)
    assert ranked.within_rounding == []
    strict = rank_table(frame, "paired", lambda source, methods: p_values, alpha=0.0001)
    assert set(ranks(strict, "x").values()) == {2}


def test_methods_of_different_standing_are_ranked_apart() -> None:
    frame = table(("a", "x", 90, 1), ("b", "x", 80, 1), ("c", "x", 70, 1))
    groups = {"a": "transductive", "b": "inductive", "c": "inductive"}
    frame["standing"] = [stated(groups[method]) for method in frame["method"]]
    ranked = rank_table(frame, "meta-dataset")
    assert ranks(ranked, "x") == {"b": 1, "c": 2, "a": 1}
    assert ranked.methods == ["b", "c", "a"]
    assert [ranked.cells.at[(method, "x"), "best"] for method in "abc"] == [True, True, False]
    assert [(one.leader, one.other) for one in ranked.decisions] == [("b", "c")]


@pytest.mark.parametrize(
    ("frame", "rule", "message"),
    [
        (TWO, "median", "no rule named 'median'"),
        (TWO, "paired", "needs p-values"),
        (TWO[:3], "plain", "'b' has no figure on 'y'; .*--common"),
        (TWO.drop(columns="half_width"), "meta-dataset", "'a' has no interval on 'x'"),
        (pd.concat([TWO, TWO[:1]]), "plain", "'a' has several figures on 'x'"),
    ],
)
def test_what_cannot_be_ranked_is_told(frame: pd.DataFrame, rule: str, message: str) -> None:
    with pytest.raises(BenchbenchError, match=message):
        rank_table(frame, rule)
