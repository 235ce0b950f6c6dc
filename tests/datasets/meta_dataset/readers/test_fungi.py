"""FGVCx Fungi: two lists in the form of COCO, classes numbered in four digits."""

import json
import tarfile

import pytest

RED, BROWN = "0000.Amanita muscaria", "0012.Xerocomus"


def table(files, first=1, **more):
    """A list of images given as (file, category)."""
    return {
        "images": [{"id": first + at, "file_name": file} for at, (file, _) in enumerate(files)],
        "annotations": [
            {"id": at, "image_id": first + at, "category_id": category}
            for at, (_, category) in enumerate(files)
        ],
        "categories": [{"id": 0, "name": "Amanita muscaria"}, {"id": 12, "name": "Xerocomus"}],
        **more,
    }


@pytest.fixture
def fungi(tmp_path, put):
    folder = tmp_path / "fungi"
    put(folder / "images", "b.JPG", "a.JPG", "sub/c.JPG", "unlisted.JPG")
    train = [("images/b.JPG", 0), ("images/sub/c.JPG", 12), ("images/absent.JPG", 12)]
    (folder / "train.json").write_text(json.dumps(table(train)))
    (folder / "val.json").write_text(json.dumps(table([("images/a.JPG", 0)], first=1)))
    return folder


def test_both_lists_are_read(fungi, read_from, greys):
    for path in (fungi, fungi.parent):
        files = read_from("fungi", path, RED, BROWN, "0013.Absent")
        assert greys(files, RED) == [1, 0]
        assert greys(files, BROWN) == [2]
        assert files.images["0013.Absent"] == []


def test_the_published_archives_are_read(fungi, tmp_path, read_from, greys):
    packed = tmp_path / "packed"
    packed.mkdir()
    with tarfile.open(packed / "fungi_train_val.tgz", "w:gz") as tar:
        tar.add(fungi / "images", "images")
    with tarfile.open(packed / "train_val_annotations.tgz", "w:gz") as tar:
        for name in ("train.json", "val.json"):
            tar.add(fungi / name, name)
    assert greys(read_from("fungi", packed, RED, BROWN), RED) == [1, 0]


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "images/../../x.jpg", "C:/x.jpg", "..\\x.jpg"],
)
def test_names_that_leave_the_folder_are_refused(name, fungi, refused):
    (fungi / "val.json").write_text(json.dumps(table([(name, 0)])))
    assert f"names the file '{name}', which is not below the folder" in refused("fungi", fungi, RED)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "has no list 'images' whose rows have id and file_name"),
        ("[" * 100_000, "is not JSON"),
        (json.dumps(table([], images=[{"id": 1}])), "has no list 'images'"),
        (json.dumps(table([], images=[{"id": "1", "file_name": "x"}])), "has no list 'images'"),
        (json.dumps(table([], annotations={})), "has no list 'annotations'"),
        (json.dumps(table([], categories=[1])), "has no list 'categories'"),
        (json.dumps(table([("images/a.JPG", 5)])), "does not give each image one"),
        (
            json.dumps(
                table([("x", 0)], annotations=[{"image_id": 1, "category_id": c} for c in (0, 12)])
            ),
            "does not give each image one",
        ),
        (
            json.dumps(table([], annotations=[{"image_id": 9, "category_id": 0}])),
            "does not give each image one",
        ),
    ],
)
def test_a_malformed_list_is_told(content, reason, fungi, refused):
    (fungi / "val.json").write_text(content)
    assert f"val.json in {fungi} {reason}" in refused("fungi", fungi, RED)


@pytest.mark.parametrize("name", ["val.json", "images"])
def test_what_is_absent_is_told(name, fungi, refused):
    (fungi / name).rename(fungi.parent / "elsewhere")
    assert f"{fungi} has no {name}" in refused("fungi", fungi, RED)
