"""What tests on real clusters compute: a grid of two methods, one of which can be interrupted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

from support.installations import install, methods_of

from benchbench.grid.cell import Cell
from benchbench.grid.computing import compute_cell
from benchbench.system.salt import SALT

PATIENT = '''
import time

import torch
from benchbench import Method, create_backbone, fit, hookimpl

class Patient(Method):
    """Trains for some seconds, in most of which it sleeps; checkpoints come often."""

    name = "patient"

    def train(self, source):
        self.encoder = create_backbone("conv4[width=4]", source.image_shape, source.seed)
        options = {"steps": 40, "validate_every": 2, "validate": lambda: None}
        fit(source, self.encoder, self.loss, source.batches(8), **options)

    def loss(self, batch):
        time.sleep(0.1)
        return self.encoder(batch.images).square().mean()

    def adapt(self, support):
        features = self.encoder(support.images)
        means = [features[support.labels == slot].mean(0) for slot in range(support.n_way)]
        return lambda images: -torch.cdist(self.encoder(images), torch.stack(means))

@hookimpl
def register_methods(register):
    register(Patient)
'''

ENVIRONMENT = {SALT: "of all clusters", "OMP_NUM_THREADS": "1"}
"""Beside PYTHONPATH, which is what `installed` returns."""

WAIT_SECONDS = 300
"""For what should happen within seconds; a busy machine is slow."""


def installed(folder: Path) -> Path:
    """Install the method; the folder for PYTHONPATH."""
    site = folder / "site"
    return install(site, "patient", {"of_patient": PATIENT}, methods_of("of_patient", ["patient"]))


def cells(out: Path, engine: str = "worker") -> list[Cell]:
    """Two cells of which the second takes a while."""
    common = Cell("", dataset="shapes", episodes="8", budget="smoke", threads=1, audit=False)
    common = replace(common, device="cpu", engine=engine, out=str(out))
    return [replace(common, method=method) for method in ("knn[backbone=pixels]", "patient")]


def serial(out: Path) -> dict[str, bytes]:
    """The bytes of the grid, computed one cell after the other in this process."""
    for cell in cells(out, engine="inline"):
        outcome = compute_cell(cell)
        assert outcome.status == "finished", outcome.reason
    return stored(out)


def stored(out: Path) -> dict[str, bytes]:
    """What has to be equal wherever it was computed: scores and answers, by their place."""
    files = [*out.rglob("episodes.csv"), *out.rglob("answers.csv.gz")]
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in files}


def checkpoint(out: Path) -> bool:
    """Whether the training of the second cell has been interrupted or may be now."""
    return any(out.rglob("*.checkpoint"))


@contextmanager
def meanwhile(ready: Callable[[], object], act: Callable[[], None]) -> Iterator[None]:
    """A block during which something is done as soon as it can be, by a thread."""

    def watch() -> None:
        until = monotonic() + WAIT_SECONDS
        while monotonic() < until:
            if ready():
                act()
                return
            sleep(0.05)

    thread = Thread(target=watch)
    thread.start()
    yield
    thread.join()
