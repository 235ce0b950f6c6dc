"""What verbs share: options, and groups that answer a misspelt verb with the nearest ones."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchbench.errors import MOST_EPISODES, unknown_name

DATASET = "glyphs"


class Number(click.IntRange):
    """A whole number, which help calls N, or one of some words."""

    name = "whole number"

    def __init__(
        self, least: int | None = None, most: int | None = None, words: tuple[str, ...] = ()
    ) -> None:
        super().__init__(least, most)
        self.words = words

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "|".join(["N", *self.words])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in self.words:
            return value
        if self.words and isinstance(value, str) and not re.fullmatch(r"\s*[+-]?\d+\s*", value):
            self.fail(f"{value!r} is not a whole number or {' or '.join(self.words)}.", param, ctx)
        return super().convert(value, param, ctx)


class Real(click.FloatRange):
    """A number; unlike click's own it cannot be NaN, which is in no range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def path(name: str) -> click.Path:
    """A path that need not exist, by the name that help has for it."""
    kind = click.Path(path_type=Path)
    kind.name = name
    return kind


PLACES = ("worker", "inline")
ENGINE_VARIABLE = "BENCHBENCH_ENGINE"
MOST_NUMBERS = 10_000
"""In one option of a grid."""


class Numbers(Number):
    """Several whole numbers: `1,5`, or `0..4` with both ends; a tuple."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "|".join(["N,...", *self.words])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        found: list[int | str] = []
        for text in str(value).split(","):
            if text in self.words:
                found.append(text)
                continue
            first, dots, last = text.partition("..")
            ends: list[Any] = [first, last if dots else first]
            start, stop = (int(super(Numbers, self).convert(end, param, ctx)) for end in ends)
            if not start <= stop <= start + MOST_NUMBERS:
                self.fail(f"{text!r} is no range such as 0..4.", param, ctx)
            found += range(start, stop + 1)
        return tuple(found)


def takes_several(option: click.Parameter) -> bool:
    """Whether an option takes several values with commas between them, as its metavar says."""
    return isinstance(option.type, Numbers) or str(option.metavar).endswith(",...")


SEED = Number(0, 2**32 - 1)
SEEDS = Numbers(0, 2**32 - 1)
EPISODES = Number(1, MOST_EPISODES)
THREADS = Number(1, 1024)
SECONDS = Real(min=0, min_open=True)
FILE, FOLDER = path("file"), path("folder")


class Verbs(click.Group):
    """A group of verbs; an unknown one is answered with the nearest names."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            kind = f"command of `{ctx.info_name}`" if ctx.parent else "command"
            raise click.UsageError(str(unknown_name(kind, args[0], self.list_commands(ctx))))
        return super().resolve_command(ctx, args)


def format_option(*styles: str, explanation: str) -> Callable[[Any], Any]:
    """`--format`, of which the first style is the default."""
    kind = click.Choice(styles)
    return click.option("--format", "style", default=styles[0], type=kind, help=explanation)


def rule_option(default: str) -> Callable[[Any], Any]:
    """`--rule`, for the verbs that rank."""
    return click.option(
        "--rule",
        default=default,
        type=click.Choice(["paired", "meta-dataset", "plain"]),
        help="The rule by which two methods differ or tie: `paired` tests the episodes that both "
        "met, `meta-dataset` compares means by their intervals, `plain` by themselves.",
    )


engine_option = click.option(
    "--engine",
    default="worker",
    envvar=ENGINE_VARIABLE,
    show_envvar=True,
    type=click.Choice(PLACES),
    help="Where methods are computed: `worker` is a process for each method, which holds no label "
    "of a query and harms no other if it crashes; `inline` is this process, unprotected.",
)
grid_engine_option = click.option(
    "--engine",
    default="worker",
    envvar=ENGINE_VARIABLE,
    show_envvar=True,
    metavar="SPEC",
    help="Where methods are computed: `worker` is a process for each method, which holds no label "
    "of a query and harms no other if it crashes; `inline` is this process, unprotected; "
    "`list engines` names those that compute several at once.",
)
data_root_option = click.option(
    "--data-root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    show_default="BENCHBENCH_DATA, else the cache folder",
    help="The folder in which data sets are found and to which they are downloaded.",
)
split_option = click.option(
    "--split",
    default="test",
    metavar="NAME",
    help="The split whose classes are used: train, val or test.",
)
picture_option = click.option(
    "--out",
    type=FILE,
    show_default="a name that says what is shown",
    help="The .png file that is written.",
)
results_argument = click.argument(
    "results",
    nargs=-1,
    type=FOLDER,
    callback=lambda context, parameter, given: given or (Path("results"),),
)

_TASK_OPTIONS = [
    click.option(
        "--dataset",
        default=DATASET,
        metavar="SPEC",
        help="The data set that the episodes are drawn from; `list datasets` names all.",
    ),
    click.option(
        "--sampler",
        metavar="SPEC",
        show_default="fixed; zero_shot for --shot 0 without --way",
        help="The sampler that draws the episodes; `list samplers` names all.",
    ),
    click.option(
        "--way", type=Number(2), show_default="5", help="The number of classes in an episode."
    ),
    click.option(
        "--shot",
        type=Number(0, words=("all",)),
        show_default="1",
        help="The number of support images of a class; `all` is for the sampler kshot.",
    ),
    click.option(
        "--query", type=Number(1), show_default="15", help="The number of query images of a class."
    ),
    click.option(
        "--unlabelled",
        type=Number(0),
        show_default="0",
        help="The number of images without labels that an episode has of each of its classes.",
    ),
    click.option(
        "--distractors",
        type=Number(0),
        show_default="0",
        help="The number of other classes of which it has as many.",
    ),
    click.option(
        "--unknown",
        type=Number(0),
        show_default="0",
        help="The number of further queries, of none of an episode's classes; how well a method "
        "tells them by its confidence is then reported as well.",
    ),
    click.option(
        "--replacement",
        type=click.Choice(["images", "none"]),
        show_default="images",
        help="What may recur in other episodes: `images` lets an image recur, `none` lets none.",
    ),
    data_root_option,
]


def grid_task_options(command: Any) -> Any:
    """As `task_options`, with tuples of several ways, shots and queries; empty if not given."""
    for option in reversed(_TASK_OPTIONS):
        command = option(command)
    for parameter in command.__click_params__:
        if isinstance(parameter.type, Number) and parameter.name in ("way", "shot", "query"):
            parameter.type = Numbers(parameter.type.min, words=parameter.type.words)
            parameter.default = ()
    return command


def task_options(command: Any) -> Any:
    """The options that say which episodes; those of the sampler are None unless they are given."""
    for option in reversed(_TASK_OPTIONS):
        command = option(command)
    return command
