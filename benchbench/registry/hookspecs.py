"""The plug-in contract: every hook that benchbench calls.

A plug-in is a module named by an entry point of the group `benchbench.methods`,
`benchbench.datasets`, `benchbench.pretrainings` or `benchbench.plugins`, with functions marked
`@benchbench.hookimpl`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from benchbench.runs.directory import RunDirectory

hookspec = pluggy.HookspecMarker("benchbench")
hookimpl = pluggy.HookimplMarker("benchbench")


@hookspec
def register_methods(register: Callable[[type], None]) -> None:
    """Call `register(cls)` for each `Method` subclass of the plug-in."""


@hookspec
def register_datasets(register: Callable[[type], None]) -> None:
    """Call `register(cls)` for each `Dataset` subclass of the plug-in."""


@hookspec
def register_samplers(register: Callable[[type], None]) -> None:
    """Call `register(cls)` for each `Sampler` subclass of the plug-in."""


@hookspec
def register_metrics(register: Callable[..., None]) -> None:
    """Call `register(function)`: scores float64 [q, way] and labels int64 [q] to one float."""


@hookspec
def register_backbones(register: Callable[[type], None]) -> None:
    """Call `register(cls)` for each `Backbone` subclass of the plug-in."""


@hookspec
def register_augmentations(register: Callable[[type], None]) -> None:
    """Call `register(cls)` for each `Augmentation` subclass of the plug-in."""


@hookspec
def register_pretrainings(register: Callable[[type], None]) -> None:
    """Call `register(cls)` for each `Pretraining` subclass of the plug-in."""


@hookspec
def register_class_vectors(register: Callable[[type], None]) -> None:
    """Call `register(cls)` for each `ClassVectors` subclass of the plug-in."""


@hookspec
def register_reporters(register: Callable[..., None]) -> None:
    """Call `register(name, function)`: a leaderboard DataFrame to the text of a file format."""


@hookspec
def register_engines(register: Callable[[type], None]) -> None:
    """Call `register(cls)` for each `GridEngine` subclass of the plug-in."""


@hookspec
def register_commands(group: click.Group) -> None:
    """Add commands to the `benchbench` command line with `group.add_command(...)`."""


@hookspec
def run_started(run: RunDirectory) -> None:
    """A method is about to be trained and evaluated into `run`."""


@hookspec
def episode_scored(run: RunDirectory, record: dict[str, Any]) -> None:
    """An episode was scored; `record` is its row of `episodes.csv`."""


@hookspec
def run_finished(run: RunDirectory) -> None:
    """The last episode of `run` is stored, or the run has failed, as `run.manifest` says."""
