"""The directory of a run.

`episodes.csv` has a row an episode and grows as they are scored, and so does what was answered to
each query (`answers`); `predictions.csv` says more of the first of them, and `manifest.json` what
made them: both are replaced whole. A kill at any moment leaves all of them readable.
"""

from __future__ import annotations

import csv
import io
import json
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from benchbench.errors import BenchbenchError, MethodError, reason_of
from benchbench.runs.answers import Answers
from benchbench.runs.episodes_file import (
    PREDICTION_COLUMNS,
    EpisodesFile,
    add_predictions,
)
from benchbench.runs.reading import CURE, FORMAT, read_manifest
from benchbench.runs.rows import rows_sha256
from benchbench.runs.top_classes import COLUMNS, FILE, top_row
from benchbench.system.arrays import FloatArray
from benchbench.system.files import whole_file

PREDICTED_EPISODES = 20
"""The first episodes, whose predictions are kept."""

FLUSH_EVERY = 100
"""Episodes that a kill may lose."""

PATIENCE = 0.5
"""The seconds for which a lock may be held by somebody who only looks whether anybody holds it."""


class RunningElsewhere(MethodError):  # noqa: N818 (nothing is wrong)
    """Another process is running the method on the task."""


class RunDirectory:
    """The folder of one method on one task; `shared` is for what several methods share."""

    def __init__(self, path: Path, shared: Path | None = None) -> None:
        self.path, self.shared = path, shared
        self._rows = EpisodesFile(path / "episodes.csv")
        self.answers = Answers(path)
        self._pending: list[str] = []
        self._answered: list[str] = []
        self._predictions: list[str] = []
        self._top: list[str] = []
        self._manifest: dict[str, Any] | None = None

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest as it stands, empty if there is none; BenchbenchError if it is damaged."""
        if self._manifest is None:
            try:
                self._manifest = read_manifest(self.path / "manifest.json")
            except FileNotFoundError:
                self._manifest = {}
        return self._manifest

    def update(self, **entries: Any) -> None:
        """Change entries of the manifest, on disk as well."""
        self._manifest = {**self.manifest, **entries}
        content = json.dumps(self._manifest, indent=1, default=str, ensure_ascii=False) + "\n"
        with whole_file(self.path / "manifest.json") as partial:
            # A name of a file may be no Unicode, and a manifest is read as UTF-8.
            partial.write_bytes(content.encode(errors="replace"))

    @property
    def status(self) -> str:
        """`running`, `finished`, `failed`, or nothing yet."""
        return str(self.manifest.get("status", ""))

    @property
    def is_foreign(self) -> bool:
        """Whether the manifest is in the format of another version, which may mean anything."""
        return bool(self.manifest) and self.manifest.get("format") != FORMAT

    def has(self, episodes: int) -> bool:
        """Whether the run is finished with at least so many episodes.

        Raises BenchbenchError if what is stored is not what was stored.
        """
        if self.is_foreign:
            raise BenchbenchError(
                f"{self.path} is stored in the format of another version; move it elsewhere, or "
                "choose another --out."
            )
        if self.status != "finished":
            return False
        stored = self.manifest["episodes"]["count"]
        whole = self._rows.whole_rows(stored)[1]
        if whole >= stored:
            self.stored_rows()
        return bool(min(stored, whole) >= episodes)

    @contextmanager
    def locked(self, patience: float = PATIENCE) -> Iterator[None]:
        """Keep other processes out.

        Raises RunningElsewhere if one stays in for so many seconds.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=patience)
        except Timeout as error:
            raise RunningElsewhere(f"another process is running it in {self.path}") from error
        try:
            self._manifest = None
            yield
        finally:
            lock.release()

    def is_running(self) -> bool:
        """Whether a process computes it at this moment, on a machine whose locks show here."""
        lock = FileLock(self.path / ".lock")
        if not (self.path / ".lock").exists():
            return False
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:  # the folder is read-only, for this user or for all
            return False
        lock.release()
        return False

    def call(self, label: str) -> None:
        """Store what a finished run is called in tables from now on, unless that is nothing.

        A folder that cannot be written to keeps what it has.
        """
        if label and self.manifest.get("label") != label:
            with suppress(OSError, RunningElsewhere), self.locked():
                self.update(label=label)

    def start(self, manifest: dict[str, Any]) -> None:
        """Write the manifest of a run that begins or resumes.

        A finished run that gets more episodes is finished, with those it has, all the while.
        """
        kept: dict[str, Any] = {
            key: self.manifest[key] for key in ("episodes", "cost", "audit") if key in self.manifest
        }
        if "label" in self.manifest:
            manifest = {"label": self.manifest["label"], **manifest}
        entries = manifest | kept
        now = datetime.now(UTC).isoformat(timespec="seconds")
        (self.path / "error.txt").unlink(missing_ok=True)
        entries["status"] = "finished" if self.status == "finished" else "running"
        entries["started"] = self.manifest.get("started", now)
        entries["reason"] = ""
        self.update(**entries)

    def scored(self) -> int:
        """How many episodes are stored; a row that a kill cut short is removed."""
        count = self._rows.cut(self.manifest.get("episodes", {}).get("count", 0))
        self.answers.keep(count)
        return count

    def append(self, record: dict[str, Any]) -> None:
        """Add an episode's row; rows reach the disk a hundred at a time, see `flush`."""
        if not self._pending and not self._rows.has_header():
            self._pending.append(",".join(record))
        self._pending.append(",".join(map(str, record.values())))
        if len(self._pending) >= FLUSH_EVERY:
            self.flush()

    def append_answers(
        self, number: int, predicted: list[int], confidences: Sequence[float] = ()
    ) -> None:
        """Add what was predicted in an episode, before the same episode's row of `append`.

        confidences: of all that was asked, if some of it is of none of the classes.
        """
        self._answered.append(Answers.row(number, predicted, confidences))

    def append_prediction(self, record: dict[str, Any]) -> None:
        """Add a row of `PREDICTION_COLUMNS`, before the same episode's row of `append`."""
        self._predictions.append(",".join(str(record[column]) for column in PREDICTION_COLUMNS))

    def append_top(self, number: int, scores: FloatArray) -> None:
        """Add the likeliest classes of an episode's queries, before the same row of `append`.

        scores: [n_query, n_way].
        """
        self._top.append(top_row(number, scores))

    def flush(self) -> None:
        """Write the rows that are waiting, all or none of them."""
        top, self._top = self._top, []
        predictions, self._predictions = self._predictions, []
        rows, self._pending = self._pending, []
        answers, self._answered = self._answered, []
        # In this order, so that no episode is stored without its prediction.
        if answers:
            self.answers.append(answers)
        if predictions:
            add_predictions(self.path / "predictions.csv", predictions)
        if top:
            add_predictions(self.path / FILE, top, COLUMNS)
        if rows:
            self._rows.append(rows)

    def records_sha256(self, count: int) -> str:
        """The hash of the header and the first `count` rows of `episodes.csv`."""
        return rows_sha256(self._rows.first_rows(count))

    def stored_rows(self) -> str:
        """The header and rows of the episodes that the manifest speaks of.

        Raises BenchbenchError if there are fewer, or others.
        """
        facts, file = self.manifest["episodes"], self._rows.path
        content = self._rows.first_rows(facts["count"])  # a run that is being extended has more
        held = max(0, content.count(b"\n") - 1)
        if held < facts["count"]:
            raise BenchbenchError(
                f"{file} holds {held} of {facts['count']} episodes; run its command again, which "
                "adds the others."
            )
        if facts.get("records_sha256", rows_sha256(content)) != rows_sha256(content):
            raise BenchbenchError(f"{file} is not what was stored when the run finished; {CURE}.")
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise BenchbenchError(f"{file} is no text in UTF-8; {CURE}.") from error

    def records(self, count: int | None = None) -> list[dict[str, str]]:
        """The first `count` rows of `episodes.csv`, all by default, as text."""
        if not (content := self._rows.content()):
            raise BenchbenchError(f"{self.path} has no episodes.csv; run its command again.")
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))[:count]

    def finish(self, **entries: Any) -> None:
        """Mark the run as complete; what waits to be written is written before."""
        self.flush()
        self.answers.pack()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.update(status="finished", reason="", finished=now, **entries)

    def fail(self, error: BaseException) -> None:
        """Keep what was scored, the reason, and the traceback or the stacks in `error.txt`.

        A run that had been finished, with fewer episodes, stays so.
        """
        self.flush()
        stacks = getattr(error, "stacks", "")
        lines = [f"{reason_of(error)}\n", stacks] if stacks else traceback.format_exception(error)
        (self.path / "error.txt").write_text("".join(lines), encoding="utf-8", errors="replace")
        status = "finished" if self.status == "finished" else "failed"
        self.update(status=status, reason=reason_of(error))
