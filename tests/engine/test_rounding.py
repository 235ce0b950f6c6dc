"""How far other rounding moves what a training ends with: what tolerances are measured by.

Other kinds of processors round otherwise, as their instructions sum in another order. Here the same
processor is told to do without some of its instructions.
"""

from __future__ import annotations

import csv
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchbench.runs.manifest import tolerance_of
from benchbench.runs.store import Store

ROUNDINGS = (
    {},
    {"ONEDNN_MAX_CPU_ISA": "AVX"},
    {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    {"ATEN_CPU_CAPABILITY": "default"},
)
SEEDS = 6


def accuracies(rounding: dict[str, str], out: Path) -> list[float]:
    """The mean accuracy of ProtoNet on glyphs by seed, after a training of seconds."""
    task = ("--dataset", "glyphs", "--methods", "protonet", "--shot", "2", "--budget", "smoke")
    how = ("--seed", f"0..{SEEDS - 1}", "--threads", "1", "--no-audit", "--out", str(out))
    # A new process, as libraries choose their instructions when they are loaded.
    command = [sys.executable, "-m", "benchbench.cli", "run", *task, *how]
    done = subprocess.run(
        command, env=os.environ | rounding, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for run in Store(out).runs():
        rows = csv.DictReader((run.path / "episodes.csv").read_text().splitlines())
        found[run.manifest["identity"]["seed"]] = np.mean([float(row["accuracy"]) for row in rows])
    return [float(found[seed]) for seed in range(SEEDS)]


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="needs the instructions of x86"
)
def test_a_training_that_rounds_otherwise_ends_within_the_tolerance(tmp_path: Path) -> None:
    found = np.array(
        [accuracies(one, tmp_path / str(place)) for place, one in enumerate(ROUNDINGS)]
    )
    moves = np.abs(found[1:] - found[0])
    print(f"moves by {100 * moves.mean():.2f} points on average, {100 * moves.max():.2f} at most")
    assert moves.any(), "no training has rounded otherwise"
    assert moves.max() <= tolerance_of("smoke")
