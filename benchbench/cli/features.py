"""`benchbench features make`, `features list`, `features export` and `features delete`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchbench.cli.options import DATASET, FILE, THREADS, Verbs, data_root_option
from benchbench.errors import BenchbenchError
from benchbench.system.texts import legible

if TYPE_CHECKING:
    from benchbench.backbones.feature_store import StoredFeatures
    from benchbench.evaluation.feature_making import FeatureMaker

HEADINGS = ("dataset", "split", "backbone", "features", "size", "threads", "on disk", "key")
DIGITS = 8
"""Of a key, in the list."""

dataset_option = click.option(
    "--dataset", default=DATASET, metavar="SPEC", help="The data set whose images are embedded."
)
backbone_option = click.option(
    "--backbone", required=True, metavar="SPEC", help="The frozen backbone, with its weights."
)
device_option = click.option(
    "--device",
    default="auto",
    metavar="NAME",
    help="The device to compute on: cpu, cuda, or auto, which takes a GPU if there is one.",
)
threads_option = click.option(
    "--threads",
    type=THREADS,
    show_default="all cores",
    help="The number of threads that torch computes with; runs of as many take the features.",
)
fast_option = click.option(
    "--fast/--no-fast",
    default=True,
    help="Whether the network lies in channels-last memory, as in runs of the same option.",
)


@click.group(cls=Verbs)
def features() -> None:
    """Keep features of a frozen backbone on disk."""


@features.command()
@dataset_option
@backbone_option
@click.option(
    "--split",
    default="test",
    metavar="NAME|all",
    help="The split whose images are embedded; runs read those of the test.",
)
@device_option
@threads_option
@fast_option
@data_root_option
def make(*, split: str, **options: Any) -> None:
    """Embed the images of a data set once, for all runs.

    Runs with the same backbone and as many threads read the features; their scores are the same
    bits. An interrupted making resumes where it stopped.
    """
    maker = _maker(**options)
    splits = maker.splits()
    if split not in (*splits, "all"):
        raise BenchbenchError(
            f"{maker.dataset.name} has no images in split '{split}'; it has {', '.join(splits)}."
        )
    for name in splits if split == "all" else [split]:
        there = maker.found(name) is not None
        stored = maker.make(name)
        what = f"{stored.dataset}, {name}: {stored.count} features of {stored.size} numbers"
        click.echo(legible(f"{what}, {'there already' if there else 'made'}, in {stored.folder}"))


@features.command("list")
def list_() -> None:
    """List the features on disk."""
    from tabulate import tabulate

    from benchbench.backbones.feature_store import FOLDER, all_stored
    from benchbench.system.places import Places

    cache = Places.find().cache
    rows = [[legible(cell) for cell in _row(stored)] for stored in all_stored(cache)]
    table = tabulate(rows, HEADINGS, "plain", disable_numparse=True)
    for line in table.splitlines():
        click.echo(line.rstrip())
    click.echo(f"\n{len(rows)} in {cache / FOLDER}")


@features.command()
@dataset_option
@backbone_option
@click.option(
    "--to",
    "target",
    required=True,
    type=FILE,
    help="The file to write: .npz, .parquet or .safetensors.",
)
@click.option("--half", is_flag=True, help="Round the features to float16, at half the size.")
@device_option
@threads_option
@fast_option
@data_root_option
def export(*, target: Path, half: bool, **options: Any) -> None:
    """Write features with labels, splits, parts and attributes into one file.

    Features that are not on disk are made first. `--dataset features:FILE` draws the same episodes
    as the images.
    """
    from benchbench.datasets.feature_formats import format_of
    from benchbench.evaluation.feature_export import feature_file

    format_of(target)
    maker = _maker(**options)
    stored = [maker.make(split) for split in maker.splits()]
    file = feature_file(maker.dataset, stored, half)
    file.save(target)
    count, size = file.features.shape
    kind = file.features.dtype.name
    known = f" with {len(file.attributes.names)} attributes" if file.attributes else ""
    click.echo(
        legible(
            f"{maker.dataset.name}: {count} features of {size} numbers, {kind}, of "
            f"{len(file.class_names)} classes{known}, in {target}"
        )
    )


@features.command()
@click.argument("keys", nargs=-1, metavar="KEY...")
@click.option("--all", "everything", is_flag=True, help="Delete all features on disk.")
def delete(keys: tuple[str, ...], everything: bool) -> None:
    """Delete features from the disk, by their keys in `features list`."""
    from benchbench.backbones.feature_store import all_stored
    from benchbench.evaluation.feature_making import delete as remove
    from benchbench.system.places import Places

    if bool(keys) == everything or not all(keys):
        raise BenchbenchError("Name the keys of `benchbench features list`, or give --all.")
    known = list(all_stored(Places.find().cache))
    chosen = known if everything else [one for key in keys for one in _of_key(known, key)]
    for stored in chosen:
        remove(stored)
    size = _decimal(sum(stored.bytes for stored in chosen))
    click.echo(f"deleted {len(chosen)} of {len(known)}, {size}")


def _maker(
    *,
    dataset: str,
    backbone: str,
    device: str,
    threads: int | None,
    fast: bool,
    data_root: Path | None,
) -> FeatureMaker:
    from benchbench.datasets.opening import open_dataset
    from benchbench.evaluation.feature_making import FeatureMaker
    from benchbench.system.compute import configure
    from benchbench.system.places import Places

    places = Places.find(data_root)
    compute = configure(device, threads, fast)
    return FeatureMaker.of(open_dataset(dataset, places), backbone, compute, places.cache)


def _row(stored: StoredFeatures) -> list[str]:
    threads = str(stored.key.circumstances.get("threads", ""))
    numbers = str(stored.count), str(stored.size), threads, _decimal(stored.bytes)
    named = re.sub(r"[^,=:\[\]]*/", "", stored.backbone)  # a file of weights without its folders
    return [
        stored.dataset,
        stored.key.split,
        named,
        *numbers,
        stored.key.digest[:DIGITS],
    ]


def _of_key(known: list[StoredFeatures], key: str) -> list[StoredFeatures]:
    found = [one for one in known if one.key.digest.startswith(key)]
    if len(found) != 1:
        what = "no features have" if not found else f"{len(found)} features have"
        raise BenchbenchError(f"{key}: {what} this key; `benchbench features list` has all keys.")
    return found


def _decimal(count: int) -> str:
    from rich.filesize import decimal

    return decimal(count)
