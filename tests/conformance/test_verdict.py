"""Expected failures, verdicts, the short audit, counts."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from conformance import faulty_methods as faulty

from benchbench.conformance import (
    CHECKS,
    Bench,
    Outcome,
    chosen,
    count_line,
    report_on,
    run_check,
    run_checks,
    short_audit,
    summary_of,
)
from benchbench.conformance.chance import must_be_chance
from benchbench.conformance.suite import expected_failure
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.learners.creation import create_methods
from benchbench.learners.gradient import FixedWayMethod


def audit(bench: Bench, **options) -> dict:
    found = short_audit(bench.trained, bench.dataset, bench.task, **options)
    json.dumps(found, allow_nan=False)
    return found


def test_a_method_that_claims_to_be_inductive_and_is_not(bench_of: Callable[..., Bench]) -> None:
    found = audit(bench_of(faulty.Sinkhorn))
    assert found["declared"]["transductive"] is False
    assert found["inductive"] is False
    assert found["worst"]["change"] > found["worst"]["tolerance"]
    failed = {o["check"] for o in found["outcomes"] if o["status"] == "failed"}
    assert failed == {"one_query_at_a_time", "half_of_the_queries", "queries_of_one_class"}


@pytest.mark.parametrize(
    ("method", "verdict"),
    [
        (faulty.NearestMean, (True, False, False, False)),
        (faulty.RandomHead, (True, False, False, True)),
        (faulty.QueryPosition, (False, False, False, False)),
        (faulty.SupportOrder, (True, True, False, False)),
        (faulty.HiddenState, (True, False, True, False)),
        (faulty.DeclaredSinkhorn, (False, False, False, False)),
        (faulty.JointNormalisation, (False, False, False, False)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_short_audit_says_what_a_method_is(
    method: type[faulty.NearestMean], verdict: tuple[bool, ...], bench_of: Callable[..., Bench]
) -> None:
    found = audit(bench_of(method))
    keys = ("inductive", "order_dependent", "stateful", "stochastic")
    assert {key: found[key] for key in keys} == dict(zip(keys, verdict, strict=True))


def test_the_short_audit_leaves_method_and_generators_alone(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(faulty.State)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    audit(bench)
    assert bench.trained.seen == []
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.get_rng_state().equal(before[2])


@pytest.mark.parametrize(
    "change", [{"n_way": None, "n_shot": None, "n_query": None}, {"n_shot": 1}]
)
def test_the_short_audit_fits_itself_to_the_task(
    change: dict, bench_of: Callable[..., Bench]
) -> None:
    bench = bench_of(faulty.NearestMean)
    found = short_audit(bench.trained, bench.dataset, replace(bench.task, **change))
    assert found["inductive"] is True


def test_the_short_audit_says_why_there_is_none(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(faulty.NearestMean)
    only_test = replace(bench.dataset, splits={"test": np.arange(4), "train": np.arange(0)})
    found = short_audit(bench.trained, only_test, bench.task)
    assert "too few" in found["reason"]


def test_without_validation_classes_the_training_classes_serve(
    bench_of: Callable[..., Bench],
) -> None:
    bench = bench_of(faulty.NearestMean)
    splits = {**bench.dataset.splits, "val": np.arange(0)}
    other = Bench(bench.trained, replace(bench.dataset, splits=splits), bench.task)
    assert other.split == "train"


def test_a_method_that_fails_is_reported(bench_of: Callable[..., Bench]) -> None:
    found = audit(bench_of(faulty.NotANumber))
    assert {o["status"] for o in found["outcomes"]} == {"failed"}
    assert "NaN" in found["outcomes"][0]["message"]


def test_failures_that_are_declared_are_expected(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(faulty.DeclaredSinkhorn)
    outcomes = {o.check: o for o in run_checks(bench, ["one_query_at_a_time", "query_order"])}
    assert outcomes["one_query_at_a_time"].status == "expected failure"
    assert outcomes["one_query_at_a_time"].reason == "declares transductive"
    assert outcomes["query_order"].status == "passed"
    order = run_check("support_order", bench_of(faulty.DeclaredOrder))
    assert (order.status, order.reason) == ("expected failure", "declares order_dependent")
    slots = run_check("class_slots", bench_of(faulty.DeclaredSlotBias))
    assert (slots.status, slots.reason) == ("expected failure", "it prefers the first slot")


def test_one_inductive_check_may_pass_for_a_transductive_method(
    bench_of: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(faulty.DeclaredSinkhorn)
    monkeypatch.setitem(CHECKS, "repeated_query", lambda bench: None)
    assert run_check("repeated_query", bench).status == "passed"


def test_an_expected_failure_that_passes_is_a_failure(
    bench_of: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run_check("half_of_the_queries", bench_of(faulty.DeclaredForNothing))
    assert outcome.status == "failed"
    assert "passes, and was expected to fail (declares transductive)" in outcome.message
    monkeypatch.setattr(faulty.NearestMean, "expected_failures", {"state": "it remembers"})
    bench = bench_of(faulty.NearestMean)
    assert run_check("state", bench).status == "failed"
    report = report_on(bench, ["state"])
    assert report.failed
    assert report.verdict is not None
    assert report.verdict.stateful is False


def test_an_expected_failure_names_a_check_that_exists(
    bench_of: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faulty.NearestMean, "expected_failures", {"stat": "why"})
    with pytest.raises(BenchbenchError, match="did you mean state"):
        list(run_checks(bench_of(faulty.NearestMean)))


def test_a_fixed_way_declares_its_learned_slots_and_a_method_may_take_that_back() -> None:
    (method,) = create_methods("maml")
    assert (
        expected_failure(method, "class_slots") == FixedWayMethod.expected_failures["class_slots"]
    )
    method.expected_failures = {}
    assert expected_failure(method, "class_slots") is None


def test_the_count_names_reasons_once() -> None:
    outcomes = [
        Outcome("a", "passed"),
        Outcome("b", "expected failure", "moved", "declares transductive"),
        Outcome("c", "expected failure", "moved", "declares transductive"),
        Outcome("d", "not applicable", "fixed way"),
        Outcome("e", "failed", "moved"),
    ]
    assert count_line(outcomes) == (
        "5 checks: 1 passed, 1 failed (e), 2 expected failures (declares transductive), "
        "1 not applicable (fixed way)"
    )
    assert count_line(outcomes[:1]) == "1 check: 1 passed"


def test_names_are_chosen_by_pattern() -> None:
    assert chosen("*_order") == ["query_order", "support_order", "pool_order"]
    assert chosen() == list(CHECKS)
    with pytest.raises(BenchbenchError, match="no check named 'stat'"):
        chosen("stat")


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_is_summed_up_in_a_sentence(name: str) -> None:
    summary = summary_of(name)
    assert summary.endswith(".")
    assert "\n" not in summary


def test_no_check_asks_about_test_images(
    bench_of: Callable[..., Bench], small: OpenDataset
) -> None:
    from benchbench.conformance.instruments import reads_of

    bench = bench_of(faulty.NearestMean)
    with reads_of(small) as pixels:
        list(run_checks(bench, [name for name in CHECKS if name != "import"]))
    test = np.isin(small.labels, small.splits["test"])
    assert pixels.read.any()
    assert not pixels.read[test].any()


def test_the_labels_of_the_data_set_are_as_before(
    bench_of: Callable[..., Bench], small: OpenDataset
) -> None:
    before = small.labels.copy()
    run_check("hidden_query_labels", bench_of(faulty.FrameReader))
    np.testing.assert_array_equal(small.labels, before)


def test_chance_is_found_and_a_departure_of_a_point_is_seen() -> None:
    from benchbench.conformance import CheckFailed

    rng = np.random.default_rng(0)
    seen = {0.2: 0, 0.21: 0, 0.19: 0}
    for true in seen:
        for _ in range(200):
            accuracies = rng.binomial(75, true, 400) / 75
            try:
                must_be_chance(accuracies, 0.2, "here")
            except CheckFailed:
                seen[true] += 1
    assert seen[0.2] <= 2
    assert seen[0.21] > 150
    assert seen[0.19] > 150
