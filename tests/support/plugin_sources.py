"""The code of two third-party packages: methods that fail in many ways, plug-ins of each kind."""

import re

PLUGIN = '''
import os

import click
import numpy as np
from dataclasses import dataclass

from benchbench import Method, hookimpl


@dataclass
class Chance(Method):
    """Scores that know nothing."""

    name = "chance"
    sharpness: float = 1.0

    def adapt(self, support):
        rng = np.random.default_rng(support.seed)
        return lambda images: self.sharpness * rng.random((len(images), support.n_way))


class Flaky(Chance):
    """Breaks at the third episode until it is mended."""

    name = "flaky"
    calls = 0

    def adapt(self, support):
        self.calls += 1
        if self.calls == 3 and not os.environ.get("FLAKY_IS_MENDED"):
            raise RuntimeError("the third\\nepisode broke")
        return super().adapt(support)


class Untrainable(Chance):
    """Breaks while it learns."""

    name = "untrainable"

    def train(self, source):
        raise ZeroDivisionError("no gradient")


class NotANumber(Chance):
    """Answers NaN."""

    name = "not_a_number"

    def adapt(self, support):
        return lambda images: np.full((len(images), support.n_way), np.nan)


class Misshaped(Chance):
    """Answers a label in place of scores."""

    name = "misshaped"

    def adapt(self, support):
        return lambda images: np.zeros(len(images))


class Integers(Chance):
    """Answers integers."""

    name = "integers"

    def adapt(self, support):
        return lambda images: np.zeros((len(images), support.n_way), dtype=int)


class Choosy(Chance):
    """Declines every task."""

    name = "choosy"

    def skip(self, task):
        return f"it wants 4-way and this is {task.n_way}-way"


class BadSkip(Chance):
    """Breaks when it is asked whether it applies."""

    name = "bad_skip"

    def skip(self, task):
        raise KeyError("task")


class BadStart(Method):
    """Breaks when it is made."""

    name = "bad_start"

    def __init__(self):
        raise RuntimeError("no licence file")


class Together(Method):
    """Several episodes at once, with the global generator that is seeded before each call."""

    name = "together"

    def adapt_many(self, supports):
        return [self.classifier(np.random.rand(100, s.n_way)) for s in supports]

    def adapt(self, support):
        return self.adapt_many([support])[0]

    def classifier(self, scores):
        return lambda images: scores[: len(images)]


METHODS = [
    Chance, Flaky, Untrainable, NotANumber, Misshaped, Integers, Choosy, BadSkip, BadStart, Together
]


@hookimpl
def register_methods(register):
    for cls in METHODS:
        register(cls)
'''

EXTRAS = '''
import os
from pathlib import Path
import click

from benchbench import GridEngine, compute_cell, hookimpl


class Backwards(GridEngine):
    """Computes the last cell first."""

    name = "backwards"

    def compute(self, cells):
        for cell in reversed(cells):
            yield cell, compute_cell(cell)


@hookimpl
def register_engines(register):
    register(Backwards)


@click.command()
def salute():
    """Say hello from a plug-in."""
    click.echo("hello from a plug-in")


@hookimpl
def register_commands(group):
    group.add_command(salute)


def margin(scores, labels):
    top = abs(scores).max()
    return float(top)


@hookimpl
def register_metrics(register):
    register(margin)


@hookimpl
def register_reporters(register):
    register("names", lambda frame: " ".join(sorted(frame["method"])) + "\\n")


@hookimpl
def run_finished(run):
    if "OBSERVED" in os.environ:
        with Path(os.environ["OBSERVED"]).open("a") as file:
            file.write(f"{run.manifest['method']['name']} {run.manifest['status']}\\n")
'''

THIRD_PARTY = re.findall(r'^    name = "(\w+)"', PLUGIN, re.MULTILINE)
"""The methods of the first of them."""
