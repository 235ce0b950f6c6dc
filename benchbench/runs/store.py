"""Run directories: `results/<dataset>/<protocol>/<method>-<hash>/`.

`episodes.csv` has a row an episode and grows as they are scored; `predictions.csv` says what was
predicted in the first of them, and `manifest.json` what made them: both are replaced whole. A kill
at any moment leaves all three readable.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import secrets
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from benchbench.errors import BenchbenchError, MethodError, reason_of
from benchbench.system.files import can_write, whole_file
from benchbench.system.salt import SALT

FORMAT = 2
"""Of the manifests: other ones say less, or name runs by other rules, and are not read."""

COLUMNS = ("episode", "n_way", "n_query", "correct", "accuracy", "classes")
PREDICTION_COLUMNS = (
    "episode",
    "support",
    "support_labels",
    "query",
    "query_labels",
    "predicted",
)
SLUG_LENGTH = 60
"""Characters of a folder's name, not counting the hash."""

PREDICTED_EPISODES = 20
"""The first episodes, whose predictions are kept."""

FLUSH_EVERY = 100
"""Episodes that a kill may lose."""


class RunDirectory:
    """The folder of one method on one task; `shared` is for what several methods share."""

    def __init__(self, path: Path, shared: Path | None = None) -> None:
        self.path, self.shared = path, shared
        self._pending: list[str] = []
        self._predictions: list[str] = []
        self._manifest: dict[str, Any] | None = None

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest as it stands, empty if there is none; BenchbenchError if damaged."""
        if self._manifest is None:
            file = self.path / "manifest.json"
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
                if not isinstance(content, dict):
                    raise ValueError("it is not a JSON object")
                self._manifest = content
            except FileNotFoundError:
                self._manifest = {}
            except ValueError as error:
                raise BenchbenchError(f"{file} is damaged ({error}); delete its folder.") from error
        return self._manifest

    def update(self, **entries: Any) -> None:
        """Change entries of the manifest, on disk as well."""
        self._manifest = {**self.manifest, **entries}
        content = json.dumps(self._manifest, indent=1, default=str) + "\n"
        with whole_file(self.path / "manifest.json") as partial:
            partial.write_text(content, encoding="utf-8")

    @property
    def status(self) -> str:
        """`running`, `finished`, `failed`, or nothing yet."""
        return str(self.manifest.get("status", ""))

    def has(self, episodes: int) -> bool:
        """Whether the run is finished with at least so many episodes."""
        stored = self.manifest.get("episodes", {}).get("count", 0)
        return self.status == "finished" and min(stored, self._whole_rows()[1]) >= episodes

    @contextmanager
    def locked(self, patience: float = 0.0) -> Iterator[None]:
        """Keep other processes out. Raises MethodError if one stays in for so many seconds."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=patience)
        except Timeout as error:
            raise MethodError(f"another process is running it in {self.path}") from error
        try:
            self._manifest = None
            yield
        finally:
            lock.release()

    def start(self, manifest: dict[str, Any]) -> None:
        """Write the manifest of a run that begins or resumes.

        A finished run that gets more episodes is finished, with those it has, all the while.
        """
        kept: dict[str, Any] = {
            key: self.manifest[key] for key in ("episodes", "cost", "audit") if key in self.manifest
        }
        entries = manifest | kept
        now = datetime.now(UTC).isoformat(timespec="seconds")
        (self.path / "error.txt").unlink(missing_ok=True)
        entries["status"] = "finished" if self.status == "finished" else "running"
        entries["started"] = self.manifest.get("started", now)
        entries["reason"] = ""
        self.update(**entries)

    def scored(self) -> int:
        """How many episodes are stored; a row that a kill cut short is removed."""
        length, rows = self._whole_rows()
        file = self.path / "episodes.csv"
        if file.exists() and length < file.stat().st_size:
            os.truncate(file, length)
        return rows

    def _whole_rows(self) -> tuple[int, int]:
        """How many bytes of `episodes.csv` are whole lines, and how many episodes they hold."""
        file = self.path / "episodes.csv"
        content = file.read_bytes() if file.exists() else b""
        length = content.rfind(b"\n") + 1
        return length, max(0, content.count(b"\n", 0, length) - 1)

    def append(self, record: dict[str, Any]) -> None:
        """Add an episode's row; rows reach the disk a hundred at a time, see `flush`."""
        if not self._pending and not self._has_header():
            self._pending.append(",".join(record))
        self._pending.append(",".join(map(str, record.values())))
        if len(self._pending) >= FLUSH_EVERY:
            self.flush()

    def append_prediction(self, record: dict[str, Any]) -> None:
        """Add a row of `PREDICTION_COLUMNS`, before the same episode's row of `append`."""
        self._predictions.append(",".join(str(record[column]) for column in PREDICTION_COLUMNS))

    def _has_header(self) -> bool:
        file = self.path / "episodes.csv"
        return file.exists() and file.stat().st_size > 0

    def flush(self) -> None:
        """Write the rows that are waiting, all or none of them."""
        predictions, self._predictions = self._predictions, []
        rows, self._pending = self._pending, []
        # In this order, so that no episode is stored without its prediction.
        self._write_predictions(predictions)
        self._write_rows(rows)

    def _write_predictions(self, rows: list[str]) -> None:
        """Add rows to `predictions.csv`, whatever it holds of the same episodes already."""
        if not rows:
            return
        file = self.path / "predictions.csv"
        first = int(rows[0].partition(",")[0])
        kept = file.read_text(encoding="utf-8").splitlines()[1:] if file.exists() else []
        if len(kept) < first:  # of a run that is older than the file
            return
        lines = [",".join(PREDICTION_COLUMNS), *kept[:first], *rows]
        with whole_file(file) as partial:
            partial.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")

    def _write_rows(self, rows: list[str]) -> None:
        if not rows:
            return
        file = self.path / "episodes.csv"
        length = file.stat().st_size if file.exists() else 0
        try:
            with file.open("ab") as stream:
                stream.write(("\n".join(rows) + "\n").encode())
        except OSError:
            os.truncate(file, length)
            raise

    def first_rows(self, count: int) -> bytes:
        """The header and the first `count` rows of `episodes.csv`, fewer if it has fewer."""
        try:
            content = (self.path / "episodes.csv").read_bytes()
        except FileNotFoundError as error:
            raise self._lost() from error
        return b"".join(content.splitlines(keepends=True)[: count + 1])

    def records_sha256(self, count: int) -> str:
        """The hash of `first_rows`."""
        return rows_sha256(self.first_rows(count))

    def _lost(self) -> BenchbenchError:
        return BenchbenchError(f"{self.path} has lost its episodes.csv; delete it.")

    def records(self, count: int | None = None) -> list[dict[str, str]]:
        """The first `count` rows of `episodes.csv`, all by default, as text."""
        try:
            with (self.path / "episodes.csv").open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        except FileNotFoundError as error:
            raise self._lost() from error
        return rows[:count]

    def finish(self, **entries: Any) -> None:
        """Mark the run as complete; what waits to be written is written before."""
        self.flush()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.update(status="finished", reason="", finished=now, **entries)

    def fail(self, error: BaseException) -> None:
        """Keep what was scored, the reason, and the traceback or the stacks in `error.txt`.

        A run that had been finished, with fewer episodes, stays so.
        """
        self.flush()
        stacks = getattr(error, "stacks", "")
        lines = [f"{reason_of(error)}\n", stacks] if stacks else traceback.format_exception(error)
        (self.path / "error.txt").write_text("".join(lines), encoding="utf-8")
        status = "finished" if self.status == "finished" else "failed"
        self.update(status=status, reason=reason_of(error))


def rows_sha256(rows: bytes) -> str:
    """The hash that a manifest keeps of the rows of `episodes.csv`."""
    return hashlib.sha256(rows).hexdigest()


class Store:
    """A folder of run directories."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def check(self) -> None:
        """Raise BenchbenchError if nothing can be written to the folder; it is not made yet."""
        if not can_write(self.root):
            raise BenchbenchError(f"Cannot write results to {self.root}; choose another --out.")

    def salt(self) -> bytes:
        """The folder's secret, from which the nonces of its runs are derived; made when missing.

        The environment variable BENCHBENCH_SALT replaces it, so that runs elsewhere can be equal.
        """
        if given := os.environ.get(SALT):
            return given.encode()
        file = self.root / ".salt"
        self.root.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), file.open("xb") as new:
            file.chmod(0o600)
            new.write(secrets.token_bytes(32))
        return file.read_bytes()

    def run(self, dataset: str, identity: dict[str, Any], source: str = "") -> RunDirectory:
        """The directory that belongs to an identity; it need not exist yet.

        source: the test source, if the data set is a collection of several.
        """
        name = f"{identity['method']}-{run_hash(identity)}"
        place = self.root / slug(dataset) / (slug(source) if source else "")
        path = place / identity["protocol"] / name
        return RunDirectory(path, shared=self.root / "pretrained")

    def runs(self) -> list[RunDirectory]:
        """All runs below the folder, by path."""
        return [RunDirectory(file.parent) for file in sorted(self.root.rglob("manifest.json"))]


def run_hash(identity: dict[str, Any]) -> str:
    """Eight hex digits for the name of a run's folder."""
    content = json.dumps(identity, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def slug(text: str) -> str:
    """A spec as a folder's name; a hash separates specs that shorten to the same text.

    Of a long one that holds paths, only the names of their files stand there.
    """
    short = text if len(text) <= SLUG_LENGTH else re.sub(r"(?<=:)[^,:\[\]]*/", "", text)
    plain = re.sub(r"[^A-Za-z0-9_.=-]+", "-", short).strip("-.")[:SLUG_LENGTH].rstrip("-.")
    if plain == text:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
