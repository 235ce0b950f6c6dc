"""Runs copied from a results folder to where they are published, with what anybody needs to check
them and nothing else.

What is copied is listed here, so that nothing is published by oversight: checkpoints, locks, logs,
tracebacks and the secret of the results folder, with which a method could compute the nonces of
runs to come, stay where they are.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchbench.errors import BenchbenchError
from benchbench.results.configurations import Defaults, whole_identity
from benchbench.runs.class_tables import ClassTables
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store
from benchbench.runs.weights import OWN, SHARED, StoredWeights, weights_of
from benchbench.system.files import can_write, output_file
from benchbench.system.progress import say
from benchbench.verification.records import verify_records
from benchbench.verification.redrawing import Redrawings

FILES = ("episodes.csv", "answers.csv.gz", "predictions.csv", "manifest.json")
"""Of a run; the manifest comes last, so that a copy that was interrupted is no run. What is only
looked at, `top_classes.csv`, would be most of a board's size."""

LARGEST_WEIGHTS = 1_000_000
"""Bytes of a file of weights that is published."""

VERSIONS = ("core", "method_source")
"""The parts of a run's identity that change with the code alone."""

OF_MACHINES = ("device", "bf16", "channels_last")
"""Those that a machine decides, so that the run of other code may have had others."""


@dataclass
class Published:
    """What was copied to `root`; replaced: runs of older code in whose place others came now.

    completed: how many of these had been stored before their method had the parameters that are
    named in `added`. heavy: runs whose weights were left out because they are large. refused: runs
    that contradict themselves.
    """

    root: Path
    runs: int = 0
    replaced: int = 0
    completed: int = 0
    added: set[str] = field(default_factory=set)
    heavy: int = 0
    refused: list[Path] = field(default_factory=list)

    def __str__(self) -> str:
        added = ", ".join(sorted(self.added))
        notes = [
            f"{self.replaced} in place of runs of other code" * bool(self.replaced),
            f"{self.completed} of them of before these parameters had defaults: {added}"
            * bool(self.completed),
            f"{self.heavy} without their weights, of {LARGEST_WEIGHTS:,} bytes or more"
            * bool(self.heavy),
        ]
        more = ", ".join(filter(None, notes))
        runs = f"{self.runs} run" + "s" * (self.runs != 1)
        return f"published {runs} in {self.root}" + (f" ({more})" if more else "")


def publish(runs: Iterable[RunDirectory], root: Path) -> Published:
    """Copy the finished runs that verify; those that do not are said.

    Raises BenchbenchError if nothing can be written to `root`.
    """
    if not can_write(root):
        raise BenchbenchError(f"Cannot write to {root}; choose another --out.")
    redrawings, published, whole = Redrawings(), Published(root), []
    for run in runs:
        findings = verify_records(run, redrawings.of(run.path))
        if findings.verdict in ("verified", "partly verified"):
            whole.append(run)
            continue
        reasons = [*findings.differences, *findings.unknown]
        say(f"not published: {run.path}: {findings.verdict}: {reasons[0]}")
        published.refused += [run.path] * bool(findings.differences)
    for run in sorted(whole, key=_age):
        _copy(run, redrawings.of(run.path).tables, published)
    _remove_unused(root)
    return published


def _age(run: RunDirectory) -> tuple[int, str]:
    """By this the newest comes last, and of two versions of the code it is the one that stays.

    The core counts before the time, which is wrong where a clock was set back.
    """
    core = run.manifest["identity"].get("core", 1)
    return core if isinstance(core, int) else 0, str(run.manifest.get("finished", ""))


def _copy(run: RunDirectory, tables: ClassTables, published: Published) -> None:
    target = Store(published.root).place_of(run.manifest)
    if target.path.resolve() == run.path.resolve():
        return
    _copy_tables(run.manifest, tables, ClassTables(published.root))
    weights = [one for one in weights_of(run) if one.sha256 and _is_plain(one.file)]
    light = [one for one in weights if one.file.stat().st_size < LARGEST_WEIGHTS]
    published.heavy += len(light) < len(weights)
    for one in weights:
        _copy_weights(one, target.path, published.root, whole=one in light)
    for name in FILES:
        if _is_plain(run.path / name):
            _copy_file(run.path / name, target.path / name)
    published.runs += 1
    _remove_older(run.manifest, target.path, published)


def _copy_weights(weights: StoredWeights, run: Path, root: Path, whole: bool) -> None:
    """The log of a training, and its weights if they are wanted."""
    folder = weights.file.parent.name
    place = run / OWN if folder == OWN else root / SHARED / folder
    for file in (weights.file, weights.file.with_suffix(".json")):
        if _is_plain(file) and (whole or file != weights.file):
            _copy_file(file, place / file.name)


def _copy_tables(manifest: dict[str, Any], source: ClassTables, target: ClassTables) -> None:
    """What the episodes of a run are drawn from."""
    sha256 = manifest["episodes"].get("sha256", "")
    if table := source.of_run(manifest["identity"]):
        target.keep(table)
    if episodes := source.episodes(sha256):
        target.keep_episodes(episodes)


def _remove_older(manifest: dict[str, Any], place: Path, published: Published) -> None:
    """Remove the runs beside `place` that are the same configuration by other code, and count them.

    A run that does not record a parameter was made with the default that others state.
    """
    others = [run for run in Store(place.parent).runs() if run.path != place and not run.is_foreign]
    defaults = Defaults([manifest, *(other.manifest for other in others)])
    for other in others:
        lacking = defaults.lacking(other.manifest)
        if not lacking and _code(other.manifest) == _code(manifest):
            continue
        wanted = _configuration(manifest, defaults.lacking(manifest))
        if _configuration(other.manifest, lacking) == wanted:
            shutil.rmtree(other.path)
            published.replaced += 1
            published.completed += bool(lacking)
            published.added |= {f"{name} of {manifest['identity']['method']}" for name in lacking}


def _code(manifest: dict[str, Any]) -> list[Any]:
    return [manifest["identity"].get(key) for key in VERSIONS]


def _configuration(manifest: dict[str, Any], lacking: dict[str, Any]) -> dict[str, Any]:
    """The identity without what code and machine make of it."""
    parts = whole_identity(manifest, lacking).items()
    return {key: value for key, value in parts if key not in (*VERSIONS, *OF_MACHINES)}


def _remove_unused(root: Path) -> None:
    """Remove the shared trainings that no published run has been made with."""
    if not root.is_dir():
        return
    used = {weights.file.parent.name for run in Store(root).runs() for weights in weights_of(run)}
    for folder in sorted((root / SHARED).glob("*")):
        if folder.name not in used:
            shutil.rmtree(folder)
            say(f"removed {folder}, which no published run is made with")


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _copy_file(source: Path, target: Path) -> None:
    with output_file(target) as partial:
        shutil.copyfile(source, partial)
