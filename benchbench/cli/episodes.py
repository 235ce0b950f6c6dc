"""`benchbench episodes make` and `benchbench episodes show`."""

from __future__ import annotations

from pathlib import Path

import click

from benchbench.cli.options import (
    EPISODES,
    FILE,
    SEED,
    Number,
    Verbs,
    picture_option,
    split_option,
    task_options,
)
from benchbench.errors import MOST_EPISODES, BenchbenchError

seed_option = click.option(
    "--seed", default=0, type=SEED, help="The seed that the episodes are drawn with."
)


@click.group(cls=Verbs)
def episodes() -> None:
    """Make frozen episodes, and look at them."""


@episodes.command()
@task_options
@click.option("--episodes", "count", default=600, type=EPISODES, help="The number of episodes.")
@split_option
@seed_option
@click.option(
    "--out",
    type=FILE,
    help="The .npz file that the episodes are saved to, for `run --episodes FILE`; without it only "
    "their sha256 is printed.",
)
def make(
    *,
    dataset: str,
    sampler: str,
    data_root: Path | None,
    count: int,
    split: str,
    seed: int,
    out: Path | None,
    **sampling: int | str | None,
) -> None:
    """Draw episodes, print their sha256 and save them."""
    from benchbench.datasets.opening import open_dataset
    from benchbench.samplers.drawing import draw_episodes
    from benchbench.system.places import Places

    opened = open_dataset(dataset, Places.find(data_root))
    drawn = draw_episodes(opened, sampler, sampling, count, split, seed)
    if out is not None:
        if out.suffix != ".npz":
            raise BenchbenchError(f"--out {out} must end in .npz.")
        drawn.save(out)
    place = f", in {out}" if out else ""
    click.echo(
        f"{opened.name}, {split}: {len(drawn)} episodes {drawn.protocol}, seed {seed}, "
        f"sha256 {drawn.sha256}{place}"
    )


@episodes.command()
@task_options
@split_option
@seed_option
@click.option(
    "--episodes",
    "saved",
    type=FILE,
    help="An .npz file of `episodes make` that the episode is taken from, instead of drawing it.",
)
@click.option(
    "--number",
    default=0,
    type=Number(0, MOST_EPISODES - 1),
    help="The number of the episode, counted from 0.",
)
@picture_option
def show(
    *,
    dataset: str,
    sampler: str,
    data_root: Path | None,
    split: str,
    seed: int,
    saved: Path | None,
    number: int,
    out: Path | None,
    **sampling: int | str | None,
) -> None:
    """Draw one episode's support and query images into a PNG file.

    The path of the file is printed; no window opens.
    """
    from benchbench.datasets.contact_sheet import check_png, episode_sheet, save_png
    from benchbench.datasets.opening import open_dataset
    from benchbench.runs.store import slug
    from benchbench.samplers.drawing import (
        SAMPLING_OPTIONS,
        any_given,
        draw_episodes,
        saved_episodes,
    )
    from benchbench.system.places import Places

    if out is not None:
        check_png(out)
    opened = open_dataset(dataset, Places.find(data_root))
    if saved is None:
        drawn = draw_episodes(opened, sampler, sampling, number + 1, split, seed)
    elif any_given(sampling, sampler, seed):
        raise BenchbenchError(
            f"{saved} says all about its episodes; leave out {SAMPLING_OPTIONS} and --seed."
        )
    else:
        drawn = saved_episodes(saved, opened)
    if number >= len(drawn):
        raise BenchbenchError(
            f"There is no episode {number}; there are {len(drawn)}, numbered from 0."
        )
    title = f"{opened.name}, {drawn.split}: episode {number} of {drawn.protocol}, seed {drawn.seed}"
    path = out or Path(f"{slug(opened.name)}-{drawn.split}-episode-{number}.png")
    save_png(episode_sheet(opened, drawn[number], title), path)
    click.echo(path)
