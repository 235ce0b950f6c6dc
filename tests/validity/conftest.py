"""Pictures that are hard to tell apart, and planted methods that the command line runs on them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.installations import install, methods_of
from support.planted import HERE, MODULES, Ran, Run, names_in
from support.warm import run_module

CLASSES, PER_CLASS, SIDE = 20, 12, 8
"""As `cheats.py` knows."""


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The spec of a folder where the nearest mean of one image finds about 55 % of three classes.

    It lies below the folder that the command runs in, where Python looks for modules.
    """
    folder = tmp_path_factory.mktemp("planted") / "images"
    rng = np.random.default_rng(0)
    for number in range(CLASSES):
        pattern = 128 + 0.35 * (rng.integers(0, 256, (SIDE, SIDE)) - 128)
        place = folder / f"class{number:02}"
        place.mkdir(parents=True)
        for index in range(PER_CLASS):
            noisy = np.clip(pattern + rng.normal(0, 75, pattern.shape), 0, 255)
            Image.fromarray(noisy.astype(np.uint8)).save(place / f"{index:02}.png")
    return f"folder:{folder}[size={SIDE}]"


@pytest.fixture(scope="session")
def run_planted(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`run_planted(methods, *options)`: the command, with a process for each method."""
    site = tmp_path_factory.mktemp("site")
    announced = "".join(
        methods_of(module, names_in(module)).removeprefix("[benchbench.methods]\n" * (place > 0))
        for place, module in enumerate(MODULES)
    )
    sources = {module: (HERE / f"{module}.py").read_text(encoding="utf-8") for module in MODULES}
    install(site, "planted", sources, announced)

    def run(methods: Sequence[str], *options: object) -> Ran:
        out = tmp_path_factory.mktemp("results")
        variables = {
            **os.environ,
            "BENCHBENCH_SALT": "planted",
            "OMP_NUM_THREADS": "1",
            "PLANTED_PICTURES": pictures,
            "PLANTED_RESULTS": str(out),
            "PYTHONPATH": str(site),
        }
        variables.pop("BENCHBENCH_ENGINE", None)
        task = ("--dataset", pictures, "--way", 3, "--threads", 1, "--budget", 2, "--out", out)
        done = run_module(
            "benchbench.cli",
            *("run", "--methods", ",".join(methods), *task, *options),
            environment=variables,
            cwd=Path(pictures.removeprefix("folder:").partition("[")[0]).parent,
            timeout=300,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(out, done.returncode, done.stdout, done.stderr)

    return run
