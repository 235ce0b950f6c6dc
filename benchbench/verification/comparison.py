"""A repeated run beside the stored one: what its method declares, its counts or its mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchbench.errors import NoEstimate
from benchbench.runs.directory import RunDirectory
from benchbench.runs.manifest import software, tolerance_of
from benchbench.runs.rows import TOLERANCE, Rows
from benchbench.stats import mean_difference
from benchbench.system.arrays import FloatArray
from benchbench.system.compute import machine
from benchbench.verification.differences import Difference, Findings, of_scores

ELSEWHERE = 1e-3
"""How far a metric may move where scores differ in their last digits, relative to 1 + it."""

DECLARED = (
    *("transductive", "order_dependent", "uses_class_names", "uses_attributes"),
    *("uses_validation", "uses_unlabelled", "pretrained_on"),
)


def compare(
    run: RunDirectory,
    again: RunDirectory,
    findings: Findings,
    *,
    retrained: bool = False,
    fresh: int | None = None,
) -> None:
    """Compare what is stored with what came out now.

    retrained: whether it was trained again. fresh: the seed of the episodes, if they are others.
    """
    stored, now = run.manifest, again.manifest
    rows = Rows.parsed(run.stored_rows(), stored["identity"]["metrics"])
    new = Rows.parsed(again.stored_rows(), stored["identity"]["metrics"])
    for key in DECLARED:
        said, is_now = stored["method"].get(key), now["method"].get(key)
        if said is not None and said != is_now:
            findings.differences.append(
                Difference("claims", f"method.{key} is {said}; the method says {is_now}")
            )
    if stored.get("parameters", now["parameters"]) != now["parameters"]:
        sentence = f"parameters are {stored['parameters']}; the method has {now['parameters']}"
        findings.differences.append(Difference("claims", sentence))
    accuracy = rows.correct / rows.n_query, new.correct / new.n_query
    if fresh is not None:
        _compare_means(*accuracy, fresh, findings)
        return
    _compare_counts(run, rows, new, retrained, findings)


def _compare_means(stored: FloatArray, fresh: FloatArray, seed: int, findings: Findings) -> None:
    """Whether the run is as good on fresh episodes, within the interval of the difference."""
    try:
        difference, half_width = mean_difference(stored, fresh)
    except NoEstimate:
        difference, half_width = float(stored.mean() - fresh.mean()), 0.0
    text = (
        f"{100 * fresh.mean():.2f} % on {len(fresh)} episodes of seed {seed}, "
        f"{100 * stored.mean():.2f} % stored: {100 * difference:+.2f} ± {100 * half_width:.2f}"
    )
    if difference > half_width:
        findings.differences.append(Difference("claims", f"beyond the interval: {text}"))
    else:
        findings.checked.append(text)


def _compare_counts(
    run: RunDirectory, rows: Rows, new: Rows, retrained: bool, findings: Findings
) -> None:
    """Whether each episode has as many correct answers as are stored."""
    count = len(new.correct)
    differs = rows.correct[:count] != new.correct
    what = "trained again" if retrained else "evaluated again"
    if not differs.any():
        findings.checked.append(f"{count} episodes {what}, equal count by count")
        _compare_metrics(run, rows, new, what, findings)
        return
    shares = [one.correct[:count] / one.n_query[:count] for one in (rows, new)]
    change = 100 * float(np.mean(shares[1]) - np.mean(shares[0]))
    first = int(differs.argmax())
    sentence = (
        f"{what}, {int(differs.sum())} of {count} episodes have other counts, the first is episode "
        f"{first} ({rows.correct[first]} stored, {new.correct[first]} now); the mean moves by "
        f"{change:+.2f} points"
    )
    stated = run.manifest.get("reproduces", {}).get("tolerance", 0)
    tolerance = 100 * min(float(stated), tolerance_of(run.manifest["identity"]["budget"]))
    elsewhere = _elsewhere(run.manifest)
    if elsewhere and abs(change) <= tolerance:
        findings.checked.append(f"{sentence}, on another {elsewhere}")
    else:
        findings.differences.append(Difference("weights", sentence))


def _compare_metrics(
    run: RunDirectory, rows: Rows, new: Rows, what: str, findings: Findings
) -> None:
    """Whether the further metrics of each episode are those that are stored."""
    elsewhere = _elsewhere(run.manifest)
    allowed = ELSEWHERE if elsewhere else TOLERANCE
    for name, values in new.metrics.items():
        stored = rows.metrics[name][: len(values)]
        differs = np.abs(stored - values) > allowed * (1 + np.abs(values))
        if not differs.any():
            findings.checked.append(f"{name} {what}, equal")
            findings.settled += [of_scores(name)] if len(values) == len(rows.correct) else []
            continue
        first = int(differs.argmax())
        sentence = (
            f"{what}, {name} is another in {int(differs.sum())} of {len(values)} episodes, the "
            f"first is episode {first} ({stored[first]:.6g} stored, {values[first]:.6g} now)"
        )
        if elsewhere:
            findings.partly.append(f"{sentence}, on another {elsewhere}")
        else:
            findings.differences.append(Difference("records", sentence))


def _elsewhere(manifest: dict[str, Any]) -> str:
    """What of the machine or its software is not as it was, if anything; then bits may differ."""
    here = machine()
    of_machine = manifest.get("machine", {})
    for key in ("processor", "cpu_capability", "gpu"):
        if of_machine.get(key) != here.get(key):
            return key.replace("_", " ")
    found = software()
    for key, version in manifest.get("software", {}).items():
        if found.get(key) != version and key != "benchbench":
            return f"version of {key}"
    return ""
