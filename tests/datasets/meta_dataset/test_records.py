"""A source from `.tfrecords` of Meta-Dataset's conversion, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.sentences import one_sentence
from support.tfrecord_writer import encoded, example, framed, plain, write_class

from benchbench.datasets.meta_dataset.records import read_records, records_folder
from benchbench.datasets.meta_dataset.spec import SourceSpec
from benchbench.datasets.reading.file_tree import UnreadableImageError

SPEC = SourceSpec(
    name="dtd",
    title="Textures",
    classes={"train": ["braided"], "val": ["dotted"], "test": ["lined"]},
    images_per_class={"braided": 3, "dotted": 2, "lined": 1},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, (name, count) in enumerate(SPEC.images_per_class.items()):
        images = [plain(50 * label + image) for image in range(count)]
        write_class(tmp_path / "dtd" / f"{label}.tfrecords", label, images)
        assert SPEC.class_names[label] == name
    names = {str(label): name for label, name in enumerate(SPEC.class_names)}
    spec = {"name": "dtd", "class_names": names}
    (tmp_path / "dtd" / "dataset_spec.json").write_text(json.dumps(spec), encoding="utf-8")
    return tmp_path / "dtd"


def test_images_are_read_in_their_order(folder: Path) -> None:
    files = read_records(folder, SPEC)
    greys = {
        name: [int(np.asarray(files.load(one))[0, 0, 0]) for one in files.images[name]]
        for name in files.images
    }
    assert greys == {"braided": [0, 1, 2], "dotted": [50, 51], "lined": [100]}
    assert files.groups is None


def test_records_folder_is_found_itself_and_one_level_up(folder: Path) -> None:
    assert records_folder(folder, "dtd") == folder
    assert records_folder(folder.parent, "dtd") == folder
    assert records_folder(folder.parent, "fungi") is None
    assert records_folder(folder / "1.tfrecords", "dtd") is None


def test_absent_file_is_an_absent_class(folder: Path) -> None:
    (folder / "1.tfrecords").unlink()
    images = read_records(folder, SPEC).images
    assert list(images) == ["braided", "lined"]
    assert "dotted" not in images
    assert len(images) == 2


def test_without_a_specification_the_order_of_the_spec_counts(folder: Path) -> None:
    (folder / "dataset_spec.json").unlink()
    assert list(read_records(folder, SPEC).images) == SPEC.class_names


def test_other_classes_than_published(folder: Path) -> None:
    spec = {"class_names": {"0": "braided", "1": "lined", "2": "dotted"}}
    (folder / "dataset_spec.json").write_text(json.dumps(spec), encoding="utf-8")
    with one_sentence(r"other classes than .* dtd \(class 1 is 'lined' instead of 'dotted'\);"):
        read_records(folder, SPEC)


def test_missing_and_further_classes_are_other_classes(folder: Path) -> None:
    for names in ({"0": "braided"}, dict(enumerate([*SPEC.class_names, "new"]))):
        text = json.dumps({"class_names": names})
        (folder / "dataset_spec.json").write_text(text, encoding="utf-8")
        with one_sentence("other classes than the published dtd"):
            read_records(folder, SPEC)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"class_names": [1]}', '{"class_names": {"x": "y"}}', "\udcff"]
)
def test_malformed_specification(folder: Path, text: str) -> None:
    content = text.encode("utf-8", "surrogateescape")
    (folder / "dataset_spec.json").write_bytes(content)
    with one_sentence(r"dataset_spec.json is not a dataset specification"):
        read_records(folder, SPEC)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"\x0a\x05ab", r"1.tfrecords holds no tf.train.Example at record 0; copy or convert"),
        (b"\x08\x01", r"Record 0 of .*1.tfrecords has 0 values of 'label' instead of one"),
        (b"", r"Record 0 of .*1.tfrecords has 0 values of 'label' instead of one"),
        (
            example({"label": [2], "image": [encoded(plain(1))]}),
            r"Record 0 of .*1.tfrecords has label 2 instead of 1; convert it again",
        ),
        (example({"label": [1], "image": []}), "has 0 values of 'image' instead of one"),
        (example({"label": [1], "image": [b"a", b"b"]}), "has 2 values of 'image' instead of one"),
        (example({"label": [1], "image": [5]}), "has an image that is not a file"),
    ],
    ids=["no field", "no text", "empty", "label", "no image", "two images", "number"],
)
def test_record_of_something_else(folder: Path, record: bytes, reason: str) -> None:
    (folder / "1.tfrecords").write_bytes(framed(record))
    files = read_records(folder, SPEC)
    with one_sentence(reason):
        files.load(files.images["dotted"][0])


def test_image_that_cannot_be_decoded_is_named(folder: Path) -> None:
    broken = encoded(plain(1))[:40]
    (folder / "1.tfrecords").write_bytes(framed(example({"label": [1], "image": [broken]})))
    files = read_records(folder, SPEC)
    with pytest.raises(UnreadableImageError, match=r"1\.tfrecords record 0"):
        files.load(files.images["dotted"][0])
