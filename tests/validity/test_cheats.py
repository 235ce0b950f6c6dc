"""Planted methods that cheat: each is stopped, or found and told."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from support.planted import Ran, Run, names_in

from benchbench.results.leaderboard import collect
from benchbench.runs.store import Store
from benchbench.system.sandbox import landlock_abi

STOPPED = (
    *("swaps_the_record", "swaps_the_check_of_scores", "swaps_append", "swaps_the_episodes"),
    *("writes_at_exit", "writes_later", "reads_frames", "reads_the_heap"),
    *("reads_episodes_on_the_heap", "reads_class_names", "writes_episodes", "writes_images"),
    *("inverts_ids", "neighbours_in_the_table", "draws_again", "opens_at_import"),
    *("opens_in_training", "opens_in_adapt", "opens_in_classification", "reads_the_cache"),
    *("reads_the_folder", "asks_the_template", "honest_elsewhere", "leaves_settings"),
    "finds_settings",
)
"""They answer as `core` does, whose accuracy they have."""

BY_CONFINEMENT = ("reads_the_cache", "reads_the_folder", "writes_at_exit", "writes_later")
"""Stopped by the system alone."""

TRANSDUCTIVE = (
    *("tells_its_own_audit", "together", "mean_of_queries", "balanced", "writes_to_its_twin"),
    *("gathers_questions", "honest_alone", "honest_with_few", "masks_a_class"),
    *("breaks_ties", "looks_random", "looks_very_random", "batch_of_features", "batch_norm"),
)
UNDECIDED = "adds_a_constant"

STATEFUL = (
    *("caches_by_pixel", "caches_by_id", "pseudo_labels", "remembers_supports"),
    *("honest_the_second_time", "mixes_episodes"),
)
"""Found to carry state, and transductive because other queries are in it."""

FAILED = {
    "whole_numbers": "the scores are bool in place of floats",
    "infinite": "the scores hold NaN or infinity",
    "not_a_number": "the scores hold NaN or infinity",
}
NOT_TO_BE_AUDITED = {
    "raises_on_few": "it could not be made: RuntimeError: too few queries",
    "nan_on_few": "it could not be made: the scores hold NaN or infinity",
}
IMPOSTOR = "says_it_is_another"


@pytest.fixture(scope="module")
def ran(run_planted: Run) -> Ran:
    methods = [name for name in names_in("cheats") if name != IMPOSTOR]
    return run_planted(methods, "--query", 5, "--episodes", 40)


@pytest.fixture(scope="module")
def board(ran: Ran) -> pd.DataFrame:
    return collect(Store(ran.out).runs()).set_index("method")


def test_each_planted_method_is_judged_here() -> None:
    found = {*TRANSDUCTIVE, UNDECIDED, *STATEFUL, *FAILED, *NOT_TO_BE_AUDITED}
    judged = {*STOPPED, *found, "core", IMPOSTOR}
    assert judged == set(names_in("cheats"))


def test_the_honest_core_passes_and_is_far_from_perfect(ran: Ran) -> None:
    assert 0.5 < np.mean(ran.accuracies("core")) < 0.7
    audit = ran.audit("core")
    assert (audit["inductive"], audit["stateful"], audit["stochastic"]) == (True, False, False)


@pytest.mark.parametrize("method", STOPPED)
def test_a_cheat_that_is_stopped_has_the_accuracy_of_its_honest_core(
    ran: Ran, board: pd.DataFrame, method: str
) -> None:
    if method in BY_CONFINEMENT and not landlock_abi():
        pytest.skip("needs a system that can confine a process")
    assert ran.accuracies(method) == ran.accuracies("core")
    assert board.loc[method, "accuracy"] == board.loc["core", "accuracy"]


@pytest.mark.parametrize("method", [*TRANSDUCTIVE, *STATEFUL])
def test_a_cheat_that_is_found_is_ranked_among_its_like(
    ran: Ran, board: pd.DataFrame, method: str
) -> None:
    audit = ran.audit(method)
    assert audit["inductive"] is False
    assert audit["stateful"] == (method in STATEFUL)
    assert audit["declared"]["transductive"] is False
    assert f"{method} claims to be inductive; the audit finds" in ran.stderr
    assert (f"{method} carries state" in ran.stderr) == (method in STATEFUL)
    assert board.loc[method, "setting"] == "transductive"
    assert board.loc[method, "evidence"] == "audit against its claim"


def test_a_cheat_that_hides_behind_rounding_is_not_among_the_inductive(
    ran: Ran, board: pd.DataFrame
) -> None:
    """Its huge constant leaves the accuracies as evidence, of too few episodes here."""
    assert ran.audit(UNDECIDED)["inductive"] is None
    assert board.loc[UNDECIDED, "setting"] == "undecided"


@pytest.mark.parametrize(("method", "reason"), FAILED.items())
def test_answers_that_are_none_fail_with_a_sentence(ran: Ran, method: str, reason: str) -> None:
    assert ran.manifest(method)["status"] == "failed"
    assert ran.manifest(method)["reason"] == reason
    assert f"{method} failed: {reason}" in ran.stderr


@pytest.mark.parametrize(("method", "reason"), NOT_TO_BE_AUDITED.items())
def test_an_audit_that_cannot_be_made_says_why_and_accuses_nobody(
    ran: Ran, board: pd.DataFrame, method: str, reason: str
) -> None:
    assert ran.audit(method)["reason"] == reason
    assert "inductive" not in ran.audit(method)
    assert board.loc[method, "evidence"] == "claim"


def test_a_statistic_of_queries_in_a_batch_norm_is_named(ran: Ran) -> None:
    assert ran.audit("batch_norm")["batch_norms_on_queries"] == ["norm"]


def test_who_opens_a_data_set_is_told_that_methods_may_not(ran: Ran) -> None:
    assert "refused: MethodError a method may not open a data set" in ran.stderr


def test_what_a_method_tries_and_changes_is_in_the_manifest(ran: Ran) -> None:
    tried = ran.manifest("reads_the_folder")["protection"]["files_tried"]
    assert any(path.endswith("images") for path in tried)
    changed = ran.manifest("leaves_settings")["protection"]["settings_changed"]
    assert changed == [
        "default dtype from torch.float32 to torch.float64",
        "gradient mode from on to off",
        "thread count from 1 to 3",
    ]
    assert f"leaves_settings has changed settings of torch: {', '.join(changed)}" in ran.stderr
    assert ran.manifest("core")["protection"]["settings_changed"] == []


def test_nothing_but_checkpoints_is_left_in_the_results(ran: Ran) -> None:
    assert not list(ran.out.rglob("stolen"))
    assert "the template listens" not in ran.stderr
    for file in ran.out.rglob("manifest.json"):
        manifest = json.loads(file.read_text())
        assert manifest["method"]["name"] == file.parent.name.rpartition("-")[0]
        if landlock_abi():
            assert manifest.get("protection", {}).get("sandbox", True) is True


def test_a_method_cannot_take_the_name_of_another(run_planted: Run) -> None:
    ran = run_planted([IMPOSTOR, "core"], "--query", 5, "--episodes", 2)
    assert ran.code == 2
    told = "The method 'says_it_is_another' cannot be made: it says that its name is 'core'"
    assert told in ran.stderr
    assert not list(ran.out.rglob("manifest.json"))
