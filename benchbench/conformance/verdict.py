"""The verdict on a method, inductive or not, by evidence and not by its declaration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchbench.conformance.outcomes import Change, Outcome
from benchbench.conformance.under_test import Bench

INDUCTIVE = frozenset(
    {
        "one_query_at_a_time",
        "half_of_the_queries",
        "queries_of_one_class",
        "repeated_query",
        "queries_among_noise",
        "queries_among_other_images",
        "run_audit",
    }
)
"""The checks that a method fails if the scores of one query depend on the others."""

QUERY_ORDER, SUPPORT_ORDER, STATE = "query_order", "support_order", "state"
COMPARED = INDUCTIVE | {QUERY_ORDER, SUPPORT_ORDER, STATE}


@dataclass(frozen=True)
class Verdict:
    """Evidence on one trained method; None if no check gave any.

    inductive: whether the scores of a query depend on no other query and not on its position.
    order_dependent, stateful, stochastic: whether scores depend on the order of the support, on
    earlier episodes, on the seed. worst: the check in which scores changed most, relative to the
    tolerance, with that change. together, alone: accuracies of the same queries, classified at once
    and one by one. batch_norms: those that use statistics of the queries.
    """

    inductive: bool | None
    order_dependent: bool | None
    stateful: bool | None
    stochastic: bool | None
    worst: tuple[str, Change] | None
    together: float | None
    alone: float | None
    batch_norms: tuple[str, ...]

    @classmethod
    def of(cls, bench: Bench, outcomes: Sequence[Outcome]) -> Verdict:
        """The verdict on the bench's method; if the method raises here, numbers are left out."""
        on_queries = [o for o in outcomes if o.check in INDUCTIVE | {QUERY_ORDER}]
        changed = [(o.check, o.change) for o in outcomes if o.check in COMPARED and o.change]
        try:
            together, alone = bench.both_modes
            stochastic, norms = bench.stochastic, tuple(bench.batch_norms)
        except Exception:
            together = alone = stochastic = None  # type: ignore[assignment]
            norms = ()
        broken = _broken(on_queries)
        return cls(
            None if broken is None else not broken,
            _broken([o for o in outcomes if o.check == SUPPORT_ORDER]),
            _broken([o for o in outcomes if o.check == STATE]),
            stochastic,
            max(changed, key=lambda pair: pair[1].size, default=None),
            together,
            alone,
            norms,
        )

    def sentence(self) -> str:
        """Such as `inductive, stochastic`."""
        words = [
            {True: "inductive", False: "transductive", None: "inductive or not: not looked at"}[
                self.inductive
            ]
        ]
        words += ["order-dependent"] * bool(self.order_dependent)
        words += ["stateful"] * bool(self.stateful)
        words += ["stochastic"] * bool(self.stochastic)
        return ", ".join(words)

    def as_dict(self) -> dict[str, Any]:
        """The verdict for JSON."""
        return {
            "inductive": self.inductive,
            "order_dependent": self.order_dependent,
            "stateful": self.stateful,
            "stochastic": self.stochastic,
            "worst": _change_as_dict(*self.worst) if self.worst else None,
            "accuracy_together": self.together,
            "accuracy_one_at_a_time": self.alone,
            "batch_norms_on_queries": list(self.batch_norms),
        }


def _broken(outcomes: Sequence[Outcome]) -> bool | None:
    """Whether any of the checks failed, expected or not; None if all were left out."""
    judged = [outcome for outcome in outcomes if outcome.judged]
    return any(outcome.broke for outcome in judged) if judged else None


def _change_as_dict(check: str, change: Change) -> dict[str, Any]:
    over_floor = change.largest / change.floor if change.floor else None
    return {
        "check": check,
        "change": change.largest,
        "floor": change.floor,
        "change_over_floor": over_floor if over_floor and math.isfinite(over_floor) else None,
        "tolerance": change.tolerance,
        "score_range": change.spread,
    }
