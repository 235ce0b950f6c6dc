"""What `--method` names: a stored run, a saved learner, or a method that needs no training."""

from __future__ import annotations

from pathlib import Path

from benchbench.errors import BenchbenchError
from benchbench.learners.creation import create_method
from benchbench.prediction.labelled import labelled_files, read_labelled
from benchbench.prediction.learner import Learner
from benchbench.prediction.saved import LEARNER, load
from benchbench.prediction.stored_run import trained_in
from benchbench.prediction.untrained import reader_for, untrained
from benchbench.registry.bounds import Side
from benchbench.runs.directory import RunDirectory
from benchbench.runs.store import Store
from benchbench.system.compute import configure
from benchbench.system.places import Places, expanded

MANIFEST = "manifest.json"
USUAL_SIZE = 84
"""Pixels of a side, as of `folder:`."""


def open_learner(
    text: str,
    support: Path | None,
    places: Places,
    folder: Path,
    *,
    size: Side | None = None,
    seed: int | None = None,
) -> Learner:
    """The learner of a run's folder, of a saved learner's, or of a spec.

    support: the labelled pictures, which a saved learner has itself. folder: gets a copy of the
    weights. size: of a spec alone, pixels of a side, or `native`. Raises BenchbenchError with a
    cure.
    """
    place = expanded(text)
    if (place / LEARNER).is_file():
        _refuse(support, size, seed, f"The saved learner {place} has its own")
        return load(place, folder)
    is_run = (place / MANIFEST).is_file()
    if not is_run:
        _refuse_paths(text, place)
        create_method(text)  # so that a mistake in the spec is told first
    if support is None:
        raise BenchbenchError(
            "Name the labelled pictures by --support FOLDER, with a folder for each class."
        )
    found = labelled_files(support)
    if is_run:
        _refuse(None, size, None, f"The run {place} has its own")
        trained, reader = trained_in(RunDirectory(place), places, folder)
    else:
        reader = reader_for(found, size or USUAL_SIZE)
        trained = untrained(text, reader.image_shape, configure())
    return Learner(trained, read_labelled(found, reader), reader, seed or 0)


def _refuse(support: Path | None, size: Side | None, seed: int | None, whose: str) -> None:
    """Raise BenchbenchError if something is given that the learner has already."""
    given = {"--support": support, "--size": size, "--seed": seed}
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise BenchbenchError(f"{whose} {named[0].strip('-')}; leave out {named[0]}.")


def _refuse_paths(text: str, place: Path) -> None:
    """Raise BenchbenchError if the text is a path and no spec."""
    if place.is_dir():
        runs = [str(run.path) for run in Store(place).runs()]
        inside = f"; name one of its {len(runs)} runs, such as {runs[0]}" if runs else ""
        raise BenchbenchError(f"{place} holds neither a run nor a saved learner{inside}.")
    if "/" in text.partition("[")[0]:
        raise BenchbenchError(f"There is no run or saved learner {place}.")
