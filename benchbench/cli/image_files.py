"""`--files`, for the verbs that draw images: which file each of them is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchbench.cli.options import format_option
from benchbench.errors import BenchbenchError
from benchbench.system.texts import legible

if TYPE_CHECKING:
    from benchbench.datasets.image_files import ImageFiles

files_option = click.option(
    "--files",
    is_flag=True,
    help="Print which file each image is, instead of drawing them.",
)
files_format_option = format_option("text", "json", explanation="The form of what --files prints.")


def check_files_options(files: bool, style: str, out: Path | None) -> None:
    """Raise BenchbenchError if an option is given that --files does not take, or it alone takes."""
    if files and out is not None:
        raise BenchbenchError("--files draws no picture; leave out --out.")
    if style != "text" and not files:
        raise BenchbenchError("--format is for --files; a picture is a .png file.")


def print_files(files: ImageFiles, rows: Sequence[dict[str, Any]], style: str) -> None:
    """Print the rows, each of which has an `image`, with the name of its file behind the rest."""
    import numpy as np

    from benchbench.system.progress import say

    names = files.names(np.array([row["image"] for row in rows], np.int64))
    if remark := files.remark(names):
        say(remark)
    listed = [row | {"file": name} for row, name in zip(rows, names, strict=True)]
    if style == "json":
        click.echo(json.dumps(listed, indent=1))
        return
    for row in listed:
        cells = ("-" if value is None else legible(value) for value in row.values())
        click.echo("\t".join(cells))
