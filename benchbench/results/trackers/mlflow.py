"""MLflow: BENCHBENCH_MLFLOW names a folder or a tracking address; an experiment a data set."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbench.results.trackers.tracking import Point, Tracker, name_of

if TYPE_CHECKING:
    from benchbench.runs.directory import RunDirectory

TAG = "benchbench.run"
"""The tag by which a run that is continued is found again."""

WISHES = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # MLflow refuses a folder unless it is asked for one
    "MLFLOW_DISABLE_TELEMETRY": "true",  # a run tells nobody but whom the variable names
}
"""Set in the environment unless the user has set them."""


class MLflowRun:
    """One run of MLflow; a run of benchbench that is continued continues it."""

    def __init__(self, place: str, run: RunDirectory, parameters: dict[str, str]) -> None:
        os.environ.update(WISHES | os.environ)
        from mlflow import MlflowClient

        address = place if "://" in place else Path(place).absolute().as_uri()
        self._client: Any = MlflowClient(address)
        experiment, name = self._experiment(parameters["dataset"]), name_of(run)
        found = self._client.search_runs([experiment], f"tags.`{TAG}` = '{name}'", max_results=1)
        if found:
            self._id = found[0].info.run_id
            self._client.update_run(self._id, status="RUNNING")
            return
        made = self._client.create_run(experiment, tags={TAG: name}, run_name=parameters["method"])
        self._id = made.info.run_id
        for key, value in parameters.items():
            self._client.log_param(self._id, key, value)

    def _experiment(self, dataset: str) -> str:
        from mlflow.exceptions import MlflowException

        if self._client.get_experiment_by_name(dataset) is None:
            with suppress(MlflowException):  # another process may make it at this moment
                return str(self._client.create_experiment(dataset))
        return str(self._client.get_experiment_by_name(dataset).experiment_id)

    def write(self, points: list[Point]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, step) for name, step, value in points]
        self._client.log_batch(self._id, metrics=metrics)

    def close(self, results: dict[str, float], finished: bool) -> None:
        self.write([Point(f"result/{name}", 0, value) for name, value in results.items()])
        self._client.set_terminated(self._id, "FINISHED" if finished else "FAILED")


tracker = Tracker("BENCHBENCH_MLFLOW", "mlflow", MLflowRun)
run_started, episode_scored, run_finished = tracker.start, tracker.score, tracker.finish
