"""The command line. A verb's file is imported when the verb is used, and no file imports torch,
numpy or pandas before the verb runs, so that help is shown at once.
"""

from __future__ import annotations

import errno
import logging
import os
import pkgutil
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NoReturn

import click

import benchbench
from benchbench.cli.options import Verbs
from benchbench.errors import BenchbenchError
from benchbench.system.streams import OutputLostError, open_streams
from benchbench.system.texts import legible

VERBS = {
    "run": "benchbench.cli.run:run",
    "status": "benchbench.cli.status:status",
    "cancel": "benchbench.cli.cancel:cancel",
    "list": "benchbench.cli.listing:list_",
    "describe": "benchbench.cli.listing:describe",
    "data": "benchbench.cli.data:data",
    "episodes": "benchbench.cli.episodes:episodes",
    "features": "benchbench.cli.features:features",
    "leaderboard": "benchbench.cli.leaderboard:leaderboard",
    "compare": "benchbench.cli.compare:compare",
    "rank": "benchbench.cli.rank:rank",
    "report": "benchbench.cli.report:report",
    "verify": "benchbench.cli.verify:verify",
    "predict": "benchbench.cli.predict:predict",
    "new": "benchbench.cli.new:new",
    "check": "benchbench.cli.check:check",
    "doctor": "benchbench.cli.doctor:doctor",
}
"""Where the function of each verb is, in the order of the help."""


class Program(Verbs):
    """The verbs of `VERBS`, then those of plug-ins; a user's mistake is one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*VERBS, *(name for name in self._of_plugins if name not in VERBS)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in VERBS:
            command: click.Command = pkgutil.resolve_name(VERBS[name])
            return command
        return self._of_plugins.get(name)

    @cached_property  # for a plug-in that fails in it is reported each time
    def _of_plugins(self) -> Mapping[str, click.Command]:
        from benchbench.registry import loading

        loading.add_commands(self)
        return self.commands

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BenchbenchError as error:
            raise click.UsageError(legible(str(error))) from error
        except MemoryError as error:
            what = str(error).rstrip(".") or "the system refuses more"
            raise click.UsageError(
                f"There is too little memory ({what}); ask for fewer or smaller images or episodes."
            ) from error
        except KeyboardInterrupt:
            resumes = (
                "; the same command resumes from here" if ctx.invoked_subcommand == "run" else ""
            )
            click.echo(f"Interrupted{resumes}.", err=True)
            sys.exit(130)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(benchbench.__version__, prog_name="benchbench")
def cli() -> None:
    """Benchmark few-shot image classification methods on episodes that they all share."""


def main() -> None:
    """The console script."""
    # Idle threads of torch spin for long: two processes then make each other many times slower.
    # Threads that sleep at once halve the speed of small operations. This is in between, and read
    # when torch is imported.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    has_output = open_streams()
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        if not has_output:
            raise OutputLostError(errno.EBADF, "it is closed")
        try:
            cli(prog_name="benchbench")
        finally:
            sys.stdout.flush()
            if lost := getattr(sys.stdout, "lost", None):  # somebody may have dropped the error
                raise lost
    except OutputLostError as error:
        _end_without_output(error)


def _end_without_output(error: OutputLostError) -> NoReturn:
    if error.errno == errno.EPIPE:  # who reads has seen enough, as of `| head`
        sys.exit(1)
    cure = "let it lead to a file with room, or to /dev/null"
    click.echo(f"Error: Cannot write to standard output ({error.strerror}); {cure}.", err=True)
    sys.exit(2)
