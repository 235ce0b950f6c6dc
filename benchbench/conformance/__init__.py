"""The contract that every method must satisfy, and the audit of its validity.

`CHECKS` are functions of a `Bench`; `run_checks` runs them, `report_on` sums them up in a
`Verdict`, and `short_audit` audits in seconds a method that is trained already.
"""

from benchbench.conformance.audit import short_audit
from benchbench.conformance.outcomes import (
    Change,
    CheckFailed,
    NotApplicable,
    Outcome,
    count_line,
)
from benchbench.conformance.suite import (
    CHECKS,
    Report,
    check_declarations,
    chosen,
    expected_failure,
    report_on,
    run_check,
    run_checks,
    summary_of,
)
from benchbench.conformance.trial import Trial
from benchbench.conformance.under_test import Bench, Training
from benchbench.conformance.verdict import Verdict

__all__ = [
    "CHECKS",
    "Bench",
    "Change",
    "CheckFailed",
    "NotApplicable",
    "Outcome",
    "Report",
    "Training",
    "Trial",
    "Verdict",
    "check_declarations",
    "chosen",
    "count_line",
    "expected_failure",
    "report_on",
    "run_check",
    "run_checks",
    "short_audit",
    "summary_of",
]
