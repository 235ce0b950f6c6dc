"""An engine by its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchbench.engine.base import Engine
from benchbench.engine.inline import Inline
from benchbench.engine.supervisor import Supervisor
from benchbench.evaluation.settings import Limits


def create_engine(
    name: str, limits: Limits | None = None, device: str = "cpu", protected: Sequence[Path] = ()
) -> Engine:
    """`inline` or `worker`; the others are arguments of `Supervisor`."""
    return Inline() if name == "inline" else Supervisor(limits, device, protected)
