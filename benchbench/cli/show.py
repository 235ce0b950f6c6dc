"""`benchbench data show` and `benchbench episodes show`: pictures, as files."""

from __future__ import annotations

from pathlib import Path

from benchbench.datasets.contact_sheet import check_png, class_sheet, episode_sheet, save_png
from benchbench.datasets.opening import open_dataset
from benchbench.errors import BenchbenchError
from benchbench.runs.store import slug
from benchbench.samplers.drawing import SAMPLING_OPTIONS, any_given, draw_episodes, saved_episodes
from benchbench.system.places import Places


def data_show_command(
    dataset: str,
    *,
    split: str,
    classes: int,
    images: int,
    out: Path | None,
    data_root: Path | None,
) -> str:
    """Draw some images of some classes of a split; the path of the file."""
    if out is not None:
        check_png(out)
    opened = open_dataset(dataset, Places.find(data_root))
    path = out or Path(f"{slug(opened.name)}-{split}.png")
    save_png(class_sheet(opened, split, classes, images), path)
    return str(path)


def episodes_show_command(
    *,
    dataset: str,
    sampler: str,
    data_root: Path | None,
    split: str,
    seed: int,
    episodes: Path | None,
    number: int,
    out: Path | None,
    **sampling: int | str | None,
) -> str:
    """Draw one episode, sampled now or from a file; the path of the picture.

    sampling: options of the sampler, None where not given.
    """
    if out is not None:
        check_png(out)
    opened = open_dataset(dataset, Places.find(data_root))
    if episodes is None:
        drawn = draw_episodes(opened, sampler, sampling, number + 1, split, seed)
    elif any_given(sampling, sampler, seed):
        raise BenchbenchError(
            f"{episodes} says all about its episodes; leave out {SAMPLING_OPTIONS} and --seed."
        )
    else:
        drawn = saved_episodes(episodes, opened)
    if number >= len(drawn):
        raise BenchbenchError(
            f"There is no episode {number}; there are {len(drawn)}, numbered from 0."
        )
    title = f"{opened.name}, {drawn.split}: episode {number} of {drawn.protocol}, seed {drawn.seed}"
    path = out or Path(f"{slug(opened.name)}-{drawn.split}-episode-{number}.png")
    save_png(episode_sheet(opened, drawn[number], title), path)
    return str(path)
