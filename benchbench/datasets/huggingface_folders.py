"""A folder of images or tables, looked at before the library `datasets` reads it.

The library takes every path with a word such as `train` in it for a part of a split, and leaves all
other files out without a word. So class folders of images are read without it, and it is said which
tables it leaves out.
"""

from __future__ import annotations

import glob
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from benchbench.datasets.attributes import ATTRIBUTE_FILE
from benchbench.datasets.folder_splits import files_around
from benchbench.datasets.integrity.checks import plural, some
from benchbench.datasets.reading.contents import contents_of
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, shown
from benchbench.datasets.split_places import (
    by_folder,
    labelled,
    owners_of_splits,
    put_together,
    split_points,
    without_label,
)
from benchbench.errors import BenchbenchError, unknown_name

TABLES = {".parquet", ".arrow", ".csv", ".tsv", ".json", ".jsonl"}

METADATA = {"metadata.csv", "metadata.jsonl", "metadata.parquet"}
"""The library's names of a table of labels beside images."""

DESCRIBED = re.compile(rb"\A\s*---.*?^(configs|dataset_info):", re.DOTALL | re.MULTILINE)
"""A README.md that says itself which files are what."""

OTHER = "other"
"""The split of images beside split folders."""


@dataclass(frozen=True)
class ClassFolders:
    """The images by the name of the folder that they are in, and files that may not be read.

    homes: by class, the split of each image.
    """

    classes: dict[str, list[TreeFile]]
    unreadable: list[str]
    homes: dict[str, list[str]]


def class_folders(
    name: str, folder: Path, splits: Sequence[str] | None, remark: Callable[[str], None]
) -> ClassFolders | None:
    """The class folders of images below a folder; None if it has tables, or no class folder.

    name: what messages call it; splits: those whose images are used, by default all, as the library
    names them; remark: is told what was left out or guessed. Raises BenchbenchError for an unknown
    split.
    """
    tree = FileTree(folder)
    contents = contents_of(tree)
    images = [path for path in contents.images if "/" in path]
    if len(_tables(tree)) >= len(images) or _is_described(tree):
        return None
    read_too = files_around(tree, ATTRIBUTE_FILE)[:1]
    for sentence in (*contents.remarks(but=read_too), *contents.unread_folders()):
        remark(sentence)
    if loose := len(contents.images) - len(images):
        remark(f"{plural(loose, 'image', 'images')} in no class folder, left out.")
    folder_of = _class_folder_of(images, splits, remark)
    by_split = _by_split(list(folder_of))
    for split in splits or ():
        if split not in by_split:
            raise unknown_name(f"split of {name}", split, by_split)
    classes: dict[str, list[TreeFile]] = {}
    homes: dict[str, list[str]] = {}
    places: dict[tuple[str, str], set[str]] = {}
    for split in splits or by_split:
        for path in by_split[split]:
            place, label = posixpath.split(shown(folder_of[path]))
            classes.setdefault(label, []).append(TreeFile(tree, path))
            homes.setdefault(label, []).append(split)
            places.setdefault((label, split), set()).add(place)
    joined = sorted({label for (label, _), several in places.items() if len(several) > 1})
    if joined:
        what = plural(len(joined), "class has", "classes have")
        remark(f"{what} images of several folders of one name: {some(joined)}.")
    return ClassFolders(dict(sorted(classes.items())), contents.unreadable, homes)


def _class_folder_of(
    images: Sequence[str], splits: Sequence[str] | None, remark: Callable[[str], None]
) -> dict[str, str]:
    """The folder of each image's class; images without a label are left out, as in `folder:`.

    It is the folder that the image is in, or around this if the class has split folders inside.
    """
    folders = by_folder(images)
    unlabelled: dict[str, list[str]] = {}
    for point in split_points(folders):
        for name, files in labelled(folders, point)[1].items():
            unlabelled[shown(point + name)] = files
    for sentence in without_label(unlabelled):
        remark(sentence)
    owners = {folder: owner for folder, owner in owners_of_splits(folders).items() if owner}
    if splits is None or len(splits) > 1:
        for sentence in put_together(owners):
            remark(sentence)
    found = {
        path: owners.get(folder, folder) for folder, files in folders.items() for path in files
    }
    left_out = set(chain.from_iterable(unlabelled.values()))
    return {path: found[path] for path in images if path not in left_out}


def read_folder(name: str, folder: Path, config: str | None, remark: Callable[[str], None]) -> Any:
    """What the library makes of a folder; `remark` is told which tables it leaves out.

    Raises BenchbenchError, or any error of the library.
    """
    import datasets

    tree = FileTree(folder)
    if not glob.has_magic(str(folder)):
        if config is None and not _is_described(tree):
            _remark_left_out(tree, remark)
        return datasets.load_dataset(str(folder), config)
    if config is not None or _is_described(tree):
        raise BenchbenchError(
            f"{name} cannot be loaded: the library takes its path for a pattern, because of one of "
            "the signs * ? [; rename the folder."
        )
    files = {
        split: [glob.escape(str(folder / path)) for path in paths]
        for split, paths in _by_split(tree.names).items()
    }
    return datasets.load_dataset(str(folder), data_files=files)


def _remark_left_out(tree: FileTree, remark: Callable[[str], None]) -> None:
    """Name the tables that belong to no split, if others do."""
    from datasets.data_files import DataFilesDict, EmptyDatasetError, get_data_patterns

    base = tree.path.resolve()
    try:
        found = DataFilesDict.from_patterns(get_data_patterns(str(base)), base_path=str(base))
    except EmptyDatasetError:
        return
    used = {path for paths in found.values() for path in paths}
    left = [table for table in _tables(tree) if str(base / table) not in used]
    if left and len(left) < len(_tables(tree)):
        what = plural(len(left), "table", "tables")
        splits = ", ".join(map(str, found))
        remark(f"{what} whose names belong to no split ({splits}), left out: {some(left)}.")


def _tables(tree: FileTree) -> list[str]:
    """The files that the library would read as tables; all of them if some are about images."""
    tables = [
        path
        for path in tree.names
        if posixpath.splitext(path)[1].lower() in TABLES and "/." not in f"/{path}"
        if posixpath.basename(path) != ATTRIBUTE_FILE
    ]
    return tree.names if any(posixpath.basename(path) in METADATA for path in tables) else tables


def _is_described(tree: FileTree) -> bool:
    return "README.md" in tree.names and bool(DESCRIBED.match(tree.read("README.md")))


def _by_split(paths: Sequence[str]) -> dict[str, list[str]]:
    """The files of each split, in the library's order; all are of `train` if some have no split.

    A split is a folder at the top that has folders, beside which there is `OTHER`; or it is a word
    that each of the paths has, in the names of its folders or of its file.
    """
    around = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    start = len(around) + 1 if around else 0
    at_top = {path: _split_of(_outer(path[start:]), whole=True) for path in paths}
    if any(at_top.values()):
        return _grouped({path: split or OTHER for path, split in at_top.items()})
    for part in (posixpath.dirname, posixpath.basename):
        in_words = {path: _split_of(part(path[start:]), whole=False) for path in paths}
        if all(in_words.values()):
            return _grouped(in_words)
    return {"train": list(paths)}


def _outer(path: str) -> str:
    """The folder at the top of a path, if it has folders."""
    return path.partition("/")[0] if path.count("/") > 1 else ""


def _split_of(name: str, whole: bool) -> str:
    """The split whose word is in a name, or is the whole name in any case; empty if it is none."""
    from datasets.data_files import NON_WORDS_CHARS, SPLIT_KEYWORDS

    for split, words in SPLIT_KEYWORDS.items():
        either = "|".join(words)
        between = rf"[{NON_WORDS_CHARS}/]"
        if whole and re.fullmatch(either, name, re.IGNORECASE):
            return str(split)
        if not whole and re.search(rf"(?:^|{between})(?:{either})(?:{between}|$)", name):
            return str(split)
    return ""


def _grouped(split_of: Mapping[str, str]) -> dict[str, list[str]]:
    order = ("train", "validation", "test", OTHER)
    found = {split: [path for path, home in split_of.items() if home == split] for split in order}
    return {split: members for split, members in found.items() if members}
