"""Verification of a run without its data: names, claims, episodes, predictions and rows agree.

The episodes are drawn again from a table of classes; then the predictions are scored again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.runs.class_tables import drawn_as
from benchbench.runs.directory import RunDirectory
from benchbench.runs.rows import Rows
from benchbench.samplers.class_table import ClassTable
from benchbench.verification.audits import contradictions_of_audit
from benchbench.verification.differences import Difference, Findings, differing, short
from benchbench.verification.folder_names import misnamed
from benchbench.verification.predictions import wrong_answers, wrong_predictions
from benchbench.verification.redrawing import Drawn, Redrawing
from benchbench.verification.top_classes import wrong_top
from benchbench.verification.weights import wrong_weights

NO_TABLE = (
    "nothing says what its episodes were drawn from; `benchbench verify --write-tables` writes "
    "that where the data is"
)


def verify_records(run: RunDirectory, redrawing: Redrawing) -> Findings:
    """All that can be found out about a run without its data."""
    findings = Findings(run.path)
    try:
        if run.is_foreign:
            findings.unknown.append("it is no run of this version")
            return findings
        if run.status != "finished":
            findings.unknown.append(f"it has no result: it is {run.status or 'not begun'}")
            return findings
        rows = Rows.parsed(run.stored_rows(), run.manifest["identity"]["metrics"])
    except (BenchbenchError, ValueError) as error:
        findings.differences.append(Difference("records", str(error)))
        return findings
    findings.differences += wrong_weights(run, findings)
    drawn = verify_rows(run.manifest, rows, redrawing, findings)
    if drawn is not None:
        table = redrawing.table(run.manifest)
        seen = None if table is None else table.seen
        findings.differences += [
            *wrong_answers(run, rows, drawn.episodes, findings, seen),
            *wrong_predictions(run, rows, drawn.episodes, findings),
            *wrong_top(run, drawn.episodes, findings),
        ]
    return findings


def verify_rows(
    manifest: dict[str, Any], rows: Rows, redrawing: Redrawing, findings: Findings
) -> Drawn | None:
    """What can be found out at once, without predictions; the episodes if they could be drawn."""
    findings.checked.append(f"{len(rows.correct)} episodes")
    findings.differences += [*misnamed(findings.run, manifest), *_contradictions(manifest)]
    try:
        drawn = redrawing.drawn(manifest)
    except BenchbenchError as error:
        findings.differences.append(Difference("episodes", str(error)))
        return None
    if drawn is None:
        findings.unknown.append(NO_TABLE)
        return None
    findings.differences += [
        *_other_data(manifest, redrawing.table(manifest)),
        *_other_episodes(manifest, drawn),
        *_other_rows(rows, drawn),
    ]
    return drawn


def _contradictions(manifest: dict[str, Any]) -> Iterator[Difference]:
    """Whether what the manifest says twice is the same."""
    identity, method = manifest["identity"], manifest["method"]
    dataset, compute = manifest["dataset"], manifest.get("compute", {})
    pairs = [
        ("method.name", method.get("name"), identity["method"]),
        ("method.parameters", method.get("parameters"), identity.get("parameters")),
        ("dataset.fingerprint", dataset.get("fingerprint"), identity["fingerprint"]),
        ("dataset.trained_on.fingerprint", _trained_on(dataset), _trained_on(identity)),
        *((f"compute.{key}", compute.get(key), identity.get(key)) for key in COMPUTE),
    ]
    for what, said, identical in pairs:
        if said is not None and identical is not None and said != identical:
            one, other = map(short, differing(said, identical))
            yield Difference("claims", f"{what} is {one}; its identity: {other}")
    protection = manifest.get("protection") or {}
    if protection.get("protected") and protection.get("engine", "worker") != "worker":
        yield Difference(
            "claims", f"protection.engine is {protection['engine']}, which protects nothing"
        )
    yield from (Difference("claims", text) for text in contradictions_of_audit(manifest))
    yield from _spec(method, identity["method"])


COMPUTE = ("device", "bf16", "channels_last")


def _trained_on(part: dict[str, Any]) -> Any:
    """The fingerprint of the training data, if they are not the test data."""
    return part["trained_on"].get("fingerprint") if "trained_on" in part else None


def _spec(method: dict[str, Any], name: str) -> Iterator[Difference]:
    """Whether the spec that tables show is that of the method and its parameters."""
    spec, parameters = method["spec"], method.get("parameters")
    if not re.fullmatch(rf"{re.escape(name)}([\[:/].*)?", spec, re.DOTALL):
        yield Difference("claims", f"method.spec is {short(spec)}; its identity says {name}")
    typed: dict[str, str] = {}
    with suppress(BenchbenchError):  # a parameter may hold any text, such as a path with brackets
        typed = specs.parse(spec).parameters
    known = parameters if isinstance(parameters, dict) else {}
    for key, text in typed.items():
        value = specs.value_text(known.get(key, text))
        if value != text:
            yield Difference("claims", f"method.spec says {key}={text}; its parameters: {value}")


def _other_data(manifest: dict[str, Any], table: ClassTable | None) -> Iterator[Difference]:
    """Whether the sizes of the data are those of the table."""
    if table is None:
        return
    split = table.splits.get(manifest["identity"]["split"], ())
    pairs = (
        ("dataset", "images", len(table.labels)),
        ("dataset", "classes", {name: len(classes) for name, classes in table.splits.items()}),
        ("episodes", "images_available", int(np.isin(table.labels, split).sum())),
    )
    for part, name, value in pairs:
        said = manifest[part].get(name, value)
        if said != value:
            yield Difference("data", f"{part}.{name} is {short(said)}; the table: {short(value)}")


def _other_episodes(manifest: dict[str, Any], drawn: Drawn) -> Iterator[Difference]:
    """Whether what the manifest says of the episodes is true of those drawn again."""
    said, episodes = manifest["episodes"], drawn.episodes
    if len(episodes) != said["count"]:
        yield Difference("episodes", f"{said['count']} are claimed; there are {len(episodes)}")
        return
    for name, value in drawn.facts.items():
        if name in said and said[name] != value:
            sentence = f"{name} is {short(said[name])}; drawn again: {short(value)}"
            yield Difference("episodes", sentence)
    identity = {**manifest["identity"], "fingerprint": drawn_as(manifest["identity"])}
    for name in ("protocol", "split", "fingerprint"):
        if identity[name] != getattr(episodes, name):
            yield Difference("episodes", f"they are of another {name} than the run's identity")


def _other_rows(rows: Rows, drawn: Drawn) -> Iterator[Difference]:
    """Whether the rows are of these episodes."""
    count = min(len(rows.correct), len(drawn.episodes))
    wrong = {
        "classes": drawn.class_ids[:count] != np.array(rows.class_ids[:count]),
        "n_query": rows.n_query[:count] != drawn.episodes.query_counts[:count],
    }
    for name, flags in wrong.items():
        if flags.any():
            yield Difference(
                "records",
                f"the column {name} of episodes.csv is not that of the episodes in "
                f"{int(flags.sum())} rows, the first of episode {int(flags.argmax())}",
            )
