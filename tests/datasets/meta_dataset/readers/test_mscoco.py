"""MSCOCO: objects cut out of their photographs, the box enlarged 1.2 times."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.datasets.meta_dataset.readers.mscoco import enlarged
from benchbench.datasets.reading.file_tree import UnreadableImageError

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 90, "name": "toothbrush"}]


def box(image, category, values, **more):
    return {"image_id": image, "category_id": category, "bbox": values, "iscrowd": 0, **more}


def write(folder, *annotations):
    folder.mkdir(parents=True, exist_ok=True)
    content = {"images": [], "annotations": annotations, "categories": CATEGORIES}
    (folder / "instances_train2017.json").write_text(json.dumps(content))


@pytest.fixture
def coco(tmp_path, gradient):
    folder = tmp_path / "coco"
    for number in (7, 9):
        gradient(folder / "train2017" / f"{number:012d}.jpg", 100, 80)
    write(
        folder / "annotations",
        box(9, 1, [20, 10, 20, 10], segmentation=[[1, 2, 3, 4]]),
        box(7, 1, [0, 0, 10, 10]),
        box(9, 1, [90.0, 75.0, 10.0, 5.0], iscrowd=1),
        box(7, 90, [120, 10, 5, 5]),
        box(8, 90, [1, 1, 5, 5]),
    )
    return folder


def test_boxes_are_enlarged_and_clipped(coco, read_from):
    for path in (coco, coco.parent):
        files = read_from("mscoco", path, "person", "toothbrush")
        cut = [np.asarray(files.load(ref)) for ref in files.images["person"]]
        spans = [(a[0, 0, :2].tolist(), a[-1, -1, :2].tolist()) for a in cut]
        # The photograph 7 comes first, then the objects of 9 as they are annotated: 20 to 40 grows
        # to 18 to 42, and 10 to 20 grows to 9 to 21.
        assert spans == [([0, 0], [10, 10]), ([18, 8], [42, 20]), ([88, 74], [99, 79])]


def test_a_box_outside_its_photograph_is_unreadable(coco, read_from):
    files = read_from("mscoco", coco, "person", "toothbrush")
    assert len(files.images["toothbrush"]) == 1  # the photograph of the other is absent
    with pytest.raises(UnreadableImageError, match=r"000000000007\.jpg"):
        files.load(files.images["toothbrush"][0])


def meta_dataset_crop(values, size):
    """Meta-Dataset's steps one by one: scale, subtract a half, round, add one, clip."""
    x, y, w, h = values
    x, w = x - 0.5 * w * (1.2 - 1.0), w * 1.2
    y, h = y - 0.5 * h * (1.2 - 1.0), h * 1.2
    return (
        max(round(x - 0.5), 0),
        max(round(y - 0.5), 0),
        min(round(x + w - 0.5) + 1, size[0]),
        min(round(y + h - 0.5) + 1, size[1]),
    )


@given(
    st.tuples(*[st.integers(0, 64_000).map(lambda n: n / 100)] * 4),
    st.tuples(st.integers(1, 640), st.integers(1, 640)),
)
def test_the_corners_are_those_of_the_published_conversion(values, size):
    found, published = enlarged(values, size), meta_dataset_crop(values, size)
    assert np.abs(np.subtract(found, published)).max() <= 1
    near = [
        abs((edge - 0.5) % 1 - 0.5)
        for at, length in zip(values[:2], values[2:], strict=True)
        for edge in (at - 0.1 * length - 0.5, at + 1.1 * length - 0.5)
    ]
    if min(near) > 1e-6:  # no edge that the last bit of a float could round either way
        assert found == published


def test_the_published_archives_are_read(coco, tmp_path, read_from):
    packed = tmp_path / "packed"
    for name, folder in (("train2017", "train2017"), ("annotations_trainval2017", "annotations")):
        shutil.make_archive(str(packed / name), "zip", coco, folder)
    assert len(read_from("mscoco", packed, "person").images["person"]) == 3


@pytest.mark.parametrize(
    "values", [None, [1, 2, 3], [1, 2, 3, "4"], "1234", [0, 0, 1, float("nan")], {"x": 1}]
)
def test_a_malformed_box_is_told(values, coco, refused):
    write(coco / "annotations", box(7, 1, values))
    assert f"in {coco} has the bbox {values!r}" in refused("mscoco", coco, "person")


@pytest.mark.parametrize("number", ["../../etc/passwd", "/etc/passwd", 7.0, None, True])
def test_a_photograph_is_a_number(number, coco, refused):
    write(coco / "annotations", box(number, 1, [0, 0, 1, 1]))
    text = refused("mscoco", coco, "person")
    assert "no list 'annotations' whose rows have image_id and category_id" in text


def test_what_is_absent_is_told(coco, refused):
    (coco / "annotations").rename(coco.parent / "elsewhere")
    assert "has no instances_train2017.json; MSCOCO" in refused("mscoco", coco, "person")
    shutil.rmtree(coco / "train2017")
    assert "has no train2017/; MSCOCO" in refused("mscoco", coco, "person")
