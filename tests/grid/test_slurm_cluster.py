"""The slurm engine on a real SLURM; `.ci/run` starts one of one node."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from types import SimpleNamespace

import pytest
from support import clusters
from support.command_line import invoke
from support.installations import forget

from benchbench.grid import slurm
from benchbench.grid.cell import Cell
from benchbench.grid.slurm import Slurm
from benchbench.grid.slurm_queue import Submission, states
from benchbench.runs.outcome import Outcome

REASON = "there is no SLURM here that answers, or the extra slurm is not installed"


def slurm_answers() -> bool:
    if shutil.which("sinfo") is None or importlib.util.find_spec("submitit") is None:
        return False
    return subprocess.run(["sinfo"], capture_output=True, timeout=30, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    not os.environ.get("BENCHBENCH_REQUIRE_SLURM") and not slurm_answers(), reason=REASON
)


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A results folder; tasks find the method of `clusters`, and nothing is left in the queue."""
    site = clusters.installed(tmp_path)
    monkeypatch.syspath_prepend(str(site))
    for name, value in {**clusters.ENVIRONMENT, "PYTHONPATH": str(site)}.items():
        monkeypatch.setenv(name, value)
    forget()
    yield tmp_path / "results"
    forget()
    for name in {submission.job_name for submission in Submission.all(tmp_path / "results")}:
        subprocess.run(["scancel", f"--name={name}"], check=True)


def engine(**options: object) -> Slurm:
    return Slurm(poll=0.3, time="10", **options)  # type: ignore[arg-type]


def computed(cells: list[Cell]) -> list[Outcome]:
    """Their outcomes, in their order."""
    found = dict(engine().compute(cells))
    return [found[cell] for cell in cells]


def jobs_of_second_cell(out: Path) -> list[str]:
    tasks = [task for one in Submission.all(out) for task in one.tasks]
    return [task.job for task in tasks if "patient" in [cell.method for cell in task.cells]]


def log(out: Path) -> str:
    """What all tasks have printed."""
    return "".join(file.read_text() for file in sorted(out.rglob("*_log.out")))


def test_an_array_gives_the_bytes_of_a_serial_run_though_a_task_is_cancelled(
    out: Path, tmp_path: Path
) -> None:
    cells = clusters.cells(out)

    def cancel() -> None:
        subprocess.run(["scancel", *jobs_of_second_cell(out)], check=True)

    with clusters.meanwhile(lambda: clusters.checkpoint(out), cancel):
        first, second = computed(cells)
    assert first.status == "finished", first.reason + log(out)
    assert second.status == "failed"
    assert "before it was done (log: " in second.reason
    (again,) = computed(cells[1:])
    assert again.status == "finished", again.reason + log(out)
    assert "patient: resumes from step" in log(out)
    assert clusters.stored(out) == clusters.serial(tmp_path / "serial")


def test_a_task_that_is_out_of_time_goes_on_from_its_last_checkpoint(
    out: Path, tmp_path: Path
) -> None:
    """SLURM's signal before the end comes from here, as the shortest time limit is a minute."""

    def interrupt() -> None:
        (job,) = jobs_of_second_cell(out)
        subprocess.run(["scancel", "--signal=USR2", job], check=True)
        until = monotonic() + clusters.WAIT_SECONDS
        while "pending" not in states(out).values() and monotonic() < until:
            sleep(0.2)
        # A task that is queued again waits for two minutes otherwise.
        subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], check=True)

    with clusters.meanwhile(lambda: clusters.checkpoint(out), interrupt):
        (outcome,) = computed(clusters.cells(out, engine="inline")[1:])
    assert outcome.status == "finished", outcome.reason + log(out)
    assert "Requeued job" in log(out)
    assert "patient: resumes from step" in log(out)


@pytest.fixture
def held(tmp_path: Path) -> Slurm:
    """An engine whose jobs SLURM does not begin."""
    file = tmp_path / "held.toml"
    file.write_text("[slurm]\ntime = 5\nsbatch = { hold = true }\n", encoding="utf-8")
    return Slurm(str(file))


def test_what_ctrl_c_leaves_in_the_queue_is_waited_for_and_can_be_cancelled(
    out: Path, held: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of this runs. The second cell waits for the first, which makes their training."""
    cells = [replace(cell, shares="one training") for cell in clusters.cells(out)]
    when_it_waits = iter([KeyboardInterrupt, lambda: invoke("cancel", out)])

    def wait(seconds: float) -> None:
        if (event := next(when_it_waits, None)) is KeyboardInterrupt:
            raise KeyboardInterrupt
        if event is not None:
            assert "2 pending" in event().stdout

    monkeypatch.setattr(slurm, "time", SimpleNamespace(sleep=wait))
    with pytest.raises(KeyboardInterrupt):
        list(held.compute(cells))
    assert "in SLURM: 2 pending" in invoke("status", out).stdout
    (submission,) = Submission.all(out)
    first, second = (task.job for task in submission.tasks)
    assert f"Dependency=afterany:{first}" in shown(second)
    assert {outcome.status for _, outcome in held.compute(cells)} == {"failed"}
    assert len(Submission.all(out)) == 1
    assert "nothing is in SLURM's queue" in invoke("cancel", out).stdout


def shown(job: str) -> str:
    """What SLURM says of a job."""
    return subprocess.run(["scontrol", "show", "job", job], capture_output=True, text=True).stdout
