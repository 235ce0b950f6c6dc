"""Each check catches the faults that it is meant for, and honest methods pass them all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conformance import faulty_methods as faulty

from benchbench.conformance import CHECKS, Bench, Outcome, Verdict, run_check, run_checks

CAUGHT = [
    ("scores", faulty.Integers),
    ("scores", faulty.NotANumber),
    ("equal_seeds", faulty.Unseeded),
    ("support_unchanged", faulty.WritesLabels),
    ("support_unchanged", faulty.WritesPixels),
    ("any_way", faulty.FiveWay),
    ("unbalanced_shots", faulty.Balanced),
    ("class_of_one_image", faulty.Spread),
    ("class_without_support", faulty.ClassesOfLabels),
    ("single_query", faulty.Squeezed),
    ("single_query", faulty.JointNormalisation),
    ("channels", faulty.GreyOnly),
    ("reload", faulty.NotKept),
    ("pickle", faulty.NoPickle),
    ("parameters", faulty.DictParameter),
    ("parameters", faulty.NotADataclass),
    ("declared_pretraining", faulty.PretrainedOnText),
    ("declared_pretraining", faulty.UndeclaredWeights),
    ("adapt_many", faulty.BatchDependent),
    ("query_order", faulty.QueryPosition),
    ("one_query_at_a_time", faulty.Sinkhorn),
    ("one_query_at_a_time", faulty.JointNormalisation),
    ("one_query_at_a_time", faulty.NoRunningStatistics),
    ("half_of_the_queries", faulty.Sinkhorn),
    ("half_of_the_queries", faulty.NoRunningStatistics),
    ("queries_of_one_class", faulty.MostCommonQuery),
    ("repeated_query", faulty.MostCommonQuery),
    ("queries_among_noise", faulty.DistanceToCompany),
    ("queries_among_other_images", faulty.DistanceToCompany),
    ("class_slots", faulty.SlotBias),
    ("class_slots", faulty.RandomSlotBias),
    ("support_order", faulty.SupportOrder),
    ("run_audit", faulty.Sinkhorn),
    ("run_audit", faulty.NoRunningStatistics),
    ("run_state", faulty.HiddenState),
    ("batch_features", faulty.BatchMean),
    ("pool_order", faulty.PoolOrder),
    ("empty_pool", faulty.NeedsPool),
    ("hidden_pool_labels", faulty.PoolReader),
    ("state", faulty.State),
    ("state", faulty.HiddenState),
    ("shuffled_labels", faulty.MeansOfQueries),
    ("noise_images", faulty.QueryPosition),
    ("uninformative_support", faulty.FirstSeen),
    ("not_below_chance", faulty.Distances),
    ("hidden_query_labels", faulty.FrameReader),
    ("hidden_query_labels", faulty.GarbageReader),
    ("test_images_unread", faulty.Peeking),
    ("test_images_unread", faulty.PeekingThroughGarbage),
    ("label_blind", faulty.LearnsLabels),
]
"""Check and faulty method. That of `import` is a module of its own, below."""

OF_POOLS = ("pool_order", "empty_pool", "hidden_pool_labels")

UNTOUCHED = {
    faulty.Sinkhorn: ["query_order", "support_order", "state", "hidden_query_labels"],
    faulty.QueryPosition: ["support_order", "state", "hidden_query_labels"],
    faulty.SlotBias: ["query_order", "one_query_at_a_time", "support_order", "noise_images"],
    faulty.SupportOrder: ["query_order", "one_query_at_a_time", "state", "noise_images"],
    faulty.HiddenState: ["query_order", "one_query_at_a_time", "support_order", "equal_seeds"],
    faulty.FrameReader: ["query_order", "one_query_at_a_time", "support_order", "noise_images"],
    faulty.PoolOrder: ["query_order", "support_order", "hidden_pool_labels", "state"],
    faulty.Peeking: ["query_order", "state", "hidden_query_labels", "noise_images"],
}
"""Checks that pass for a faulty method: only the right ones blame it."""


@pytest.mark.parametrize(
    ("check", "method"), CAUGHT, ids=[f"{check}-{method.name}" for check, method in CAUGHT]
)
def test_the_check_catches_the_faulty_method(
    check: str,
    method: type[faulty.NearestMean],
    bench_of: Callable[..., Bench],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if method is faulty.UndeclaredWeights:
        method.file = tmp_path_factory.mktemp("elsewhere") / "weights.pt"
        torch.save(torch.zeros(3), method.file)
    outcome = run_check(check, bench_of(method))
    assert outcome.status == "failed", outcome
    assert outcome.message
    assert "\n" not in outcome.message


@pytest.mark.parametrize("check", OF_POOLS)
def test_an_honest_method_that_uses_a_pool_passes(
    check: str, bench_of: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "benchbench.conformance.semi_supervised.create_method"
    monkeypatch.setattr(module, lambda spec: {"nearest_mean": faulty.CosineMean()}[spec])
    outcome = run_check(check, bench_of(faulty.PoolMean))
    assert outcome.status == "passed", outcome


def test_without_a_pool_it_must_be_the_method_that_it_says(
    bench_of: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "benchbench.conformance.semi_supervised.create_method"
    monkeypatch.setattr(module, lambda spec: faulty.PixelNeighbour())
    outcome = run_check("empty_pool", bench_of(faulty.PoolMean))
    assert outcome.status == "failed"
    assert "differ from those of nearest_mean" in outcome.message


def test_every_check_has_a_faulty_method() -> None:
    assert {check for check, _ in CAUGHT} | {"import"} == set(CHECKS)


@pytest.mark.parametrize(
    ("method", "check"),
    [(method, check) for method, checks in UNTOUCHED.items() for check in checks],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_other_checks_do_not_blame_the_faulty_method(
    method: type[faulty.NearestMean], check: str, bench_of: Callable[..., Bench]
) -> None:
    assert run_check(check, bench_of(method)).status == "passed"


@pytest.mark.parametrize("honest", faulty.HONEST, ids=lambda method: method.name)
def test_an_honest_method_passes_everything(
    honest: type[faulty.NearestMean], bench_of: Callable[..., Bench]
) -> None:
    bench = bench_of(honest, seconds=1.0)
    # One module holds them all, and importing it takes longest.
    names = [name for name in CHECKS if name != "import" or honest is faulty.HONEST[0]]
    outcomes = list(run_checks(bench, names))
    assert {o.check: o.message for o in outcomes if o.status != "passed"} == {
        "adapt_many": "it has no adapt_many of its own",
        "batch_features": "it keeps no frozen backbone",
        **dict.fromkeys(OF_POOLS, "it uses no unlabelled images"),
        "label_blind": "it learns from labels",
    }
    verdict = Verdict.of(bench, outcomes)
    assert verdict.inductive
    assert not verdict.order_dependent
    assert not verdict.stateful
    assert verdict.stochastic == (honest is faulty.RandomHead)
    assert verdict.together == verdict.alone


def outcome_of_import(source: str, bench_of: Callable[..., Bench], folder: Path) -> Outcome:
    """The outcome of a method whose module has this source."""
    (folder / "planted_module.py").write_text(source, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setattr(faulty.SeedsEverything, "__module__", "planted_module")
        return run_check("import", bench_of(faulty.SeedsEverything))


EFFECTS = {
    "import random; random.seed(0)": "seeds `random`",
    "import numpy; numpy.random.seed(0)": "seeds NumPy",
    "import torch; torch.manual_seed(0)": "seeds torch",
    "import torch; torch.set_default_dtype(torch.float64)": "sets the default dtype",
}


@pytest.fixture(scope="module")
def effects(bench_of: Callable[..., Bench], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The outcome of a module with all of them."""
    return outcome_of_import("\n".join(EFFECTS), bench_of, tmp_path_factory.mktemp("planted"))


@pytest.mark.parametrize("message", EFFECTS.values())
def test_the_import_check_names_every_side_effect(effects: Outcome, message: str) -> None:
    assert effects.status == "failed"
    assert message in effects.message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("print('hello')", "prints 'hello'"),
        ("raise RuntimeError('no')", "cannot be imported in a fresh process: RuntimeError: no"),
    ],
)
def test_the_import_check_catches_what_is_printed_or_raised(
    source: str, message: str, bench_of: Callable[..., Bench], tmp_path: Path
) -> None:
    outcome = outcome_of_import(source, bench_of, tmp_path)
    assert outcome.status == "failed"
    assert message in outcome.message


def test_batch_norms_are_named(bench_of: Callable[..., Bench]) -> None:
    outcome = run_check("half_of_the_queries", bench_of(faulty.JointNormalisation))
    assert "statistics of the queries are used in norm (in training mode)" in outcome.message
    outcome = run_check("half_of_the_queries", bench_of(faulty.NoRunningStatistics))
    expected = "statistics of the queries are used in norm (without running statistics)"
    assert expected in outcome.message
