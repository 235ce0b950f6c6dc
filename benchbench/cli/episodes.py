"""`benchbench episodes make` and `benchbench episodes show`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbench.cli.options import (
    EPISODES,
    FILE,
    SEED,
    Number,
    Verbs,
    format_option,
    picture_option,
    split_option,
    task_options,
)
from benchbench.errors import MOST_EPISODES, BenchbenchError
from benchbench.system.texts import legible

if TYPE_CHECKING:
    from benchbench.datasets.base import Dataset, OpenDataset
    from benchbench.datasets.problem import Collection
    from benchbench.episodes import Episode
    from benchbench.system.places import Places

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

    if out is not None and out.suffix.lower() != ".npz":
        raise BenchbenchError(f"--out {out} must end in .npz.")
    opened = open_dataset(dataset, Places.find(data_root))
    drawn = draw_episodes(opened, sampler, sampling, count, split, seed)
    if out is not None:
        drawn.save(out)
    place = f", in {out}" if out else ""
    click.echo(
        legible(
            f"{opened.name}, {split}: {len(drawn)} episodes {drawn.protocol}, seed {seed}, "
            f"sha256 {drawn.sha256}{place}"
        )
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
@click.option(
    "--files",
    is_flag=True,
    help="Print which file each image is, instead of drawing them.",
)
@format_option("text", "json", explanation="The form of what --files prints.")
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
    files: bool,
    style: str,
    out: Path | None,
    **sampling: int | str | None,
) -> None:
    """Draw one episode's support and query images into a PNG file.

    The path of the file is printed; no window opens. With --files, a line for each image says its
    part (support or query), slot, class, image id and file.
    """
    from benchbench.datasets.contact_sheet import check_png, episode_sheet, save_png
    from benchbench.datasets.opening import create_dataset, open_dataset
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
    if style != "text" and not files:
        raise BenchbenchError("--format is for --files; a picture is a .png file.")
    places, made = Places.find(data_root), create_dataset(dataset)
    opened = open_dataset(made, places)
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
    if files:
        _print_files(made, opened, drawn[number], places, style)
        return
    title = f"{opened.name}, {drawn.split}: episode {number} of {drawn.protocol}, seed {drawn.seed}"
    path = out or Path(f"{slug(opened.name)}-{drawn.split}-episode-{number}.png")
    save_png(episode_sheet(opened, drawn[number], title), path)
    click.echo(path)


def _print_files(
    made: Dataset | Collection, opened: OpenDataset, episode: Episode, places: Places, style: str
) -> None:
    """A line for each image of an episode: its part, its slot and class, its id and its file."""
    from benchbench.datasets.base import Dataset
    from benchbench.datasets.image_files import files_of
    from benchbench.system.progress import say

    rows: list[dict[str, object]] = []
    parts = {
        "support": (episode.support, episode.support_labels),
        "query": (episode.query, episode.query_labels),
    }
    for part, (ids, slots) in parts.items():
        names: list[str | None] = [None] * len(ids)
        if isinstance(made, Dataset):
            names = files_of(made, opened, ids, places)
        for number, slot, name in zip(ids.tolist(), slots.tolist(), names, strict=True):
            label = opened.class_names[int(episode.classes[slot])]
            rows.append({"part": part, "slot": slot, "class": label, "image": number, "file": name})
    if unknown := sum(row["file"] is None for row in rows):
        say(f"{opened.name} does not say of {unknown} of {len(rows)} images which file each is.")
    if style == "json":
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo("\t".join("-" if value is None else str(value) for value in row.values()))
