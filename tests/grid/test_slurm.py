"""The slurm engine's view of a queue, without SLURM: outcomes, jobs that end early, adoption."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchbench.errors import BenchbenchError
from benchbench.grid import slurm, slurm_queue, slurm_submission
from benchbench.grid.bundle import leave
from benchbench.grid.bundling import Seconds
from benchbench.grid.cell import Cell
from benchbench.grid.slurm import Slurm
from benchbench.grid.slurm_queue import Submission, Task
from benchbench.grid.slurm_resources import Resources
from benchbench.grid.slurm_submission import Wishes
from benchbench.runs.outcome import Outcome


class Queue:
    """A SLURM that runs nothing; `then` is what happens at each look at the queue."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, str]] = {}
        self.arrays: list[tuple[Resources, list[Task], list[str]]] = []
        self.then: Callable[[], None] = lambda: None
        self.submissions: dict[Task, Submission] = {}

    def take(
        self,
        tasks: list[Task],
        submission: Submission,
        resources: Resources,
        awaited: list[str],
        wish: Wishes,
    ) -> None:
        self.arrays.append((resources, tasks, awaited))
        for number, task in enumerate(tasks):
            self.submissions[task] = submission
            task.job = f"{len(self.arrays)}_{number}"
            self.jobs.setdefault(submission.job_name, {})[task.job] = "PENDING"

    def states(self, names: list[str]) -> dict[str, dict[str, str]]:
        self.then()
        return {name: dict(self.jobs.get(name, {})) for name in names}

    def end(self, task: Task, status: str = "") -> None:
        """A job ends; without a status it leaves no outcome."""
        submission = self.submissions[task]
        for place, cell in enumerate(task.cells if status else ()):
            leave(Outcome(cell.name, status), submission.file(task, place))
        self.jobs[submission.job_name].pop(task.job, None)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    queue = Queue()
    monkeypatch.setattr(slurm_submission, "_submit_array", queue.take)
    monkeypatch.setattr(slurm, "queued", queue.states)
    monkeypatch.setattr(slurm_queue, "queued", queue.states)
    return queue


def grid(out: Path, *methods: str, **values: object) -> list[Cell]:
    return [Cell(method, out=str(out), **values) for method in methods]  # type: ignore[arg-type]


def all_end(queue: Queue, status: str) -> None:
    for _, tasks, _ in queue.arrays:
        for task in tasks:
            queue.end(task, status)


ENGINE = Slurm(poll=0.001)


def test_outcomes_are_read_from_what_tasks_leave(queue: Queue, tmp_path: Path) -> None:
    queue.then = lambda: all_end(queue, "finished")
    cells = grid(tmp_path, "knn", "maml")
    assert [(c, o.status) for c, o in ENGINE.compute(cells)] == [(c, "finished") for c in cells]


def test_cells_of_equal_resources_are_one_array(queue: Queue, tmp_path: Path) -> None:
    queue.then = lambda: all_end(queue, "finished")
    cells = [*grid(tmp_path, "knn", "protonet"), *grid(tmp_path, "maml", "anil", gpu=True)]
    list(ENGINE.compute(cells))
    assert [(r.gpus, len(tasks)) for r, tasks, _ in queue.arrays] == [(0, 2), (1, 2)]


def test_cells_that_share_a_training_wait_for_the_one_that_makes_it(
    queue: Queue, tmp_path: Path
) -> None:
    queue.then = lambda: all_end(queue, "finished")
    shared = grid(tmp_path, "knn", "linear_probe", shares="conv4")
    list(ENGINE.compute([*grid(tmp_path, "protonet"), *shared]))
    (_, first, nothing), (_, rest, awaited) = queue.arrays
    assert [task.cells[0].method for task in first] == ["protonet", "knn"]
    assert [task.cells[0].method for task in rest] == ["linear_probe"]
    assert (nothing, awaited) == ([], [first[1].job])


def test_a_job_that_ends_without_an_outcome_is_a_failure_that_names_its_log(
    queue: Queue, tmp_path: Path
) -> None:
    looks: list[int] = []

    def then() -> None:
        looks.append(1)
        ((_, tasks, _),) = queue.arrays
        queue.end(tasks[0])
        if len(looks) == 3:
            queue.end(tasks[1], "finished")

    queue.then = then
    (lost, found) = ENGINE.compute(grid(tmp_path, "knn", "maml"))
    assert lost[1].status == "failed"
    assert "SLURM ended job 1_0 before it was done (log: " in lost[1].reason
    assert found[1].status == "finished"


def test_an_outcome_that_shows_later_than_the_jobs_end_counts(queue: Queue, tmp_path: Path) -> None:
    """Files of another machine do so, by a network's file system."""
    looks: list[int] = []

    def then() -> None:
        looks.append(1)
        ((_, tasks, _),) = queue.arrays
        queue.end(tasks[0], "finished" if len(looks) == 2 else "")

    queue.then = then
    ((_, outcome),) = ENGINE.compute(grid(tmp_path, "knn"))
    assert outcome.status == "finished"


def test_a_queue_that_does_not_answer_ends_nothing(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, None, None])

    def states(names: list[str]) -> dict[str, dict[str, str]] | None:
        all_end(queue, "")
        return next(answers, {name: {} for name in names})

    monkeypatch.setattr(slurm, "queued", states)
    ((_, outcome),) = ENGINE.compute(grid(tmp_path, "knn"))
    assert "SLURM ended job" in outcome.reason
    assert next(answers, "asked until it answered") == "asked until it answered"


def test_the_same_command_waits_for_what_is_queued_already(
    queue: Queue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = grid(tmp_path, "knn", "maml", command=("first",))
    begun = ENGINE.compute(cells)
    queue.then = lambda: queue.end(queue.arrays[0][1][0], "finished")
    next(begun)
    begun.close()  # type: ignore[attr-defined]
    said = capsys.readouterr().err
    assert "1 cell left with SLURM; the same command waits" in said
    queue.then = lambda: all_end(queue, "finished") if len(queue.arrays) == 2 else None
    again = grid(tmp_path, "maml", "anil", command=("second",))
    assert {cell.method for cell, _ in ENGINE.compute(again)} == {"maml", "anil"}
    assert [[t.cells[0].method for t in tasks] for _, tasks, _ in queue.arrays] == [
        ["knn", "maml"],
        ["anil"],
    ]
    assert "1 cell in SLURM already" in capsys.readouterr().err


def test_a_submission_is_read_back(tmp_path: Path) -> None:
    made = Submission.new(tmp_path)
    made.add(grid(tmp_path, "knn", "maml")).job = "7_0"
    made.save()
    (read,) = Submission.all(tmp_path)
    assert (read.job_name, read.tasks[0].job) == (made.job_name, "7_0")
    assert read.tasks[0].cells == made.tasks[0].cells


def test_a_machine_without_slurm_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit", reason="the extra slurm is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchbenchError, match="There is no SLURM here"):
        list(ENGINE.compute(grid(tmp_path, "knn")))


def test_small_cells_are_bundled_by_what_they_have_cost(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Known:
        def __init__(self, root: Path) -> None:
            self.seconds_of_its_like: Seconds = lambda cell: 30.0

    monkeypatch.setattr(slurm, "Forecast", Known)
    queue.then = lambda: all_end(queue, "finished")
    cells = [cell for seed in range(5) for cell in grid(tmp_path, "knn", seed=seed)]
    list(Slurm(poll=0.001, bundle=1).compute(cells))
    ((_, tasks, _),) = queue.arrays
    assert [len(task.cells) for task in tasks] == [2, 2, 1]
