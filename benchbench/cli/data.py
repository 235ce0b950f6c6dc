"""`benchbench data list`, `data prepare`, `data verify` and `data show`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from benchbench.cli.image_files import (
    check_files_options,
    files_format_option,
    files_option,
    print_files,
)
from benchbench.cli.options import (
    Number,
    Real,
    Verbs,
    data_root_option,
    format_option,
    picture_option,
    split_option,
)
from benchbench.errors import BenchbenchError
from benchbench.system.texts import legible, legible_lines


@click.group(cls=Verbs)
def data() -> None:
    """List, prepare, verify and look at data sets."""


@data.command("list")
@data_root_option
def list_(data_root: Path | None) -> None:
    """List the data sets with their files, decoded images and licences.

    Nothing is downloaded or decoded.
    """
    from tabulate import tabulate

    from benchbench.datasets.status import HEADINGS, statuses
    from benchbench.system.places import Places

    places = Places.find(data_root)
    rows = [[legible(cell) for cell in status.row()] for status in statuses(places)]
    table = tabulate(rows, HEADINGS, "plain", disable_numparse=True)
    for line in table.splitlines():
        click.echo(line.rstrip())
    click.echo("\n`benchbench data prepare NAME` says what a missing one needs.")
    click.echo(f"data root: {places.data_root}\ncache: {places.cache}")


@data.command()
@click.argument("dataset", metavar="SPEC")
@click.option(
    "--from",
    "origin",
    type=click.Path(path_type=Path),
    help="The place from which the published files are read, instead of the data root.",
)
@data_root_option
def prepare(dataset: str, origin: Path | None, data_root: Path | None) -> None:
    """Download and decode a data set.

    What was decoded is compared with what was published. Of several data sets under one name,
    missing ones are reported and the others are prepared. An interrupted preparation resumes where
    it stopped.
    """
    from benchbench.datasets import opening
    from benchbench.datasets.base import Dataset
    from benchbench.datasets.integrity.checks import some
    from benchbench.datasets.status import check_origin, facts
    from benchbench.system.places import Places
    from benchbench.system.progress import say

    places, whole = Places.find(data_root), opening.create_dataset(dataset)
    if isinstance(whole, Dataset):
        if origin is not None:
            check_origin(whole, places, origin)
        click.echo(legible_lines(facts(whole, opening.prepare(whole, places, origin), places)))
        return
    parts = whole.members(places)
    if origin is not None:
        raise BenchbenchError(f"--from is for one data set; {dataset} is {some(parts)}.")
    missing = []
    for spec in parts:
        try:
            opened = opening.open_dataset(spec, places)
            click.echo(legible_lines(facts(opening.create_dataset(spec), opened, places)) + "\n")
        except BenchbenchError as error:
            say(f"{spec}: {error}")
            missing.append(spec)
    if len(missing) == len(parts):
        raise BenchbenchError(f"None of the {len(parts)} data sets of {dataset} can be prepared.")
    lacking = f"; missing: {some(missing)}" if missing else ""
    click.echo(f"{len(parts) - len(missing)} of {len(parts)} data sets prepared{lacking}")


@data.command()
@click.argument("dataset", metavar="SPEC")
@click.option(
    "--against",
    metavar="SPEC",
    help="Another data set, such as that of a pre-training, which should share no image.",
)
@click.option(
    "--backbone",
    metavar="SPEC",
    help="A backbone whose weights should not have seen the test classes.",
)
@click.option(
    "--distance",
    default=6,
    type=Number(0, 12),
    help="The bits in which the perceptual hashes of near duplicates may differ.",
)
@click.option(
    "--correlation",
    default=0.98,
    type=Real(0, 1),
    metavar="R",
    help="The least correlation of the pixels of near duplicates.",
)
@format_option(
    "text", "json", explanation="json lists all findings, text the first 20 of each kind."
)
@data_root_option
def verify(
    dataset: str,
    against: str | None,
    backbone: str | None,
    distance: int,
    correlation: float,
    style: str,
    data_root: Path | None,
) -> None:
    """Look for damage, wrong counts, duplicates and shared classes.

    An image in two splits, or two official parts, is an error, one with two labels a warning, one
    twice in a class a note.
    The exit code is 1 if there are errors.
    """
    from benchbench.datasets.integrity.checks import levels
    from benchbench.datasets.integrity.verification import LEVELS, Verification
    from benchbench.system.places import Places

    places = Places.find(data_root)
    found = Verification(places, against, backbone, distance, correlation).of(dataset)
    counts = levels([finding for each in found for finding in each.findings])
    if style == "json":
        listed = {"datasets": [each.as_dict() for each in found]}
        click.echo(json.dumps(listed | {f"{level}s": counts[level] for level in LEVELS}))
    else:
        click.echo("\n".join(each.as_text() for each in found))
    sys.exit(int(counts["error"] > 0))


@data.command()
@click.argument("dataset", metavar="SPEC")
@split_option
@click.option(
    "--classes",
    default=10,
    type=Number(1),
    help="The number of classes, which are spread evenly over the split.",
)
@click.option("--images", default=10, type=Number(1), help="The number of images of each class.")
@click.option(
    "--augment",
    metavar="SPEC",
    show_default="images as they are",
    help="Augmentations, as flip+crop[scale=0.2], of which as many views are shown of one image of "
    "each class, beside it; `list augmentations` names all.",
)
@files_option
@files_format_option
@picture_option
@data_root_option
def show(
    dataset: str,
    split: str,
    classes: int,
    images: int,
    augment: str | None,
    files: bool,
    style: str,
    out: Path | None,
    data_root: Path | None,
) -> None:
    """Draw images of some classes, or views of them, into a PNG file.

    The path of the file is printed; no window opens. With --files, a line for each image says its
    class, image id and file, in the order of the picture.
    """
    from benchbench.datasets.contact_sheet import check_png, class_sheet, sample, save_png
    from benchbench.datasets.image_files import ImageFiles
    from benchbench.datasets.opening import create_dataset, open_dataset
    from benchbench.datasets.view_sheet import view_sheet
    from benchbench.runs.names import slug
    from benchbench.system.places import Places
    from benchbench.system.progress import say_once

    if files and augment is not None:
        raise BenchbenchError("--files lists images as they are; leave out --augment.")
    check_files_options(files, style, out)
    if out is not None:
        check_png(out)
    places, made = Places.find(data_root), create_dataset(dataset)
    opened = open_dataset(made, places)
    for remark in opened.remarks:
        say_once(f"{opened.name}: {remark}")
    if files:
        rows = [
            {"class": opened.class_names[label], "image": number}
            for label, ids in sample(opened, split, classes, images).items()
            for number in ids.tolist()
        ]
        print_files(ImageFiles(made, opened, places), rows, style)
        return
    path = out or Path(f"{slug(opened.name)}-{split}{'-views' if augment else ''}.png")
    picture = (
        class_sheet(opened, split, classes, images)
        if augment is None
        else view_sheet(opened, split, classes, images, augment)
    )
    save_png(picture, path)
    click.echo(path)
