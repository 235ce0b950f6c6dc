"""The folder of run directories: `results/<dataset>/<protocol>/<method>-<hash>/`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchbench.errors import BenchbenchError
from benchbench.runs.directory import RunDirectory
from benchbench.runs.episodes_file import ROW_BYTES
from benchbench.runs.names import run_hash, slug
from benchbench.system.files import can_write, folders_with, read_bytes, whole_file
from benchbench.system.progress import say
from benchbench.system.salt import SALT

SALT_BYTES = 32


def _content(file: Path) -> bytes:
    """The content of a file; nothing if it is missing or a kill has left it empty."""
    try:
        return read_bytes(file, ROW_BYTES)
    except FileNotFoundError:
        return b""


class Store:
    """A folder of run directories."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def check(self) -> None:
        """Raise BenchbenchError if the folder can hold no runs: it can be neither read nor made."""
        if not self.root.is_dir():
            self.check_writing()

    def check_writing(self, run: RunDirectory | None = None) -> None:
        """Raise BenchbenchError if a run cannot be written to the folder; nothing is made yet."""
        for place in (self.root, *([run.path] if run else [])):
            if not can_write(place):
                what = " (it is a file)" if place.is_file() else ""
                raise BenchbenchError(
                    f"Cannot write results to {place}{what}; choose another --out."
                )

    def salt(self) -> bytes:
        """The folder's secret, from which the nonces of its runs are derived; made when missing.

        The environment variable BENCHBENCH_SALT replaces it, so that runs elsewhere can be equal.
        """
        if given := os.environ.get(SALT):
            return given.encode()
        file = self.root / ".salt"
        self.root.mkdir(parents=True, exist_ok=True)
        if known := _content(file):
            return known
        # Another process may make it at this moment, and both must use the same.
        with FileLock(self.root / ".salt.lock"):
            if not (known := _content(file)):
                with whole_file(file) as partial:
                    partial.touch(0o600)
                    partial.write_bytes(secrets.token_bytes(SALT_BYTES))
                known = _content(file)
        return known

    def run(self, dataset: str, identity: dict[str, Any], source: str = "") -> RunDirectory:
        """The directory that belongs to an identity; it need not exist yet.

        source: the test source, if the data set is a collection of several.
        """
        name = f"{identity['method']}-{run_hash(identity)}"
        place = self.root / slug(dataset) / (slug(source) if source else "")
        path = place / identity["protocol"] / name
        return RunDirectory(path, shared=self.root / "pretrained")

    def place_of(self, manifest: dict[str, Any]) -> RunDirectory:
        """The directory in which the run of a manifest belongs; it need not exist yet."""
        dataset = manifest["dataset"]
        collection = dataset.get("trained_on", {}).get("name")
        source = dataset.get("source", "") if collection else ""
        return self.run(collection or dataset["name"], manifest["identity"], source)

    def runs(self) -> list[RunDirectory]:
        """All runs below the folder, links followed, by path; what cannot be read is told."""

        def tell(error: OSError) -> None:
            say(f"left out {error.filename}: it cannot be read ({error.strerror})")

        folders = folders_with("manifest.json", self.root, tell)
        return [RunDirectory(folder) for folder in sorted(folders)]
