"""The contract that every method must satisfy, and the audit of its validity.

`CHECKS` are functions of a `Bench`; `run_checks` runs them, `report_on` sums them up in a
`Verdict`, and `short_audit` audits in seconds a method that is trained already.
"""

from benchbench.conformance.audit import short_audit as short_audit
from benchbench.conformance.outcomes import Change as Change
from benchbench.conformance.outcomes import CheckFailed as CheckFailed
from benchbench.conformance.outcomes import NotApplicable as NotApplicable
from benchbench.conformance.outcomes import Outcome as Outcome
from benchbench.conformance.outcomes import count_line as count_line
from benchbench.conformance.suite import CHECKS as CHECKS
from benchbench.conformance.suite import Report as Report
from benchbench.conformance.suite import check_declarations as check_declarations
from benchbench.conformance.suite import chosen as chosen
from benchbench.conformance.suite import expected_failure as expected_failure
from benchbench.conformance.suite import report_on as report_on
from benchbench.conformance.suite import run_check as run_check
from benchbench.conformance.suite import run_checks as run_checks
from benchbench.conformance.suite import summary_of as summary_of
from benchbench.conformance.training import Training as Training
from benchbench.conformance.trial import Trial as Trial
from benchbench.conformance.under_test import Bench as Bench
from benchbench.conformance.verdict import Verdict as Verdict
