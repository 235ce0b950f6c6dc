"""What the audit of a run says against itself, and against its method."""

from typing import Any

import pytest

from benchbench.conformance.run_audit import ALTERATIONS, _Audit
from benchbench.verification.audits import OTHER_QUESTIONS, contradictions_of_audit


def comparison(
    alteration: str, changed: int = 0, queries: int = 100, rounded: bool = False
) -> dict[str, Any]:
    return {
        "alteration": alteration,
        "queries": queries,
        "predictions_changed": changed,
        "scores_changed": 0 if rounded else changed,
    }


def manifest(
    inductive: bool | None = True,
    *,
    company: int = 0,
    seeds: int = 0,
    rounded: bool = False,
    **entries: Any,
) -> dict[str, Any]:
    """Of a run whose answers changed for so many queries of 100 in company, or by a seed.

    rounded: whether the scores in company changed by no more than rounding.
    """
    comparisons = [comparison(one.name, company, rounded=rounded) for one in ALTERATIONS]
    comparisons += [
        comparison(name, seeds if name == "with another seed" else 0) for name in OTHER_QUESTIONS
    ]
    audit = {
        "inductive": inductive,
        "batch_norms_on_queries": [],
        "declared": {"transductive": False, "order_dependent": False},
        "comparisons": comparisons,
    }
    return {
        "method": {"transductive": False, "order_dependent": False},
        "audit": audit | entries,
    }


def said(manifest: dict[str, Any]) -> str:
    return "\n".join(contradictions_of_audit(manifest))


class Nowhere:
    examiner = nonce = None


def test_the_comparisons_that_leave_queries_together_are_known(monkeypatch) -> None:
    job = Nowhere()
    job.nonce = type("Nonce", (), {"number": staticmethod(lambda text: 0)})  # type: ignore[assignment]
    audit = _Audit(job, job)  # type: ignore[arg-type]
    others = [one.alteration for one in audit._all() if one not in audit.company.values()]
    assert sorted(others) == sorted(OTHER_QUESTIONS)


@pytest.mark.parametrize(
    "honest",
    [
        manifest(),
        manifest(inductive=False, company=50),
        manifest(inductive=True, company=1),
        manifest(inductive=False, company=1),
        manifest(inductive=None, seeds=30),
        manifest(inductive=None, company=50, rounded=True),
        manifest(inductive=True, company=50, seeds=30),
        manifest(inductive=False, batch_norms_on_queries=["norm"]),
        manifest(inductive=True, comparisons=[]),
        {"method": {}, "audit": {"reason": "not asked for (--no-audit)"}},
        {"method": {}},
    ],
)
def test_what_may_be_is_not_told(honest: dict[str, Any]) -> None:
    assert said(honest) == ""


def test_a_verdict_against_its_comparisons_is_told() -> None:
    assert said(manifest(inductive=False)) == ("audit.inductive is False; its comparisons say True")
    assert said(manifest(inductive=True, company=50)) == (
        "audit.inductive is True; its comparisons say False"
    )
    told = said(manifest(inductive=True, batch_norms_on_queries=["norm"]))
    assert told == "audit.inductive is True; its comparisons say False"
    assert "None" in said(manifest(inductive=None))


def test_another_claim_than_when_it_was_audited_is_told() -> None:
    forged = manifest()
    forged["method"]["transductive"] = True
    assert said(forged) == (
        "method.transductive is True; the method said False when it was audited"
    )


@pytest.mark.parametrize("name", ["queries", "predictions_changed", "scores_changed"])
def test_numbers_that_are_none_are_no_error(name: str) -> None:
    forged = manifest()
    for one in forged["audit"]["comparisons"]:
        one[name] = "many"
    assert said(forged) == ""


def test_counts_that_are_missing_altogether_are_no_error() -> None:
    forged = manifest()
    for one in forged["audit"]["comparisons"]:
        one |= {"predictions_changed": None, "scores_changed": []}
    assert said(forged) == ""


def test_what_nobody_asked_about_leaves_the_verdict_open() -> None:
    open_ = manifest(inductive=None)
    open_["audit"]["comparisons"][0]["queries"] = 0
    assert said(open_) == ""
