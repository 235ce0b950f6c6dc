"""Manifests: the schema fits those that are stored, and what is not as it says is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.runs import write_run

from benchbench.errors import BenchbenchError
from benchbench.runs.reading import DEPTH, FORMAT, read_manifest, schema

ROOT = Path(__file__).parents[2]
STORED = sorted((ROOT / "leaderboards" / "runs").rglob("manifest.json"))


def test_the_stored_manifests_are_as_the_schema_says() -> None:
    assert len(STORED) > 40
    for file in STORED:
        assert read_manifest(file) == json.loads(file.read_text())


def test_the_schema_knows_every_entry_of_a_manifest() -> None:
    known = schema()["properties"]
    assert known["format"] == {"const": FORMAT}
    for file in STORED:
        entries = set(json.loads(file.read_text()))
        assert entries - set(known) <= {"compute", "machine", "software", "reproduces", "nonce"}


def written(folder: Path, change: dict[str, Any]) -> Path:
    file = write_run(folder, "toy", [40, 50]).path / "manifest.json"
    manifest = json.loads(file.read_text())
    for name, value in change.items():
        *above, key = name.split(".")
        inner = manifest
        for one in above:
            inner = inner.setdefault(one, {})
        inner[key] = value
    file.write_text(json.dumps(manifest))
    return file


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("identity.seed", -1, "identity.seed must be bigger than or equal to 0"),
        ("identity.seed", True, "identity.seed must be integer"),
        ("identity.episode_seed", 0.0, "identity.episode_seed must be integer"),
        ("identity.metrics", ["a", 1], "identity.metrics.1 must be string"),
        ("identity.metrics", ["a", "a"], "identity.metrics must contain unique items"),
        ("identity", {}, "identity has no 'method'"),
        ("episodes.count", 0, "episodes.count must be bigger than or equal to 1"),
        ("cost.seconds_per_episode", float("inf"), "cost.seconds_per_episode must be number"),
        ("audit.accuracy_together", 1.5, "audit.accuracy_together must be smaller"),
        ("protection.files_tried", "all", "protection.files_tried must be array"),
        ("status", "done", "status must be one of"),
    ],
)
def test_what_is_not_as_the_schema_says_is_named(
    tmp_path: Path, name: str, value: Any, what: str
) -> None:
    file = written(tmp_path, {name: value})
    with pytest.raises(BenchbenchError, match=f"is no manifest of a run .{what}") as caught:
        read_manifest(file)
    assert str(caught.value).startswith(str(file))


def test_a_parameter_may_be_infinite(tmp_path: Path) -> None:
    """As the default of a method of one's own; what nothing is computed from is free."""
    file = written(tmp_path, {"identity.parameters": {"clip": float("inf")}})
    assert read_manifest(file)["identity"]["parameters"] == {"clip": float("inf")}


@pytest.mark.parametrize("digits", [100, 5000])
def test_numbers_of_any_length_end_in_a_sentence(tmp_path: Path, digits: int) -> None:
    file = written(tmp_path, {})
    file.write_text(file.read_text().replace('"count": 2', f'"count": {"9" * digits}'))
    with pytest.raises(BenchbenchError, match="is no manifest of a run"):
        read_manifest(file)


def test_deep_nesting_is_told_where_it_could_be_read(tmp_path: Path) -> None:
    for depth, allowed in ((DEPTH - 4, True), (DEPTH + 1, False)):
        value = json.loads("[" * depth + "]" * depth)
        file = written(tmp_path / str(depth), {"identity.parameters": value})
        if allowed:
            read_manifest(file)
        else:
            with pytest.raises(BenchbenchError, match="are in each other"):
                read_manifest(file)


def test_of_another_format_nothing_is_known(tmp_path: Path) -> None:
    file = written(tmp_path, {"format": FORMAT + 1, "identity": "elsewhere"})
    assert read_manifest(file)["identity"] == "elsewhere"
