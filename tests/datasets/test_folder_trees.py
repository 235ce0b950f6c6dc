"""Any tree of files is read whole: each file is a class's image, or told. None is silently gone."""

from __future__ import annotations

import io
import os
import re
from contextlib import suppress
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from benchbench.datasets.decoded import DecodedClass
from benchbench.datasets.folder import Folder
from benchbench.datasets.folder_splits import split_files
from benchbench.datasets.reading.contents import contents_of
from benchbench.datasets.reading.file_tree import FileTree
from benchbench.datasets.tables.file_states import state_of
from benchbench.errors import BenchbenchError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other names and links")


def encoded(encoding: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (2, 2), (255, 0, 0)).save(file, encoding)
    return file.getvalue()


FOLDERS = [
    *("train", "Valid", "test", "TEST", "validation", "images", ".git", "__MACOSX"),
    *("cat", "Cat", "dog", "caf\u00e9", "cafe\u0301", os.fsdecode(b"gro\xdfe"), "new\nline"),
]
FILES = [
    *(
        "1.png",
        "1.PNG",
        "2.jpg",
        "3.jfif",
        "4.avif",
        "5",
        "6.jpg_large",
        "7.txt",
        "8.tif",
        "splits",
    ),
    *(".hidden.png", "Thumbs.db", "splits.json", os.fsdecode(b"\xe9t\xe9.png"), "9.gif", "a.h5"),
]
CONTENTS = [
    *(b"", b"text", b"{}", b'{"train": ["cat"], "test": ["dog"]}'),
    *map(encoded, ("PNG", "JPEG", "TIFF")),
    encoded("PNG")[:30],
]
PATHS = st.builds(
    lambda folders, file: "/".join([*folders, file]),
    st.lists(st.sampled_from(FOLDERS), max_size=3),
    st.sampled_from(FILES),
)
LINKS = st.tuples(
    st.lists(st.sampled_from(FOLDERS), min_size=1, max_size=2).map("/".join),
    st.sampled_from(["store", "store/cat", "tree", "tree/cat", "nowhere"]),
)


@settings(max_examples=30)
@given(
    st.dictionaries(PATHS, st.sampled_from(CONTENTS), max_size=14),
    st.lists(LINKS, max_size=3),
    st.sampled_from(["auto", "seed"]),
)
@example({"train/cat/1.png": CONTENTS[4], "test/1.png": CONTENTS[4]}, [("dog", "store")], "seed")
@example({"splits.json": CONTENTS[4], "train/1.png": b""}, [], "seed")
def test_every_file_is_an_image_or_told(
    files: dict[str, bytes], links: list[tuple[str, str]], split: Literal["auto", "seed"]
) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        write(root / "store", {"cat/1.png": CONTENTS[4], "cat/deep/2": CONTENTS[5], "3.txt": b""})
        write(root / "tree", files)
        for name, target in links:
            link(root / "tree" / name, root / target)
        dataset = Folder(str(root / "tree"), size=2, colour="rgb", split=split)
        try:
            classes = [pending.load() for pending in dataset.decode([root / "tree"])]
        except BenchbenchError:  # no class, or folders that do not fit
            return
        remarks = dataset.taken_remarks()
        assert accounted(classes, remarks, root / "tree") == reached(root / "tree", root / "store")
        unreadable = chain.from_iterable(each.unreadable for each in classes)
        for text in (*remarks, *unreadable, *(each.name for each in classes)):
            text.encode()
        state_of(root / "tree")


def write(root: Path, files: dict[str, bytes]) -> None:
    root.mkdir()
    for name, content in files.items():
        path = root / name
        with suppress(OSError):  # a file may be where a folder belongs
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def link(path: Path, target: Path) -> None:
    with suppress(OSError):  # something else may be there
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


def reached(tree: Path, store: Path) -> int:
    """The files in the tree, and those of the store that a link outside hidden folders leads to."""
    files, entered = 0, set()
    for folder, folders, names in os.walk(tree):
        files += len(names)
        for path in (Path(folder, name) for name in folders):
            target = path.resolve()
            hidden = {"__MACOSX", ".git"} & set(path.relative_to(tree).parts)
            if path.is_symlink() and target.is_relative_to(store) and not hidden:
                entered |= {Path(below) for below, _, _ in os.walk(target)}
    return files + sum(not path.is_dir() for folder in entered for path in folder.iterdir())


def accounted(classes: list[DecodedClass], remarks: list[str], tree: Path) -> int:
    """The images, the unreadable files, what the remarks count and the file of the splits."""
    told = re.compile(r"(\d+) (files? (is|are) no images? and|images? .* left out\.)")
    counts = [int(found[1]) for remark in remarks if (found := told.match(remark))]
    known = sum(len(each.images) + len(each.unreadable) for each in classes)
    files = FileTree(tree)
    return known + sum(counts) + len({*split_files(files)[:1]} - {*contents_of(files).images})
