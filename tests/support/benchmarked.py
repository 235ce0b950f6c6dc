"""Stored runs whose episodes are written as folders of pictures, and what `predict` answers."""

import csv
import io
import shutil
from pathlib import Path
from typing import Any

from support.command_line import succeeded
from support.stored_episodes import WrittenEpisode, write_episode

from benchbench.datasets.opening import open_dataset
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store


class Benchmarked:
    """Runs below `place / "out"` on the data set `spec`, and the pictures of their episodes."""

    def __init__(self, place: Path, spec: str) -> None:
        self.place, self.spec, self.out = place, spec, place / "out"

    def run(self, method: str) -> Path:
        (found,) = [one.path for one in Store(self.out).runs() if one.path.name.startswith(method)]
        return found

    def episode(self, method: str, number: int) -> WrittenEpisode:
        folder = self.place / f"{method} {number}"
        shutil.rmtree(folder, ignore_errors=True)
        run = RunDirectory(self.run(method))
        return write_episode(run, open_dataset(self.spec), number, folder)


def answered(*arguments: object) -> list[dict[str, Any]]:
    done = succeeded("predict", *arguments, "--format", "csv")
    return list(csv.DictReader(io.StringIO(done.stdout)))
