"""Meta-Album's layout: small data sets with the columns that `info.json` names."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.clip_trees import picture
from support.opened import greys_by_class, open_from, split_sizes
from support.sentences import one_sentence

from benchbench.datasets.meta_album import MetaAlbum
from benchbench.datasets.open_dataset import OpenDataset

ROWS = [
    ("owl_1.jpg", "owl", "birds", 10),
    ("owl_0.jpg", "owl", "birds", 20),
    ("cat_0.jpg", "cat", "mammals", 30),
    ("hen_0.jpg", "hen", "birds", 40),
]


def written(root: Path, separator: str = ",", columns: tuple[str, ...] = (), **info: Any) -> Path:
    """A data set of three categories; columns: the names of file, category, super-category."""
    top = root / "data" / "BRD_Mini"
    header = columns or ("FILE_NAME", "CATEGORY", "SUPER_CATEGORY")
    lines = [separator.join(header)]
    for file, label, parent, grey in ROWS:
        picture(top / "images" / file, grey)
        lines.append(separator.join((file, label, parent)[: len(header)]))
    (top / "labels.csv").write_text("\n".join(lines) + "\n")
    (top / "info.json").write_text(json.dumps({"dataset_name": "birds", **info}))
    return top


def opened(root: Path, **parameters: Any) -> OpenDataset:
    return open_from(root / "data", MetaAlbum("BRD_Mini", **{"size": 4, **parameters}))


GREYS = {"cat": [30], "hen": [40], "owl": [20, 10]}


def test_categories_are_classes_below_their_super_categories(tmp_path: Path) -> None:
    written(tmp_path)
    dataset = opened(tmp_path, val=0.0, test=1.0)
    assert greys_by_class(dataset) == GREYS
    assert dataset.hierarchy == [("mammals",), ("birds",), ("birds",)]
    assert split_sizes(dataset) == (0, 0, 3)
    assert (dataset.parts, dataset.unreadable) == (None, [])


def test_info_names_columns_and_separator(tmp_path: Path) -> None:
    names = {"image_column_name": "file", "category_column_name": "kind"}
    written(tmp_path, "\t", ("file", "kind"), csv_with_tab=True, **names)
    dataset = opened(tmp_path)
    assert greys_by_class(dataset) == GREYS
    assert dataset.hierarchy is None


def test_what_is_missing_or_not_listed_is_counted(tmp_path: Path) -> None:
    images = written(tmp_path) / "images"
    (images / "owl_1.jpg").rename(images / "owl_9.jpg")
    dataset = opened(tmp_path)
    assert greys_by_class(dataset) == GREYS | {"owl": [20]}
    assert dataset.unreadable == ["owl_1.jpg"]
    said = "1 image is not in labels.csv and left out: images/owl_9.jpg."
    assert said in dataset.remarks


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("labels.csv", None, "has 0 files labels.csv instead of one"),
        ("info.json", None, "has no info.json; copy or download it again"),
        ("info.json", "[]", "labels.csv and info.json of .* do not fit each other"),
        ("info.json", '{"csv_with_tab": true}', "labels.csv and info.json of .* do not fit"),
        ("labels.csv", "FILE_NAME,CATEGORY\na.jpg,owl\n", "has none of the images that labels.csv"),
    ],
)
def test_what_is_no_data_set_of_meta_album(
    tmp_path: Path, file: str, content: str | None, says: str
) -> None:
    top = written(tmp_path)
    (top / file).unlink()
    if content is not None:
        (top / file).write_text(content)
    with one_sentence(says):
        opened(tmp_path)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with one_sentence("There is no folder or archive BRD_Mini"):
        opened(tmp_path)


def test_pictures_may_keep_their_own_size(tmp_path: Path) -> None:
    top = written(tmp_path)
    dataset = opened(tmp_path, val=0.0, test=1.0, size="native")
    files = {file.read_bytes() for file in (top / "images").iterdir()}
    assert {dataset.pixels.content(number) for number in range(4)} == files
