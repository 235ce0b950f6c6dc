"""The pictures of a stored episode as files, as somebody would have them who asks about them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.evaluation.nonce import Nonce
from benchbench.runs.directory import RunDirectory
from benchbench.system.framing import at_own_size


class WrittenEpisode(NamedTuple):
    """support, queries: folders of PNG files. answers: the class folder that the benchmark stored
    for each query, in the order of their names. seed: that the method adapted with.
    """

    support: Path
    queries: Path
    answers: list[str]
    seed: int


def write_episode(
    run: RunDirectory, dataset: OpenDataset, number: int, folder: Path
) -> WrittenEpisode:
    """Write an episode of `predictions.csv`, whose classes are called by their slots."""
    text = (run.path / "predictions.csv").read_text()
    row = list(csv.DictReader(text.splitlines()))[number]
    ids = {name: list(map(int, row[name].split())) for name in row if name != "episode"}
    support, queries = folder / "support", folder / "queries"
    for place, (image, slot) in enumerate(zip(ids["support"], ids["support_labels"], strict=True)):
        write_image(dataset, image, support / f"slot {slot}" / f"{place:03}.png")
    for place, image in enumerate(ids["query"]):
        write_image(dataset, image, queries / f"{place:03}.png")
    nonce = Nonce(bytes.fromhex(run.manifest["nonce"]))
    answers = [f"slot {slot}" for slot in ids["predicted"]]
    return WrittenEpisode(support, queries, answers, nonce.number("seed", number))


def write_image(dataset: OpenDataset, image: int, file: Path) -> None:
    """Write the pixels of an image of a data set, or the bytes of a picture, as they are."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if at_own_size(dataset.image_shape):
        file.write_bytes(dataset.pixels.content(image))
        return
    pixels = dataset.pixels[image]
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file)
