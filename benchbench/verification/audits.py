"""Whether the verdict of an audit is what its evidence says, and its claims those of the method.

What the evidence leaves open, as for a method that draws random numbers, is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

OTHER_QUESTIONS = (
    "in another process and order of episodes",
    "asked again after all episodes",
    "asked twice with equal seeds",
    "with another seed",
    "with the support in another order",
)
"""Comparisons of an audit that do not change which queries come together."""
MUCH = 0.05
"""A share of queries that no version of the audit has let differ."""


def contradictions_of_audit(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What the audit of a run says against itself or the run's method, a sentence each."""
    audit = manifest.get("audit")
    if not isinstance(audit, dict):
        return
    method, declared = manifest["method"], audit.get("declared")
    for key, value in (declared if isinstance(declared, dict) else {}).items():
        if key in method and method[key] != value:
            yield f"method.{key} is {method[key]}; the method said {value} when it was audited"
    comparisons = audit.get("comparisons")
    if not isinstance(comparisons, list) or not all(isinstance(one, dict) for one in comparisons):
        return
    expected = _inductive(audit, comparisons)
    if expected is not None and audit.get("inductive") is not expected:
        yield f"audit.inductive is {audit.get('inductive')}; its comparisons say {expected}"


def _inductive(audit: Mapping[str, Any], comparisons: list[dict[str, Any]]) -> bool | None:
    """The verdict that the evidence leaves no choice about; None if it leaves one."""
    if audit.get("batch_norms_on_queries"):
        return False
    by_chance = [one for one in comparisons if one.get("alteration") == "with another seed"]
    company = [one for one in comparisons if one.get("alteration") not in OTHER_QUESTIONS]
    asked = [one for one in company if isinstance(one.get("queries"), int) and one["queries"]]
    if not by_chance or any(map(_changes, by_chance)) or len(asked) < len(company) or not asked:
        return None
    if not any(map(_changes, asked)):
        return True
    # Predictions alone may change by rounding, of scores that are all but equal.
    much = any(_count(one, "scores_changed") > MUCH * one["queries"] for one in asked)
    return False if much else None


def _changes(comparison: Mapping[str, Any]) -> int:
    """How many predictions of a comparison changed, or scores if these are more."""
    return max(_count(comparison, key) for key in ("predictions_changed", "scores_changed"))


def _count(comparison: Mapping[str, Any], key: str) -> int:
    count = comparison.get(key)
    return count if isinstance(count, int) else 0
