"""Contact sheets in PNG: a few images of each class of a data set, or an episode."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.episodes import Episode
from benchbench.errors import BenchbenchError
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.files import output_file
from benchbench.system.framing import size_in_words

TILE = 64
"""The pixels to which small images are enlarged, by whole factors, and large ones reduced."""

SMALLEST_TILE = 12
LONGEST, HEADING = 4000, 200
"""The most pixels of a side of the sheet, and those of them that the title may take."""

GAP, BORDER, MARGIN, LABEL = 4, 3, 12, 200
TEXT, PAPER = (20, 20, 20), (255, 255, 255)
LINE = 17
FONT = ImageFont.load_default(13)
OF_NO_CLASS = (128, 128, 128)
"""The frame of queries of none of an episode's classes."""
COLUMNS, CLASS_COLUMNS = 15, 40  # most images on a line, of an episode and of a class

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class ImageRow:
    """Images uint8 [n, h, w, c] to the right of their label.

    marks: a word below each image; colours: of its frame; space: pixels above the row.
    """

    label: str
    images: ByteArray
    marks: Sequence[str] = ()
    colours: Sequence[Colour] = ()
    space: int = 0


def class_sheet(dataset: OpenDataset, split: str, classes: int, images: int) -> Image.Image:
    """A row for each class of a `sample`. Raises BenchbenchError if there is none or too much."""
    dataset.check_images()
    chosen = sample(dataset, split, classes, images)
    rows = []
    for label, ids in chosen.items():
        name = f"{dataset.class_names[label]}\n{np.count_nonzero(dataset.labels == label)} images"
        rows.append(ImageRow(name, dataset.thumbnails[ids]))
    title = (
        f"{dataset.name}, {split}: {len(chosen)} of {len(dataset.splits[split])} classes; "
        f"{size_in_words(dataset.image_shape, ' px')}"
    )
    return sheet(title, rows, min(images, CLASS_COLUMNS))


def sample(dataset: OpenDataset, split: str, classes: int, images: int) -> dict[int, IntArray]:
    """Ids of evenly spread images, by class id of evenly spread classes.

    Raises BenchbenchError if there is none.
    """
    if split not in dataset.splits:
        known = ", ".join(dataset.splits)
        raise BenchbenchError(f"{dataset.name} has no split '{split}'; it has {known}.")
    members = dataset.splits[split]
    if len(members) == 0:
        raise BenchbenchError(f"{dataset.name} has no classes in the split '{split}'.")
    found = {}
    for label in members[spread(len(members), classes)].tolist():
        ids = np.flatnonzero(dataset.labels == label)
        found[label] = ids[spread(len(ids), images)]
    return found


def spread(count: int, wanted: int) -> IntArray:
    """Up to `wanted` of the numbers below `count`, evenly spaced from 0."""
    return np.unique(np.arange(min(wanted, count)) * count // min(wanted, count))


def episode_sheet(dataset: OpenDataset, episode: Episode, title: str) -> Image.Image:
    """A row of support images for each class slot; below, the queries with their true slots.

    Unlabelled images come last, if there are any, without frames.
    """
    dataset.check_images()
    colours = [slot_colour(slot) for slot in range(episode.n_way)]
    rows = []
    for slot, label in enumerate(episode.classes.tolist()):
        ids = episode.support[episode.support_labels == slot]
        name = f"{slot}: {dataset.class_names[label]}"
        rows.append(ImageRow(name, dataset.thumbnails[ids], (), [colours[slot]] * len(ids)))
    slots = episode.asked_labels.tolist()
    queries = f"{len(slots)} queries\nin the order of the episode, each with its true slot"
    if len(episode.unknown):
        queries += f"; {len(episode.unknown)} without one are of none of the classes"
    frames = [colours[slot] if slot >= 0 else OF_NO_CLASS for slot in slots]
    marks = [str(slot) if slot >= 0 else "" for slot in slots]
    rows.append(ImageRow(queries, dataset.thumbnails[episode.asked], marks, frames, space=LINE))
    if pool := len(episode.unlabelled):
        label = f"{pool} unlabelled\nin the order of the episode"
        rows.append(ImageRow(label, dataset.thumbnails[episode.unlabelled], space=LINE))
    widest = max(len(row.images) for row in rows)
    return sheet(title, rows, min(widest, COLUMNS))


def slot_colour(slot: int) -> Colour:
    """A colour for each slot; the hues of neighbours are a golden section apart."""
    red, green, blue = colorsys.hsv_to_rgb(0.618034 * slot % 1, 0.75, (0.85, 0.6)[slot // 8 % 2])
    return round(255 * red), round(255 * green), round(255 * blue)


def sheet(title: str, rows: Sequence[ImageRow], columns: int) -> Image.Image:
    """The rows from top to bottom, with `columns` images on a line."""
    labels = [wrapped(row.label, LABEL) for row in rows]
    size, heights = _fitting(rows, labels, columns)
    width = 2 * MARGIN + LABEL + GAP + columns * _cell(size)[0]
    heading = wrapped(title, width - 2 * MARGIN)
    top = MARGIN + LINE * len(heading) + MARGIN // 2
    picture = Image.new("RGB", (width, top + sum(heights) + MARGIN), PAPER)
    draw = ImageDraw.Draw(picture)
    _write(draw, MARGIN, heading)
    for row, label, height in zip(rows, labels, heights, strict=True):
        _write(draw, top + row.space + BORDER, label)
        _paste(picture, row, top + row.space, size, columns)
        top += height
    return picture


def _fitting(
    rows: Sequence[ImageRow], labels: Sequence[Sequence[str]], columns: int
) -> tuple[tuple[int, int], list[int]]:
    """The largest size of an image, width and height, at which the sheet is not too large."""
    shape = rows[0].images.shape[1:3]
    for target in _sides(max(shape)):
        height, width = (max(1, target * side // max(shape)) for side in shape)
        heights = [
            max(-(-len(row.images) // columns) * _cell((width, height), row)[1], LINE * len(label))
            + GAP
            + row.space
            for row, label in zip(rows, labels, strict=True)
        ]
        wide = 2 * MARGIN + LABEL + GAP + columns * _cell((width, height))[0]
        if max(HEADING + sum(heights), wide) <= LONGEST:
            return (width, height), heights
    raise BenchbenchError("That is too much for one picture; choose fewer classes or images.")


def _sides(longest: int) -> list[int]:
    """The lengths to try for an image's longer side, from large to small."""
    enlarged = [longest * factor for factor in range(TILE // longest, 1, -1)]
    return [*enlarged, *range(min(longest, 2 * TILE), min(longest, SMALLEST_TILE) - 1, -1)]


def _cell(size: tuple[int, int], row: ImageRow | None = None) -> tuple[int, int]:
    """Width and height of an image with its frame, its mark and the gap after it."""
    extra = 2 * BORDER + GAP
    return size[0] + extra, size[1] + extra + (LINE if row is not None and row.marks else 0)


def _paste(
    picture: Image.Image, row: ImageRow, start: int, size: tuple[int, int], columns: int
) -> None:
    """Put the images of a row into the picture, from `start` pixels below its top."""
    draw, cell = ImageDraw.Draw(picture), _cell(size, row)
    for index, pixels in enumerate(row.images):
        left = MARGIN + LABEL + GAP + index % columns * cell[0]
        top = start + index // columns * cell[1]
        right, bottom = left + size[0] + 2 * BORDER - 1, top + size[1] + 2 * BORDER - 1
        if row.colours:
            draw.rectangle((left, top, right, bottom), fill=row.colours[index])
        picture.paste(scaled(pixels, size), (left + BORDER, top + BORDER))
        if row.marks:
            centre = left + BORDER + size[0] / 2
            draw.text((centre, bottom + 2), row.marks[index], TEXT, FONT, "ma")


def scaled(pixels: ByteArray, size: tuple[int, int]) -> Image.Image:
    """An image uint8 [h, w, c] at a size (width, height), enlarged by repeating pixels."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels[..., :3])
    return image.convert("RGB").resize(size, Image.Resampling.BOX)


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most this width, broken after a space or sign, else anywhere."""
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for part in _parts(paragraph, width):
            if line and FONT.getlength((line + part).rstrip()) > width:
                lines.append(line.rstrip())
                line = ""
            line += part if line else part.lstrip()
        lines.append(line.rstrip())
    return lines


def _parts(text: str, width: int) -> list[str]:
    """Pieces after which a line may end, none too wide for a line."""
    parts = []
    for word in re.findall(r"[^\s_/\-.,:]*[\s_/\-.,:]*", text):
        parts += [word] if FONT.getlength(word) <= width else list(word)
    return parts


def _write(draw: ImageDraw.ImageDraw, top: int, lines: Sequence[str]) -> None:
    for number, line in enumerate(lines):
        draw.text((MARGIN, top + number * LINE), line, TEXT, FONT)


def check_png(path: Path) -> None:
    """Raise BenchbenchError if the file's name does not end in .png."""
    if path.suffix.lower() != ".png":
        raise BenchbenchError(f"--out {path} must end in .png.")


def save_png(picture: Image.Image, path: Path) -> None:
    """Write the file, whole or not at all. Raises BenchbenchError if it cannot."""
    check_png(path)
    with output_file(path) as partial:
        picture.save(partial, format="PNG")
