"""Honest methods that look odd: none is taken for what it is not."""

from __future__ import annotations

import pytest
from support.planted import Ran, Run, names_in

from benchbench.results.leaderboard import collect
from benchbench.runs.store import Store

STOCHASTIC = (
    *("monte_carlo_dropout", "noise_of_its_seed", "own_generator"),
    *("augments", "any_time"),
)
BY_THE_CLOCK = "any_time"
"""How many copies it averages depends on how busy the machine is."""


@pytest.fixture(scope="module")
def ran(run_planted: Run) -> Ran:
    return run_planted(names_in("honest"), "--query", 10, "--episodes", 120)


@pytest.mark.parametrize("method", names_in("honest"))
def test_an_honest_method_passes(ran: Ran, method: str) -> None:
    audit = ran.audit(method)
    assert audit.get("reason") is None
    if method == BY_THE_CLOCK:
        assert audit["inductive"] in (True, None)
        return
    assert audit["inductive"] is True
    assert audit["undecided"] is False
    assert audit["stateful"] is False
    assert audit["stochastic"] == (method in STOCHASTIC)
    assert audit["order_dependent"] is False
    assert f"{method} has changed settings" not in ran.stderr


def test_all_are_ranked_as_inductive(ran: Ran) -> None:
    board = collect(Store(ran.out).runs()).set_index("method").drop(index=BY_THE_CLOCK)
    assert set(board["setting"]) == {"inductive"}
    assert set(board["evidence"]) == {"audit"}
