"""Everything that can be found out about a data set without running a method on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from benchbench.datasets.base import SPLITS, Dataset
from benchbench.datasets.integrity.checks import (
    Finding,
    Level,
    check_classes,
    check_counts,
    check_files,
    check_remarks,
    check_table,
    class_counts,
    levels,
    plural,
)
from benchbench.datasets.integrity.contamination import judge
from benchbench.datasets.integrity.duplicates import CORRELATION, DISTANCE, Scan, scan
from benchbench.datasets.integrity.image_checks import (
    check_duplicates,
    check_overlap,
    check_pictures,
)
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, members_of, open_dataset
from benchbench.datasets.problem import Collection
from benchbench.datasets.tables.file_states import forget_if_changed
from benchbench.datasets.tables.prepared import prepared_record, state_changed
from benchbench.datasets.tables.stored import PermutedPixels
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.system.places import Places
from benchbench.system.texts import legible

LEVELS: tuple[Level, ...] = ("error", "warning", "note")

LINES = 20  # findings of one kind that the text lists

LEVEL_OF_CONTAMINATION: dict[str, Level] = {"images": "error", "classes": "warning"}


@dataclass(frozen=True)
class Verified:
    """What was found out about one data set; opened: None if it could not be opened."""

    name: str
    opened: OpenDataset | None
    findings: list[Finding]

    def summary(self) -> str:
        """The findings by level and the size of the data set in one sentence."""
        counts = levels(self.findings)
        found = [plural(counts[level], level, f"{level}s") for level in LEVELS if counts[level]]
        result = ", ".join(found) or "nothing is wrong"
        if self.opened is None:
            return f"{self.name}: {result}."
        images, classes = len(self.opened.labels), len(self.opened.class_names)
        return f"{self.name}: {result}, in {images} images of {classes} classes."

    def as_text(self) -> str:
        """A line for each finding, errors first, of many of one kind the first; the summary."""
        lines = []
        shown: Counter[tuple[str, str]] = Counter()
        total = Counter((finding.level, finding.check) for finding in self.findings)
        for finding in sorted(self.findings, key=lambda finding: LEVELS.index(finding.level)):
            kind = finding.level, finding.check
            shown[kind] += 1
            head = f"{finding.level:<8} {finding.check}: "
            if shown[kind] <= LINES:
                lines.append(head + legible(finding.text))
            elif shown[kind] == LINES + 1:
                lines.append(f"{head}and {total[kind] - LINES} more; --format json lists all.")
        return "\n".join([*lines, self.summary()])

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


@dataclass
class Verification:
    """How data sets are verified, and the scans of their images so far, by fingerprint.

    against: the spec of a data set that should share no image; backbone: the spec of weights that
    should not have seen the test classes; distance, correlation: as in `find_duplicates`.
    """

    places: Places
    against: str | None = None
    backbone: str | None = None
    distance: int = DISTANCE
    correlation: float = CORRELATION
    scans: dict[str, Scan] = field(default_factory=dict)

    def of(self, text: str) -> list[Verified]:
        """What is wrong with each data set of a spec. Raises BenchbenchError if none opens."""
        dataset = create_dataset(text)
        other = open_dataset(self.against, self.places) if self.against else None
        results: dict[str, Verified] = {}
        for spec in members_of(dataset, self.places):
            try:
                each = create_dataset(spec)
                opened = open_dataset(each, self.places)
            except BenchbenchError as error:
                if isinstance(dataset, Dataset):
                    raise
                missing = Finding("note", "files", f"it cannot be opened: {error}")
                results[spec] = Verified(spec, None, [missing])
            else:
                results[spec] = Verified(spec, opened, [*self._findings(each, opened, other)])
        for more in self._learned_from(dataset) if isinstance(dataset, Collection) else ():
            known = results.setdefault(more.name, replace(more, findings=[]))
            known.findings.extend(more.findings)
        if all(result.opened is None for result in results.values()):
            raise BenchbenchError(f"None of the data sets of {text} can be opened.")
        return list(results.values())

    def _findings(
        self, dataset: Dataset | Collection, opened: OpenDataset, other: OpenDataset | None
    ) -> Iterator[Finding]:
        """What a data set shows by itself, and shares with another one and with the backbone."""
        single = dataset if isinstance(dataset, Dataset) else None
        if single and isinstance(opened.pixels, PermutedPixels):
            yield from check_table(opened)
        yield from check_counts(opened, single.expected_counts() if single else None)
        yield from check_files(opened)
        yield from check_remarks(opened)
        yield from check_classes(opened)
        if opened.features is None:
            scanned = self._scanned(opened)
            yield from check_pictures(opened, scanned)
            yield from check_duplicates(opened, scanned, self.distance, self.correlation)
        else:
            text = "it has features and no images, among which no duplicates are looked for."
            yield Finding("note", "pictures", text)
        if single:
            yield from _changed(single, self.places)
        if other is not None:
            for one in (opened, other):
                one.check_images()
            yield from self._overlap(opened, other)
        if self.backbone:
            yield _pretraining(self.backbone, opened)

    def _learned_from(self, collection: Collection) -> Iterator[Verified]:
        """What the test data of each problem share with the data that methods learn from."""
        try:
            problems = collection.problems(self.places)
        except BenchbenchError as error:
            note = Finding("note", "files", f"methods cannot learn from it: {error}")
            yield Verified(specs.text_of(collection), None, [note])
            return
        for problem in problems:
            findings = [*self._overlap(problem.test, problem.train, "what methods learn from")]
            yield Verified(problem.spec, problem.test, findings)

    def _overlap(
        self, opened: OpenDataset, other: OpenDataset, name: str = ""
    ) -> Iterator[Finding]:
        scans = self._scanned(opened), self._scanned(other)
        yield from check_overlap(opened, other, scans, self.distance, self.correlation, name)

    def _scanned(self, dataset: OpenDataset) -> Scan:
        """The scan of all its images, made once."""
        if dataset.fingerprint not in self.scans:
            self.scans[dataset.fingerprint] = scan(dataset.thumbnails, f"reading {dataset.name}")
        return self.scans[dataset.fingerprint]


def _changed(dataset: Dataset, places: Places) -> Iterator[Finding]:
    """Files that are no longer what they were when they were decoded."""
    record = prepared_record(dataset, places)
    if record is not None:
        if state_changed(record):
            text = f"the files at {record.origin} have changed or are gone since they were decoded."
            yield Finding("warning", "files", text)
    elif forget_if_changed(dataset.sources(places), places.cache):
        text = "files have changed in place since they were decoded; the next use decodes them."
        yield Finding("warning", "files", text)


def _pretraining(backbone: str, opened: OpenDataset) -> Finding:
    """What the weights of a backbone have seen of the test classes."""
    from benchbench.backbones import create_backbone

    seen = create_backbone(backbone, opened.image_shape).pretrained_on
    level, reason = judge(seen, opened.name)
    return Finding(
        LEVEL_OF_CONTAMINATION.get(level, "note"),
        "pretraining",
        f"{backbone} has seen: {level}. {reason or 'Its weights were not trained on anything.'}",
        {"backbone": backbone, "pretrained_on": list(seen), "verdict": level},
    )
