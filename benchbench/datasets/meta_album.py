"""Data sets in the layout of Meta-Album: `images/`, `labels.csv` and `info.json`."""

from __future__ import annotations

import io
import json
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from benchbench.datasets.base import Dataset
from benchbench.datasets.class_words import are_words
from benchbench.datasets.decoded import DecodedClass, PendingClass
from benchbench.datasets.image_files import names_of
from benchbench.datasets.integrity.checks import plural, some
from benchbench.datasets.random_split import TEST_SHARE, VAL_SHARE, check_shares, deal_classes
from benchbench.datasets.reading.conversion import WHITE
from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.file_tree import FileTree, TreeFile
from benchbench.datasets.reading.pictures import Pictures
from benchbench.errors import BenchbenchError
from benchbench.registry.bounds import Seed, Share, Side
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import IntArray
from benchbench.system.places import Places, expanded

COLUMNS = {
    "image_column_name": "FILE_NAME",
    "category_column_name": "CATEGORY",
    "super_category_column_name": "SUPER_CATEGORY",
}
"""The keys of `info.json` that name columns of `labels.csv`, and what these are called else."""

TAB = "csv_with_tab"
"""The key that says whether tabs separate the columns."""


@dataclass
class MetaAlbum(Dataset):
    """One data set of Meta-Album (Ullah et al., NeurIPS 2022), `meta_album:PATH`.

    path: a folder or archive with `labels.csv`, `info.json` and `images/`, as given or below the
        data root. Super-categories are the parents of the classes.
    size: pixels of the square that each image is resized to (Pillow, bilinear); or `native`, which
        keeps each picture as it is, for a backbone that comes with weights.
    val, test, seed: the shares of the classes in a random split, and its seed, as in `folder`.
    """

    name: ClassVar[str] = "meta_album"
    argument: ClassVar[str] = "path"
    licence: ClassVar[str] = "of each data set its own, which its info.json or page states"
    citation: ClassVar[str] = "Ullah et al., Meta-Album, NeurIPS 2022"
    path: str
    size: Side = 128
    val: Share = VAL_SHARE
    test: Share = TEST_SHARE
    seed: Seed = 0

    def __post_init__(self) -> None:
        check_shares(self.val, self.test, self.seed)

    def sources(self, places: Places) -> list[Path]:
        """The path as given, else below the data root."""
        given = self.origin or expanded(self.path)
        found = places.located(given)
        if found is None:
            raise BenchbenchError(f"There is no folder or archive {given}.")
        return [found]

    def pixel_parameters(self) -> dict[str, Any]:
        return {"size": self.size}

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        tree = FileTree(sources[0])
        labels = read_labels(tree)
        found, missing = _located(tree, labels)
        if not any(found.values()):
            raise copy_again(f"{tree.path} has none of the images that labels.csv names")
        self._remark_unlisted(tree, found)
        pictures = Pictures(
            [file for files in found.values() for file in files], self.size, "rgb", WHITE
        )

        def load(label: str) -> DecodedClass:
            images, _, unreadable, changes = pictures.decoded(found[label])
            return DecodedClass(
                label,
                images,
                labels.parents[label],
                unreadable=[*unreadable, *missing[label]],
                changes=changes,
            )

        def names(label: str) -> list[str]:
            return [*names_of(found[label]), *missing[label]]

        for label in found:
            yield PendingClass(label, partial(load, label), partial(names, label))

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        return deal_classes(len(class_names), self.val, self.test, self.seed)

    def names_are_words(self, class_names: list[str]) -> bool:
        """False if most categories are numbers or identifiers."""
        return are_words(class_names)

    def _remark_unlisted(self, tree: FileTree, found: dict[str, list[TreeFile]]) -> None:
        listed = {file.name for files in found.values() for file in files}
        if rest := [name for name in tree.image_names() if name not in listed]:
            what = plural(len(rest), "image is", "images are")
            self.remark(f"{what} not in labels.csv and left out: {some(rest)}.")


@dataclass(frozen=True)
class Labels:
    """folder: around `labels.csv`, with a slash; files, parents: by category, sorted."""

    folder: str
    files: dict[str, list[str]]
    parents: dict[str, tuple[str, ...]]


def read_labels(tree: FileTree) -> Labels:
    """The images of each category by `labels.csv`, whose columns `info.json` names.

    Raises BenchbenchError if one of the two is missing or something else.
    """
    import pandas as pd

    tables = [name for name in tree.names if posixpath.basename(name) == "labels.csv"]
    if len(tables) != 1:
        raise BenchbenchError(
            f"{tree.path} has {len(tables)} files labels.csv instead of one; name the folder of "
            "one data set of Meta-Album."
        )
    folder = posixpath.dirname(tables[0])
    folder = f"{folder}/" if folder else ""
    try:
        info = json.loads(tree.read(f"{folder}info.json"))
        named = {key: str(info.get(key) or default) for key, default in COLUMNS.items()}
        file, label, parent = named.values()
        content = io.BytesIO(tree.read(tables[0]))
        separator = "\t" if info.get(TAB) else ","
        table = pd.read_csv(content, sep=separator, dtype=str, keep_default_na=False)
        table = table.sort_values([label, file])
        files = {str(name): rows[file].tolist() for name, rows in table.groupby(label)}
        parents: dict[str, tuple[str, ...]] = dict.fromkeys(files, ())
        if parent in table:
            first = table.drop_duplicates(label).set_index(label)[parent].to_dict()
            parents = {name: (first[name],) if first[name] else () for name in files}
    except FileNotFoundError as error:
        raise copy_again(f"{tree.path} has no {folder}info.json") from error
    except (ValueError, KeyError, AttributeError) as error:
        raise copy_again(
            f"labels.csv and info.json of {tree.path} do not fit each other"
        ) from error
    return Labels(folder, files, parents)


def _located(
    tree: FileTree, labels: Labels
) -> tuple[dict[str, list[TreeFile]], dict[str, list[str]]]:
    """By category, its images in `images/` or beside that, and those that are not there."""
    names = set(tree.image_names())
    found: dict[str, list[TreeFile]] = {label: [] for label in labels.files}
    missing: dict[str, list[str]] = {label: [] for label in labels.files}
    for label, files in labels.files.items():
        for file in files:
            places = (f"{labels.folder}images/{file}", f"{labels.folder}{file}")
            place = next((place for place in places if place in names), None)
            if place is None:
                missing[label].append(file)
            else:
                found[label].append(TreeFile(tree, place))
    return found, missing


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(MetaAlbum)
