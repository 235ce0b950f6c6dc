"""Methods that are planted, and what a command that runs them leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1] / "validity"

MODULES = ("cheats", "honest")


@dataclass
class Ran:
    """What one command has left: its results folder, exit code and both streams."""

    out: Path
    code: int
    stdout: str
    stderr: str

    def manifest(self, method: str) -> dict[str, Any]:
        return dict(json.loads((self._folder(method) / "manifest.json").read_text()))

    def audit(self, method: str) -> dict[str, Any]:
        return dict(self.manifest(method)["audit"])

    def accuracies(self, method: str) -> list[float]:
        """Of each episode."""
        header, *rows = (self._folder(method) / "episodes.csv").read_text().splitlines()
        place = header.split(",").index("accuracy")
        return [float(row.split(",")[place]) for row in rows]

    def _folder(self, method: str) -> Path:
        (found,) = self.out.glob(f"*/*/{method}-????????")
        return found


Run = Callable[..., Ran]


def names_in(module: str) -> list[str]:
    """The names of the methods that a module registers."""
    lines = (HERE / f"{module}.py").read_text(encoding="utf-8").splitlines()
    names = [line.split('"')[1] for line in lines if line.startswith('    name = "')]
    return [name for name in names if name != "knows"]
