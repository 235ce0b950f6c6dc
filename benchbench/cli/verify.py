"""`benchbench data verify`: what is wrong with a data set, a line each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchbench.datasets.integrity.checks import Finding, levels
from benchbench.datasets.integrity.verification import Verification, Verified
from benchbench.system.places import Places

LEVELS = ("error", "warning", "note")

LINES = 20
"""Findings of one kind that the text lists."""


def verify_command(
    text: str,
    *,
    against: str | None,
    backbone: str | None,
    distance: int,
    correlation: float,
    style: str,
    data_root: Path | None,
) -> int:
    """Verify a data set, or all that it consists of; 1 if an error was found, else 0."""
    places = Places.find(data_root)
    results = Verification(places, against, backbone, distance, correlation).of(text)
    counts = levels([finding for result in results for finding in result.findings])
    print(_json(results, counts) if style == "json" else _text(results))
    return int(counts["error"] > 0)


def _json(results: list[Verified], counts: Counter[str]) -> str:
    listed = [result.as_dict() for result in results]
    return json.dumps({"datasets": listed, **{f"{level}s": counts[level] for level in LEVELS}})


def _text(results: list[Verified]) -> str:
    return "\n".join(
        line for result in results for line in (*_lines(result.findings), result.summary())
    )


def _lines(findings: list[Finding]) -> Iterator[str]:
    """A line for each finding, errors first; of many of one kind the first only."""
    shown: Counter[tuple[str, str]] = Counter()
    total = Counter((finding.level, finding.check) for finding in findings)
    for finding in sorted(findings, key=lambda finding: LEVELS.index(finding.level)):
        kind = finding.level, finding.check
        shown[kind] += 1
        head = f"{finding.level:<8} {finding.check}: "
        if shown[kind] <= LINES:
            yield head + finding.text
        elif shown[kind] == LINES + 1:
            yield f"{head}and {total[kind] - LINES} more; --format json lists all."
