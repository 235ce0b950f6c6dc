"""`benchbench episodes make` and `benchbench episodes show`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchbench.cli.image_files import (
    check_files_options,
    files_format_option,
    files_option,
    print_files,
)
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
from benchbench.system.texts import legible

if TYPE_CHECKING:
    from benchbench.datasets.open_dataset import OpenDataset
    from benchbench.episodes import Episode

seed_option = click.option(
    "--seed", default=0, type=SEED, help="The seed that the episodes are drawn with."
)


@click.group(cls=Verbs)
def episodes() -> None:
    """Make frozen episodes, and look at them."""


@episodes.command()
@task_options
@click.option(
    "--episodes",
    "count",
    type=EPISODES,
    show_default="600; 5 draws of kshot",
    help="The number of episodes.",
)
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
    sampler: str | None,
    data_root: Path | None,
    count: int | None,
    split: str,
    seed: int,
    out: Path | None,
    **sampling: int | str | None,
) -> None:
    """Draw episodes, print their sha256 and save them."""
    from benchbench.datasets.opening import open_dataset
    from benchbench.datasets.same_pictures import facts_of
    from benchbench.samplers.base import usual_episodes
    from benchbench.samplers.drawing import draw_episodes
    from benchbench.samplers.usual import ALL_AT_ONCE, sampler_and_options, say_all_at_once
    from benchbench.system.places import Places

    if out is not None and out.suffix.lower() != ".npz":
        raise BenchbenchError(f"--out {out} must end in .npz.")
    places = Places.find(data_root)
    opened = open_dataset(dataset, places)
    chosen, sampling = sampler_and_options(sampler, sampling)
    count = count or usual_episodes(chosen)
    drawn = draw_episodes(opened, chosen, sampling, count, split, seed)
    if sampler is None and chosen == ALL_AT_ONCE:
        say_all_at_once(drawn)
    if out is not None:
        replace(drawn, pictures=facts_of(opened, places)).save(out)
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
@files_option
@files_format_option
@picture_option
def show(
    *,
    dataset: str,
    sampler: str | None,
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
    """Draw all images of one episode into a PNG file.

    The path of the file is printed; no window opens. With --files, a line for each image says its
    part (support, query or unlabelled), slot, class, image id and file. An unlabelled image has no
    slot.
    """
    from benchbench.datasets.contact_sheet import check_png, episode_sheet, save_png
    from benchbench.datasets.image_files import ImageFiles
    from benchbench.datasets.opening import create_dataset, open_dataset
    from benchbench.runs.names import slug
    from benchbench.samplers.drawing import (
        SAMPLING_OPTIONS,
        any_given,
        draw_episodes,
        saved_episodes,
    )
    from benchbench.samplers.usual import sampler_and_options
    from benchbench.system.places import Places

    check_files_options(files, style, out)
    if out is not None:
        check_png(out)
    places, made = Places.find(data_root), create_dataset(dataset)
    opened = open_dataset(made, places)
    chosen, sampling = sampler_and_options(sampler, sampling)
    if saved is None:
        drawn = draw_episodes(opened, chosen, sampling, number + 1, split, seed)
    elif any_given(sampling, chosen, seed):
        raise BenchbenchError(
            f"{saved} says all about its episodes; leave out {SAMPLING_OPTIONS} and --seed."
        )
    else:
        drawn = saved_episodes(saved, opened, places)
    if number >= len(drawn):
        raise BenchbenchError(
            f"There is no episode {number}; there are {len(drawn)}, numbered from 0."
        )
    if files:
        rows = _images(drawn[number], opened)
        print_files(ImageFiles(made, opened, places), rows, style)
        return
    title = f"{opened.name}, {drawn.split}: episode {number} of {drawn.protocol}, seed {drawn.seed}"
    path = out or Path(f"{slug(opened.name)}-{drawn.split}-episode-{number}.png")
    save_png(episode_sheet(opened, drawn[number], title), path)
    click.echo(path)


def _images(episode: Episode, dataset: OpenDataset) -> list[dict[str, Any]]:
    """A row for each image of an episode: its part, its slot and class, and its id.

    The slot of queries of none of the classes is -1.
    """
    names = dataset.class_names
    parts = {
        "support": (episode.support, episode.support_labels),
        "query": (episode.asked, episode.asked_labels),
    }
    labelled = [
        {
            "part": part,
            "slot": slot,
            "class": names[int(dataset.labels[number])],
            "image": number,
        }
        for part, (ids, slots) in parts.items()
        for number, slot in zip(ids.tolist(), slots.tolist(), strict=True)
    ]
    others = [
        {"part": "unlabelled", "slot": "", "class": names[int(dataset.labels[number])]}
        | {"image": number}
        for number in episode.unlabelled.tolist()
    ]
    return [*labelled, *others]
