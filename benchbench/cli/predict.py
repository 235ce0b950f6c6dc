"""`benchbench predict`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import click

from benchbench.cli.options import FILE, FOLDER, Number, data_root_option
from benchbench.errors import BenchbenchError

if TYPE_CHECKING:
    from benchbench.prediction.learner import Learner
    from benchbench.prediction.pictures import Picture

MOST_SEED = 2**56 - 1
"""Seeds of episodes are of seven bytes."""


@click.command()
@click.argument("images", nargs=-1, metavar="[IMAGES]...")
@click.option(
    "--method",
    required=True,
    metavar="RUN|FOLDER|SPEC",
    help="What answers: the folder of a stored run, that of a learner which --save has written, or "
    "the spec of a method that needs no training.",
)
@click.option(
    "--support",
    type=FOLDER,
    help="The labelled pictures: a folder or archive with a folder of pictures for each class.",
)
@click.option("--top", type=Number(1), default=1, help="The number of best classes of a picture.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "csv", "json"]),
    show_default="table on a terminal, csv elsewhere",
    help="The form of the answers: `table` is for the eye, `csv` and `json` have the scores too.",
)
@click.option("--out", type=FILE, help="The file that the answers are written to.")
@click.option(
    "--save",
    type=FOLDER,
    help="A new folder that the learner is saved to, with its weights and labelled pictures.",
)
@click.option(
    "--size",
    type=Number(1, 4096, words=("native",)),
    show_default="84",
    help="The pixels of a side that a SPEC's pictures are resized to; native leaves that to a "
    "backbone that comes with weights. A run has its own.",
)
@click.option(
    "--seed",
    type=Number(0, MOST_SEED),
    show_default="0",
    help="The seed of the random numbers that a method adapts with.",
)
@data_root_option
def predict(
    images: tuple[str, ...],
    method: str,
    support: Path | None,
    top: int,
    style: str | None,
    out: Path | None,
    save: Path | None,
    size: int | Literal["native"] | None,
    seed: int | None,
    data_root: Path | None,
) -> None:
    """Answer for new pictures by what was benchmarked.

    IMAGES are files, folders, archives or patterns such as "new/*.jpg". The method adapts to the
    labelled pictures of --support as to the support of an episode, and answers for each picture
    with its best classes and their probabilities, the softmax of its scores. Pictures are read as
    those of the run's data set were; the ones that cannot be read are named.

    A run needs its weights and its data set on this machine; a learner that was saved needs
    neither, and gives the same answers.
    """
    from benchbench.prediction.opening import open_learner
    from benchbench.prediction.pictures import find_pictures
    from benchbench.prediction.saving import save as save_learner
    from benchbench.system.places import Places

    if not images and save is None:
        raise BenchbenchError("Name at least one picture, or a folder of pictures.")
    pictures = find_pictures(images)
    with TemporaryDirectory(prefix="benchbench-") as folder:
        learner = open_learner(
            method, support, Places.find(data_root), Path(folder), size=size, seed=seed
        )
        learner.say_differences()
        with _failures_told(learner):
            if save is not None:
                save_learner(learner, save)
            if pictures:
                _answer(learner, pictures, top, style, out)


def _answer(
    learner: Learner, pictures: list[Picture], top: int, style: str | None, out: Path | None
) -> None:
    """Print the answers for the pictures that can be read, or write them to a file."""
    from benchbench.datasets.integrity.checks import some
    from benchbench.prediction.pictures import say_unreadable
    from benchbench.prediction.printed import answer_rows, answers_text
    from benchbench.system.files import write_text

    found = learner.reader.read([picture.file for picture in pictures], "pictures")
    left_out = sorted({*range(len(pictures))} - {*found.readable})
    unreadable = [pictures[place].name for place in left_out]
    if not found.readable:
        raise BenchbenchError(f"No picture can be read: {some(unreadable)}.")
    say_unreadable(unreadable, "no answer")
    names = [pictures[place].name for place in found.readable]
    rows = answer_rows(names, learner.support.class_names, learner.scores(found.images), top)
    text = answers_text(rows, style or ("table" if out is None and sys.stdout.isatty() else "csv"))
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)


@contextmanager
def _failures_told(learner: Learner) -> Iterator[None]:
    """What the learner's method raises ends the command with one sentence and exit code 1."""
    from benchbench.errors import reason_of
    from benchbench.system.streams import OutputLostError
    from benchbench.system.texts import legible

    try:
        yield
    except (BenchbenchError, OutputLostError, MemoryError):
        raise
    except Exception as error:
        reason = legible(f"{learner.trained.method}: {reason_of(error)}")
        raise click.ClickException(reason) from error
