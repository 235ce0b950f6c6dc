"""The command line in tests: in a process of its own or in this one, and what it stored."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result
from PIL import Image
from support.warm import READ_AT_IMPORT, run_module

from benchbench.cli.main import cli
from benchbench.registry import loading

CLASSES, PER_CLASS, SIZE = 15, 8, 16
TEST_CLASSES = 5

PACKAGES = Path(loading.__file__).parents[2]
"""Where the benchbench under test lies."""


def write_pictures(
    folder: Path,
    seed: int = 0,
    classes: int = CLASSES,
    count: int = PER_CLASS,
    size: int = SIZE,
    colour: bool = False,
) -> Path:
    """A folder of small images: a class is a random pattern, its images are noisy copies."""
    rng = np.random.default_rng(seed)
    for number in range(classes):
        pattern = rng.integers(0, 256, (size, size, 3) if colour else (size, size))
        place = folder / f"class {number:02}"
        place.mkdir(parents=True)
        for index in range(count):
            noisy = pattern + rng.integers(-300, 301, pattern.shape)
            Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(place / f"{index}.png")
    return folder


def process(
    *arguments: object,
    cwd: Path | None = None,
    path: tuple[Path, ...] = (),
    cold: bool = False,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own; `path` goes to PYTHONPATH.

    cold: in a new interpreter and with its default engine, not in a warm one and inline.
    """
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    if path:
        variables["PYTHONPATH"] = os.pathsep.join(map(str, path))
    if not cold:
        assert not [name for name in environment if name.startswith(READ_AT_IMPORT)]
        return run_module("benchbench.cli", *arguments, environment=variables, cwd=cwd)
    variables.pop("BENCHBENCH_ENGINE")
    return subprocess.run(
        [sys.executable, "-m", "benchbench.cli", *map(str, arguments)],
        cwd=cwd,
        env=variables,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def invoke(*arguments: object) -> Result:
    """The same command line in this process."""
    return CliRunner().invoke(
        cli, [str(argument) for argument in arguments], prog_name="benchbench"
    )


def succeeded(*arguments: object) -> Result:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result


def refused(*arguments: object) -> str:
    """The one sentence that the command line is refused with."""
    result = invoke(*arguments)
    assert_one_sentence(result)
    return result.stderr.strip().splitlines()[-1]


def task(
    pictures: str, episodes: object = 10, methods: str = "knn", **options: object
) -> list[str]:
    """The arguments of a small run."""
    chosen = {
        "methods": methods,
        "dataset": pictures,
        "way": 3,
        "query": 4,
        "episodes": episodes,
        "budget": 2,
        **options,
    }
    pairs = [(f"--{key.replace('_', '-')}", str(value)) for key, value in chosen.items()]
    return ["run", *(text for pair in pairs for text in pair)]


def stored(out: Path, pattern: str = "episodes.csv") -> dict[str, bytes]:
    """The files of that name below a results folder, by relative path."""
    files = (file for file in sorted(out.rglob(pattern)) if file.is_file())
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def manifests(out: Path) -> dict[str, dict]:
    """The manifests below a results folder, by the method's spec."""
    loaded = [json.loads(content) for content in stored(out, "manifest.json").values()]
    return {manifest["method"]["spec"]: manifest for manifest in loaded}


def rows(out: Path) -> list[dict[str, str]]:
    (content,) = stored(out).values()
    return list(csv.DictReader(io.StringIO(content.decode())))


def assert_one_sentence(result: Result, *words: str) -> None:
    """Exit 2 and one sentence that holds the words; no traceback, nothing on standard output."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)
    *usage, last = result.stderr.strip().splitlines()
    assert last.startswith("Error: "), result.stderr
    assert all(not line or line.startswith(("Usage: ", "Try ")) for line in usage), result.stderr
    for word in words:
        assert word in last
