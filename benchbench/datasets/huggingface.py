"""Image data sets of Hugging Face: of the hub, saved on disk, or a folder that it understands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from benchbench.datasets.base import Dataset, DecodedClass, PendingClass, splits_by_name
from benchbench.datasets.folder import are_words, class_lists
from benchbench.datasets.random_split import TEST_SHARE, VAL_SHARE, check_shares, deal_classes
from benchbench.datasets.reading.images import as_array, decode_all, mode_for, resize
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.registry.bounds import Pixels, Seed, Share
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.places import Places, expanded


@dataclass
class HuggingFace(Dataset):
    """Images of Hugging Face, `hf:NAME` of the hub, or `hf:PATH` of a folder on disk.

    source: `cifar100`, `user/name`, or a folder: one that `save_to_disk` wrote, or one that
        `datasets.load_dataset` reads, such as class folders of images or Parquet files.
    image, label: the columns; they may be omitted if there is one `Image` column, and one
        `ClassLabel` column or else one of text or whole numbers.
    config, revision: of a name at the hub, as `datasets.load_dataset` takes them.
    hf_split: the splits whose rows are used, joined by `+`; none is all of them. They only choose
        rows: the classes have splits of their own.
    size: pixels of the square image that each is resized to (Pillow, bilinear).
    colour: `auto` keeps three channels unless every image is grey; or `grey`, or `rgb`.
    splits: a JSON file {"train": [class names], "val": [...], "test": [...]}; none is a random
        split.
    val, test, seed: the shares of the classes in a random split, and its seed, as in `folder`.
    """

    name: ClassVar[str] = "hf"
    argument: ClassVar[str] = "source"
    source: str
    image: str | None = None
    label: str | None = None
    config: str | None = None
    hf_split: tuple[str, ...] | None = None
    revision: str | None = None
    size: Pixels = 84
    colour: Literal["auto", "grey", "rgb"] = "auto"
    splits: str | None = None
    val: Share = VAL_SHARE
    test: Share = TEST_SHARE
    seed: Seed = 0

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ValueError("needs a name of the hub or a folder")
        if self.size < 1:
            raise ValueError("size must be at least 1 pixel")
        check_shares(self.val, self.test, self.seed)

    def sources(self, places: Places) -> list[Path]:
        """The folder, as given or below the data root; nothing for a name of the hub."""
        given = self.origin or expanded(self.source)
        for candidate in (given.absolute(), places.data_root / given):
            if candidate.is_dir():
                return [candidate]
            if candidate.exists():
                raise BenchbenchError(f"{candidate} is a file; name the folder that it is in.")
        if self.origin or self.source[0] in "./~" or self.source.count("/") > 1:
            raise BenchbenchError(f"There is no folder {given}.")
        return []

    def pixel_parameters(self) -> dict[str, Any]:
        of_the_split = ("splits", "val", "test", "seed")
        return {k: v for k, v in specs.parameters_of(self).items() if k not in of_the_split}

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        from benchbench.datasets.huggingface_rows import LabelledImages, load

        name = f"hf:{self.source}"
        source = sources[0] if sources else self.source
        table = load(name, source, self.config, self.revision, self.hf_split)
        images = LabelledImages(name, table, self.image, self.label)
        rows = [row for members in images.class_rows.values() for row in members]
        mode = mode_for(self.colour, images.is_grey, rows)
        shape = (self.size, self.size, len(mode))

        def decode(row: int) -> ByteArray:
            return as_array(resize(images.image(row, mode), self.size, "bilinear"))

        def load_class(class_name: str) -> DecodedClass:
            pixels, _, unreadable = decode_all(decode, images.class_rows[class_name], shape)
            return DecodedClass(class_name, pixels, unreadable=unreadable)

        for class_name in images.class_rows:
            yield PendingClass(class_name, partial(load_class, class_name))

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        if self.splits is None:
            return deal_classes(len(class_names), self.val, self.test, self.seed)
        file = expanded(self.splits)
        try:
            content = file.read_bytes()
        except OSError as error:
            reason = f"The split file {file} cannot be read: {error.strerror}."
            raise BenchbenchError(reason) from error
        return splits_by_name(class_names, class_lists(content, str(file)))

    def names_are_words(self, class_names: list[str]) -> bool:
        """False if every class is a number or an identifier such as n01532829."""
        return are_words(class_names)


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(HuggingFace)
