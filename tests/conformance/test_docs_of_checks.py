"""The guide names every check."""

from __future__ import annotations

import re
from pathlib import Path

from benchbench.conformance import CHECKS
from benchbench.conformance.verdict import COMPARED

GUIDE = Path(__file__).parents[2] / "docs" / "conformance.md"


def test_every_check_is_in_the_guide_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == list(CHECKS)


def test_the_verdict_looks_at_checks_that_exist() -> None:
    assert set(CHECKS) >= COMPARED
