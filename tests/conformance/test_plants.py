"""Each check catches the plant that it is meant for, and honest methods pass them all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conformance import plants

from benchbench.conformance import CHECKS, Bench, Outcome, Verdict, run_check, run_checks

CAUGHT = [
    ("scores", plants.Integers),
    ("scores", plants.NotANumber),
    ("equal_seeds", plants.Unseeded),
    ("support_unchanged", plants.WritesLabels),
    ("support_unchanged", plants.WritesPixels),
    ("any_way", plants.FiveWay),
    ("unbalanced_shots", plants.Balanced),
    ("class_of_one_image", plants.Spread),
    ("class_without_support", plants.ClassesOfLabels),
    ("single_query", plants.Squeezed),
    ("single_query", plants.JointNormalisation),
    ("channels", plants.GreyOnly),
    ("reload", plants.NotKept),
    ("pickle", plants.NoPickle),
    ("parameters", plants.DictParameter),
    ("parameters", plants.NotADataclass),
    ("declared_pretraining", plants.PretrainedOnText),
    ("declared_pretraining", plants.UndeclaredWeights),
    ("adapt_many", plants.BatchDependent),
    ("query_order", plants.QueryPosition),
    ("one_query_at_a_time", plants.Sinkhorn),
    ("one_query_at_a_time", plants.JointNormalisation),
    ("one_query_at_a_time", plants.NoRunningStatistics),
    ("half_of_the_queries", plants.Sinkhorn),
    ("half_of_the_queries", plants.NoRunningStatistics),
    ("queries_of_one_class", plants.MostCommonQuery),
    ("repeated_query", plants.MostCommonQuery),
    ("queries_among_noise", plants.DistanceToCompany),
    ("queries_among_other_images", plants.DistanceToCompany),
    ("class_slots", plants.SlotBias),
    ("class_slots", plants.RandomSlotBias),
    ("support_order", plants.SupportOrder),
    ("state", plants.State),
    ("state", plants.HiddenState),
    ("shuffled_labels", plants.MeansOfQueries),
    ("noise_images", plants.QueryPosition),
    ("uninformative_support", plants.FirstSeen),
    ("not_below_chance", plants.Distances),
    ("hidden_query_labels", plants.FrameReader),
    ("hidden_query_labels", plants.GarbageReader),
    ("hidden_query_labels", plants.HandleReader),
    ("test_images_unread", plants.Peeking),
    ("test_images_unread", plants.PeekingThroughGarbage),
]
"""Check and plant. That of `import` is a module of its own, below."""

UNTOUCHED = {
    plants.Sinkhorn: ["query_order", "support_order", "state", "hidden_query_labels"],
    plants.QueryPosition: ["support_order", "state", "hidden_query_labels"],
    plants.SlotBias: ["query_order", "one_query_at_a_time", "support_order", "noise_images"],
    plants.SupportOrder: ["query_order", "one_query_at_a_time", "state", "noise_images"],
    plants.HiddenState: ["query_order", "one_query_at_a_time", "support_order", "equal_seeds"],
    plants.FrameReader: ["query_order", "one_query_at_a_time", "support_order", "noise_images"],
    plants.Peeking: ["query_order", "state", "hidden_query_labels", "noise_images"],
}
"""Checks that say nothing of a plant: they blame the right thing."""


@pytest.mark.parametrize(
    ("check", "plant"), CAUGHT, ids=[f"{check}-{plant.name}" for check, plant in CAUGHT]
)
def test_the_check_catches_its_plant(
    check: str,
    plant: type[plants.NearestMean],
    bench_of: Callable[..., Bench],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if plant is plants.UndeclaredWeights:
        plant.file = tmp_path_factory.mktemp("elsewhere") / "weights.pt"
        torch.save(torch.zeros(3), plant.file)
    outcome = run_check(check, bench_of(plant))
    assert outcome.status == "failed", outcome
    assert outcome.message
    assert "\n" not in outcome.message


def test_every_check_has_a_plant() -> None:
    assert {check for check, _ in CAUGHT} | {"import"} == set(CHECKS)


@pytest.mark.parametrize(
    ("plant", "check"),
    [(plant, check) for plant, checks in UNTOUCHED.items() for check in checks],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_other_checks_do_not_blame_the_plant(
    plant: type[plants.NearestMean], check: str, bench_of: Callable[..., Bench]
) -> None:
    assert run_check(check, bench_of(plant)).status == "passed"


@pytest.mark.parametrize("honest", plants.HONEST, ids=lambda plant: plant.name)
def test_an_honest_method_passes_everything(
    honest: type[plants.NearestMean], bench_of: Callable[..., Bench]
) -> None:
    bench = bench_of(honest, seconds=1.0)
    outcomes = list(run_checks(bench))
    assert {o.check: o.message for o in outcomes if o.status != "passed"} == {
        "adapt_many": "it has no adapt_many of its own"
    }
    verdict = Verdict.of(bench, outcomes)
    assert verdict.inductive
    assert not verdict.order_dependent
    assert not verdict.stateful
    assert verdict.stochastic == (honest is plants.RandomHead)
    assert verdict.together == verdict.alone


def outcome_of_import(source: str, bench_of: Callable[..., Bench], folder: Path) -> Outcome:
    """That of a plant whose module has this source."""
    (folder / "planted_module.py").write_text(source, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setattr(plants.SeedsEverything, "__module__", "planted_module")
        return run_check("import", bench_of(plants.SeedsEverything))


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


@pytest.mark.parametrize("told", EFFECTS.values())
def test_the_import_check_names_every_side_effect(effects: Outcome, told: str) -> None:
    assert effects.status == "failed"
    assert told in effects.message


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("print('hello')", "prints 'hello'"),
        ("raise RuntimeError('no')", "cannot be imported in a fresh process: RuntimeError: no"),
    ],
)
def test_the_import_check_catches_what_is_printed_or_raised(
    source: str, told: str, bench_of: Callable[..., Bench], tmp_path: Path
) -> None:
    outcome = outcome_of_import(source, bench_of, tmp_path)
    assert outcome.status == "failed"
    assert told in outcome.message


def test_batch_norms_are_named(bench_of: Callable[..., Bench]) -> None:
    outcome = run_check("half_of_the_queries", bench_of(plants.JointNormalisation))
    assert "moments of the queries in norm (in training mode)" in outcome.message
    outcome = run_check("half_of_the_queries", bench_of(plants.NoRunningStatistics))
    assert "moments of the queries in norm (without running statistics)" in outcome.message
