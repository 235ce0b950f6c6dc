"""`benchbench data verify`: what is wrong with a data set, a line each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchbench.datasets.base import SPLITS, Dataset, OpenDataset
from benchbench.datasets.integrity.checks import (
    Finding,
    Level,
    check_classes,
    check_counts,
    check_files,
    check_table,
    class_counts,
    levels,
    plural,
)
from benchbench.datasets.integrity.contamination import judge
from benchbench.datasets.integrity.duplicates import Scan, scan
from benchbench.datasets.integrity.image_checks import (
    check_duplicates,
    check_overlap,
    check_pictures,
)
from benchbench.datasets.opening import create_dataset, members_of, open_dataset
from benchbench.datasets.problem import Collection
from benchbench.datasets.tables.file_states import forget_if_changed
from benchbench.datasets.tables.prepared import prepared_record, state_changed
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.system.places import Places

LINES = 20
"""Findings of one kind that the text lists."""

LEVEL_OF_VERDICT: dict[str, Level] = {"images": "error", "classes": "warning"}


@dataclass
class Verification:
    """How images are compared, and what was read so far, by fingerprint."""

    distance: int
    correlation: float
    scans: dict[str, Scan] = field(default_factory=dict)

    def scanned(self, dataset: OpenDataset) -> Scan:
        """The scan of all its images, made once."""
        if dataset.fingerprint not in self.scans:
            self.scans[dataset.fingerprint] = scan(dataset.pixels, f"reading {dataset.name}")
        return self.scans[dataset.fingerprint]

    def of(self, dataset: Dataset | Collection, opened: OpenDataset) -> Iterator[Finding]:
        """All findings on one data set by itself."""
        expected = dataset.expected_counts() if isinstance(dataset, Dataset) else None
        if isinstance(dataset, Dataset) and isinstance(opened.pixels, np.memmap):
            yield from check_table(opened)
        yield from check_counts(opened, expected)
        yield from check_files(opened)
        yield from check_classes(opened)
        scanned = self.scanned(opened)
        yield from check_pictures(opened, scanned)
        yield from check_duplicates(opened, scanned, self.distance, self.correlation)

    def overlap(
        self, opened: OpenDataset, other: OpenDataset, called: str = ""
    ) -> Iterator[Finding]:
        """What it shares with another data set."""
        scans = self.scanned(opened), self.scanned(other)
        limits = self.distance, self.correlation
        yield from check_overlap(opened, other, scans, *limits, called)


@dataclass(frozen=True)
class Verified:
    """What was found out about one data set; opened: None where it could not be opened."""

    name: str
    opened: OpenDataset | None
    findings: list[Finding]

    def summary(self) -> str:
        """One sentence."""
        counts = _counts(self.findings).items()
        told = [plural(count, level[:-1], level) for level, count in counts if count]
        result = ", ".join(told) or "nothing is wrong"
        if self.opened is None:
            return f"{self.name}: {result}."
        images, classes = len(self.opened.labels), len(self.opened.class_names)
        return f"{self.name}: {result}, in {images} images of {classes} classes."

    def as_dict(self) -> dict[str, Any]:
        """The same for a program."""
        found: dict[str, Any] = {
            "dataset": self.name,
            "findings": [asdict(each) for each in self.findings],
        }
        if self.opened is not None:
            sizes = class_counts(self.opened)
            found["fingerprint"] = self.opened.fingerprint
            found["images"] = len(self.opened.labels)
            found["classes"] = dict(zip(SPLITS, sizes, strict=True))
        return found


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
    """Verify a data set, or all that it stands for; 1 where an error was found, else 0.

    Raises BenchbenchError where it, or all of them, cannot be opened.
    """
    places, dataset = Places.find(data_root), create_dataset(text)
    other = open_dataset(against, places) if against else None
    verification = Verification(distance, correlation)
    results: list[Verified] = []
    for spec in members_of(dataset, places):
        try:
            each = create_dataset(spec)
            opened = open_dataset(each if isinstance(each, Dataset) else spec, places)
        except BenchbenchError as error:
            if isinstance(dataset, Dataset):
                raise
            missing = Finding("note", "files", f"it cannot be opened: {error}")
            results.append(Verified(spec, None, [missing]))
            continue
        findings = [*verification.of(each, opened)]
        if isinstance(each, Dataset):
            findings += _changed(each, places)
        if other is not None:
            findings += verification.overlap(opened, other)
        findings += [_pretraining(backbone, opened)] if backbone else []
        results.append(Verified(spec, opened, findings))
    if isinstance(dataset, Collection):
        results += _learned_from(dataset, verification, places)
    if all(result.opened is None for result in results):
        raise BenchbenchError(f"None of the data sets of {text} can be opened.")
    _tell(results, style)
    return int(any(levels(result.findings)["error"] for result in results))


def _learned_from(
    collection: Collection, verification: Verification, places: Places
) -> Iterator[Verified]:
    """What the test data of each problem share with the data that methods learn from."""
    try:
        problems = collection.problems(places)
    except BenchbenchError as error:
        note = Finding("note", "files", f"methods cannot learn from it: {error}")
        yield Verified(specs.text_of(collection), None, [note])
        return
    for problem in problems:
        called = "what methods learn from"
        findings = [*verification.overlap(problem.test, problem.train, called)]
        yield Verified(problem.spec, problem.test, findings)


def _changed(dataset: Dataset, places: Places) -> Iterator[Finding]:
    """Files that are no longer what they were when they were decoded."""
    record = prepared_record(dataset, places)
    if record is not None:
        if state_changed(record):
            text = f"the files at {record.origin} have changed or are gone since they were decoded."
            yield Finding("warning", "files", text)
    elif forget_if_changed(dataset.sources(places), places.cache):
        text = "files have changed in place since they were decoded; the next use decodes anew."
        yield Finding("warning", "files", text)


def _pretraining(backbone: str, opened: OpenDataset) -> Finding:
    """What the weights of a backbone have seen of the test classes."""
    from benchbench.backbones import create_backbone

    seen = create_backbone(backbone, opened.image_shape).pretrained_on
    verdict = judge(seen, opened.name)
    reason = verdict.reason or "Its weights were not trained on anything."
    return Finding(
        LEVEL_OF_VERDICT.get(verdict.level, "note"),
        "pretraining",
        f"{backbone} has seen: {verdict.level}. {reason}",
        {"backbone": backbone, "pretrained_on": list(seen), "verdict": verdict.level},
    )


def _tell(results: list[Verified], style: str) -> None:
    if style == "json":
        together = [finding for result in results for finding in result.findings]
        listed = [result.as_dict() for result in results]
        print(json.dumps({"datasets": listed, **_counts(together)}))
        return
    for result in results:
        print("\n".join([*_lines(result.findings), result.summary()]))


def _counts(findings: list[Finding]) -> dict[str, int]:
    found = levels(findings)
    return {f"{level}s": found[level] for level in ("error", "warning", "note")}


def _lines(findings: list[Finding]) -> Iterator[str]:
    """A line for each finding, errors first; of many of one kind the first only."""
    order = ("error", "warning", "note")
    shown: Counter[tuple[str, str]] = Counter()
    total = Counter((finding.level, finding.check) for finding in findings)
    for finding in sorted(findings, key=lambda finding: order.index(finding.level)):
        kind = finding.level, finding.check
        shown[kind] += 1
        head = f"{finding.level:<8} {finding.check}: "
        if shown[kind] <= LINES:
            yield head + finding.text
        elif shown[kind] == LINES + 1:
            yield f"{head}and {total[kind] - LINES} more; --format json lists all."
