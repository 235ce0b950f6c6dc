"""Trainings that are killed, as by a machine that goes away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from benchbench.training import fit as fitting


class Killed(BaseException):
    """Not an error that anything handles."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[None]:
    """A block in which a training ends after so many steps, just after a checkpoint."""
    plain = fitting._Loop.step

    def killed(loop: Any) -> float:
        if loop.progress.step == step:
            loop.files.save_checkpoint(loop.state())
            raise Killed
        return plain(loop)

    with monkeypatch.context() as patched:
        patched.setattr(fitting._Loop, "step", killed)
        yield
