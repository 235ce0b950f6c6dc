"""Columns, labels and images of tables of the library `datasets`."""

import io
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image
from support import image_tables
from support.image_tables import CLASS, NAMES, NUMBER, TEXT, columns, opened_table, picture, table
from support.opened import greys_by_class
from support.sentences import one_sentence


def test_classes_are_in_the_order_of_the_class_label(tmp_path: Path) -> None:
    dataset = opened_table(tmp_path, table([10, 20, 30, 40, 50], [2, 0, 2, 1, 0]))
    assert dataset.class_names == NAMES
    assert greys_by_class(dataset) == {"owl": [20, 50], "cat": [40], "dog": [10, 30]}
    assert dataset.image_shape == (4, 4, 1)
    assert dataset.names_are_words
    assert dataset.unreadable == []


@pytest.mark.parametrize(
    ("kind", "labels", "names", "words"),
    [
        (TEXT, ["emu", "ape", "emu"], {"ape": [20], "emu": [10, 30]}, True),
        (NUMBER, [10, 9, 10], {"9": [20], "10": [10, 30]}, False),
        (datasets.Value("uint8"), [2, 1, 2], {"1": [20], "2": [10, 30]}, False),
        (datasets.Value("large_string"), ["b", "a", "b"], {"a": [20], "b": [10, 30]}, False),
    ],
)
def test_text_and_numbers_are_labels(tmp_path, kind, labels, names, words) -> None:
    dataset = opened_table(tmp_path, table([10, 20, 30], labels, kind))
    assert greys_by_class(dataset) == names
    assert list(greys_by_class(dataset)) == list(names)
    assert dataset.names_are_words is words


@pytest.mark.parametrize(
    ("kind", "labels"), [(CLASS, [0, -1, None, 1]), (TEXT, ["owl", None, None, "cat"])]
)
def test_rows_without_a_label_are_left_out(tmp_path, kind, labels, capsys) -> None:
    dataset = opened_table(tmp_path, table([10, 20, 30, 40], labels, kind))
    assert greys_by_class(dataset) == {"owl": [10], "cat": [40]}
    assert "2 rows without a label, left out." in capsys.readouterr().err


def test_a_class_without_images_is_left_out(tmp_path: Path) -> None:
    assert opened_table(tmp_path, table([1, 2], [2, 0])).class_names == ["owl", "dog"]


def two_of_each() -> datasets.Dataset:
    return columns(
        picture=(datasets.Image(), [picture(10), picture(20)]),
        photo=(datasets.Image(), [picture(30), picture(40)]),
        kind=(CLASS, [0, 1]),
        family=(datasets.ClassLabel(names=["bird", "pet"]), [1, 0]),
        weight=(datasets.Value("float64"), [0.5, 1.5]),
    )


def test_columns_that_are_named(tmp_path: Path) -> None:
    dataset = opened_table(tmp_path, two_of_each(), image="photo", label="family")
    assert greys_by_class(dataset) == {"bird": [40], "pet": [30]}
    other = image_tables.opened(tmp_path / "set", tmp_path, image="picture", label="kind")
    assert greys_by_class(other) == {"owl": [10], "cat": [20]}


TEXT_AND_NUMBER = table([10, 20], [0, 1], NUMBER).add_column("caption", ["x", "y"])


@pytest.mark.parametrize(
    ("content", "parameters", "says"),
    [
        *(
            (two_of_each(), parameters, says)
            for parameters, says in [
                ({"label": "kind"}, r"is the image is not clear; say image=COLUMN: .* picture"),
                (
                    {"image": "photo"},
                    r"is the label is not clear.*kind \(ClassLabel\).*weight \(float64\)",
                ),
                (
                    {"image": "foto", "label": "kind"},
                    "no column of hf:.* named 'foto'; did you mean photo",
                ),
                ({"image": "kind", "label": "kind"}, "'kind' of hf:.* does not hold images"),
                ({"image": "photo", "label": "weight"}, "'weight' of hf:.* does not hold labels"),
            ]
        ),
        (TEXT_AND_NUMBER, {}, r"caption \(text or numbers\)"),
        (table([10], [None]), {}, "No row of hf:.* has a label in column 'kind'"),
    ],
)
def test_columns_that_are_not_clear(tmp_path: Path, content, parameters, says: str) -> None:
    with one_sentence(says):
        opened_table(tmp_path, content, **parameters)


def test_a_class_label_goes_before_text_and_numbers(tmp_path: Path) -> None:
    content = table([10, 20], [0, 1]).add_column("id", [7, 8]).add_column("caption", ["x", "y"])
    assert opened_table(tmp_path, content).class_names == ["owl", "cat"]


# Images


@pytest.mark.parametrize(
    ("modes", "colour", "channels"),
    [
        ("LL", "auto", 1),
        ("LA", "auto", 1),
        ("LR", "auto", 3),
        ("RR", "auto", 3),
        ("LR", "grey", 1),
        ("LL", "rgb", 3),
    ],
)
def test_grey_only_where_all_images_are(tmp_path, modes, colour, channels) -> None:
    names = {"L": "L", "A": "LA", "R": "RGB"}
    pictures = [picture(10 + i, names[mode]) for i, mode in enumerate(modes)]
    content = columns(picture=(datasets.Image(), pictures), kind=(CLASS, [0, 1]))
    dataset = opened_table(tmp_path, content, colour=colour)
    assert dataset.image_shape == (4, 4, channels)
    assert greys_by_class(dataset) == {"owl": [10], "cat": [11]}


@pytest.mark.parametrize(
    "kind",
    [
        datasets.Value("binary"),
        datasets.Value("large_binary"),
        {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
        {"bytes": datasets.Value("binary"), "path": datasets.Value("null")},
    ],
    ids=["binary", "large binary", "bytes and paths", "bytes and no paths"],
)
def test_plain_bytes_are_images(tmp_path: Path, kind: Any) -> None:
    files = [encoded(picture(grey), format="PNG") for grey in (10, 20)] + [b"no image"]
    cells = [{"bytes": file, "path": None} for file in files] if isinstance(kind, dict) else files
    content = columns(photo=(kind, cells), weight=(datasets.Value("float32"), [1.0] * 3))
    dataset = opened_table(tmp_path, content.add_column("kind", ["owl", "cat", "cat"]))
    assert greys_by_class(dataset) == {"cat": [20], "owl": [10]}
    assert dataset.unreadable == ["row 2"]


def test_yes_and_no_are_labels_if_there_are_no_others(tmp_path: Path) -> None:
    content = columns(
        picture=(datasets.Image(), [picture(10), picture(20), picture(30)]),
        ill=(datasets.Value("bool"), [True, False, True]),
    )
    dataset = opened_table(tmp_path, content)
    assert greys_by_class(dataset) == {"False": [20], "True": [10, 30]}
    assert not dataset.names_are_words
    both = content.add_column("kind", ["owl", "cat", "owl"])
    assert opened_table(tmp_path / "both", both).class_names == ["cat", "owl"]
    chosen = image_tables.opened(tmp_path / "both" / "set", tmp_path / "both", label="ill")
    assert chosen.class_names == ["False", "True"]


def test_images_are_resized(tmp_path: Path) -> None:
    dataset = opened_table(tmp_path, table([10, 20], [0, 1]), size=7)
    assert dataset.image_shape == (7, 7, 1)
    assert greys_by_class(dataset) == {"owl": [10], "cat": [20]}


def encoded(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def test_what_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = encoded(picture(30, side=40), format="PNG")
    cells = [
        {"bytes": whole, "path": None},
        {"bytes": b"no image", "path": None},
        {"bytes": whole[:60], "path": "half.png"},
        {"bytes": b"", "path": None},
        None,
    ]
    content = columns(picture=(datasets.Image(), cells), kind=(CLASS, [0] * 5))
    dataset = opened_table(tmp_path, content)
    assert greys_by_class(dataset) == {"owl": [30]}
    assert dataset.unreadable[:2] == ["row 1", "half.png (row 2)"]
    assert len(dataset.unreadable) == 4
    assert "left out 4 unreadable file(s): row 1, half.png (row 2)" in capsys.readouterr().err


def test_sixteen_bit_greys_keep_their_range(tmp_path: Path) -> None:
    deep = [Image.fromarray(np.full((4, 4), value, np.uint16)) for value in (0, 16384, 65535)]
    content = columns(picture=(datasets.Image(), deep), kind=(CLASS, [0] * 3))
    assert greys_by_class(opened_table(tmp_path, content)) == {"owl": [0, 64, 255]}


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    halves = Image.fromarray(np.array([[0, 200], [0, 200]], np.uint8))
    orientation = Image.Exif()
    orientation[0x0112] = 6  # to be turned by a quarter, clockwise
    cell = {"bytes": encoded(halves, format="PNG", exif=orientation), "path": None}
    content = columns(picture=(datasets.Image(), [cell]), kind=(CLASS, [0]))
    dataset = opened_table(tmp_path, content, size=2)
    assert dataset.pixels[0, :, :, 0].tolist() == [[0, 0], [200, 200]]


@pytest.mark.parametrize(
    ("feature", "shape", "channels"),
    [
        (datasets.Array2D((6, 6), "uint8"), (6, 6), 1),
        (datasets.Array3D((6, 6, 3), "uint8"), (6, 6, 3), 3),
        (datasets.Array3D((3, 6, 6), "uint8"), (6, 6, 3), 3),
        (datasets.Array3D((1, 6, 6), "uint8"), (6, 6, 1), 1),
        (datasets.Array3D((6, 6, 1), "uint8"), (6, 6, 1), 1),
    ],
)
def test_arrays_are_images(tmp_path, feature, shape, channels) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    stored = np.moveaxis(pixels, 3, 1) if feature.shape[0] < 4 else pixels
    content = columns(pixels=(feature, stored.tolist()), kind=(CLASS, [0, 1]))
    dataset = opened_table(tmp_path, content, size=6, image="pixels")
    np.testing.assert_array_equal(dataset.pixels, pixels.reshape(2, 6, 6, channels))


@pytest.mark.parametrize(
    "feature", [datasets.Array2D((2, 2), "float32"), datasets.Array3D((2, 2, 2), "uint8")]
)
def test_arrays_that_are_no_images(tmp_path: Path, feature: Any) -> None:
    pixels = np.zeros((1, *feature.shape)).tolist()
    with one_sentence("images are uint8 with 1 or 3 channels"):
        opened_table(tmp_path, columns(pixels=(feature, pixels), kind=(CLASS, [0])), image="pixels")
