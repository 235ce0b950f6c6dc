"""TensorBoard: BENCHBENCH_TENSORBOARD names a folder, which gets a log directory for each run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbench.results.trackers.tracking import Point, Tracker, name_of

if TYPE_CHECKING:
    from benchbench.runs.directory import RunDirectory


class Events:
    """The event file of one run; one that is continued gets another beside it."""

    def __init__(self, place: str, run: RunDirectory, parameters: dict[str, str]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(Path(place) / name_of(run)))
        self._parameters = parameters
        lines = [f"| {name} | {value} |" for name, value in parameters.items()]
        self._writer.add_text("parameters", "\n".join(["| | |", "|---|---|", *lines]))

    def write(self, points: list[Point]) -> None:
        for name, step, value in points:
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self, results: dict[str, float], finished: bool) -> None:
        if finished:
            # In the run's own directory, so that its curves and its row of the table are one run.
            named = {f"result/{name}": value for name, value in results.items()}
            self._writer.add_hparams(self._parameters, named, run_name=".")
        self._writer.close()


tracker = Tracker("BENCHBENCH_TENSORBOARD", "tensorboard", Events)
run_started, episode_scored, run_finished = tracker.start, tracker.score, tracker.finish
