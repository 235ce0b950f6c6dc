"""Omniglot: the real data where it is, and small archives of the same layout."""

import hashlib
import io
import itertools
import shutil
import urllib.error
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.opened import split_names, split_sizes
from support.sentences import one_sentence

from benchbench.datasets import omniglot
from benchbench.datasets.omniglot import Omniglot
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import create_dataset, open_dataset
from benchbench.system.places import Places

GOLDEN = {
    28: "f1c756b7ee5b02da4a2c5edd8f983e36e7fda0cd59463cb4a816354361c4493f",
    105: "4acf0b90388d925e0c632f60682723176de173cd32f6ea0e444c1fb4570c0c08",
}
"""Fingerprints. Those of 28 px hang on Pillow's resampling, those of 105 px on the files alone."""

EVALUATION = (
    "Angelic Atemayar_Qelisayer Atlantean Aurek-Besh Avesta Ge_ez Glagolitic Gurmukhi Kannada "
    "Keble Malayalam Manipuri Mongolian Old_Church_Slavonic_(Cyrillic) Oriya Sylheti "
    "Syriac_(Serto) Tengwar Tibetan ULOG"
)
VALIDATION = (
    "Alphabet_of_the_Magi Blackfoot_(Canadian_Aboriginal_Syllabics) "
    "Inuktitut_(Canadian_Aboriginal_Syllabics) Ojibwe_(Canadian_Aboriginal_Syllabics) Tagalog"
)
EVALUATION_SIZES = [20, 26, 26, 26, 26, 26, 45, 45, 41, 26, 47, 40, 30, 45, 46, 28, 23, 25, 42, 26]
VALIDATION_SIZES = [20, 14, 16, 14, 17]
"""The characters of the alphabets of the test and the validation split, in alphabetical order."""


@pytest.fixture(scope="module")
def default(places: Places) -> OpenDataset:
    return open_dataset("omniglot", places)


@pytest.fixture(scope="module")
def original(places: Places) -> OpenDataset:
    """At the files' own size."""
    return open_dataset("omniglot[size=105]", places)


def alphabet_sizes(dataset: OpenDataset, split: str) -> Counter[str]:
    return Counter(name.split("/")[0] for name in split_names(dataset)[split])


@pytest.mark.parametrize(
    ("split", "sizes"),
    [("meta-dataset", (883, 81, 659)), ("lake", (964, 0, 659)), ("vinyals", (1028, 172, 423))],
)
def test_split_sizes(places: Places, default: OpenDataset, split: str, sizes: object) -> None:
    dataset = open_dataset(f"omniglot[split={split}]", places)
    assert split_sizes(dataset) == sizes
    assert dataset.fingerprint == default.fingerprint


def test_alphabet_sizes(default: OpenDataset) -> None:
    test = zip(EVALUATION.split(), EVALUATION_SIZES, strict=True)
    assert alphabet_sizes(default, "test") == dict(test)
    val = zip(VALIDATION.split(), VALIDATION_SIZES, strict=True)
    assert alphabet_sizes(default, "val") == dict(val)
    assert len(alphabet_sizes(default, "train")) == 25


def test_the_vinyals_lists_share_one_alphabet(places: Places, default: OpenDataset) -> None:
    dataset = open_dataset("omniglot[split=vinyals]", places)
    train, val, test = (set(alphabet_sizes(dataset, split)) for split in dataset.splits)
    assert (len(train), len(val), len(test)) == (33, 5, 13)
    assert train & test == {"Gurmukhi"}
    assert not val & (train | test)


def test_every_class_has_the_same_twenty_drawers_of_its_alphabet(default: OpenDataset) -> None:
    np.testing.assert_array_equal(default.labels, np.repeat(np.arange(1623), 20))
    for name, drawers in zip(default.class_names, default.groups.reshape(-1, 20), strict=True):
        alphabet = name.split("/")[0]
        assert drawers.tolist() == [f"{alphabet}/{drawer:02}" for drawer in range(1, 21)]


def test_classes_are_characters_below_their_alphabet(default: OpenDataset) -> None:
    assert default.class_names[0] == "Alphabet_of_the_Magi/character01"
    assert default.class_names[-1] == "ULOG/character26"
    assert default.hierarchy == [(name.split("/")[0],) for name in default.class_names]
    assert default.fixed_episodes is None


def test_fingerprints(default: OpenDataset, original: OpenDataset) -> None:
    assert original.fingerprint == GOLDEN[105]
    assert default.fingerprint == GOLDEN[28]


def sampled_images(root: Path, dataset: OpenDataset, every: int) -> list[tuple[int, Image.Image]]:
    """Image ids and the files' own pictures, read with the standard library and Pillow."""
    found = []
    first = 0
    for part in ("images_background", "images_evaluation"):
        with zipfile.ZipFile(root / "omniglot-py" / f"{part}.zip") as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".png"))
            for position in range(0, len(names), every):
                _, alphabet, character, file = names[position].split("/")
                image_id = first + position
                assert dataset.class_names[image_id // 20] == f"{alphabet}/{character}"
                assert file.endswith(f"_{image_id % 20 + 1:02}.png")
                found.append((image_id, Image.open(io.BytesIO(archive.read(names[position])))))
                found[-1][1].load()
            first += len(names)
    assert first == 32460
    return found


def test_the_original_size_is_the_files_bits_inverted(data_root, original) -> None:
    assert original.image_shape == (105, 105, 1)
    for image_id, image in sampled_images(data_root, original, every=311):
        assert image.mode == "1"
        ink = np.where(np.asarray(image), 0, 255)
        np.testing.assert_array_equal(original.pixels[image_id][..., 0], ink)


def test_every_original_pixel_is_ink_or_paper(original: OpenDataset) -> None:
    ink = 0
    for block in np.array_split(original.pixels, 40):
        counts = np.bincount(block.reshape(-1), minlength=256)
        assert counts.sum() == counts[0] + counts[255]
        assert (block.max(axis=(1, 2, 3)) == 255).all()
        ink += counts[255]
    assert 0.03 < ink / np.prod(original.pixels.shape) < 0.1


def test_the_default_size_is_the_original_resampled(data_root: Path, default: OpenDataset) -> None:
    assert default.image_shape == (28, 28, 1)
    for image_id, image in sampled_images(data_root, default, every=1009):
        smaller = image.convert("L").resize((28, 28), Image.Resampling.BILINEAR)
        pixels = default.pixels[image_id][..., 0]
        np.testing.assert_array_equal(pixels, 255 - np.asarray(smaller))


def test_the_second_opening_decodes_nothing(places, default, monkeypatch) -> None:
    monkeypatch.delattr(Omniglot, "decode")
    assert open_dataset("omniglot", places).fingerprint == default.fingerprint


@pytest.mark.parametrize(
    ("rotations", "sizes"),
    [
        ("true", (4 * 883, 81, 659)),
        ("all", (4 * 883, 4 * 81, 4 * 659)),
        ("true,split=vinyals", (4112, 172, 423)),
        ("all,split=vinyals", (4112, 688, 1692)),
    ],
)
def test_the_numbers_of_rotated_classes(places, tmp_path, monkeypatch, rotations, sizes) -> None:
    blank = np.zeros((1, 1, 1), np.uint8)
    monkeypatch.setattr(Omniglot, "decode_image", lambda self, file: blank)
    dataset = open_dataset(f"omniglot[rotations={rotations}]", Places(places.data_root, tmp_path))
    assert split_sizes(dataset) == sizes
    assert len(dataset.labels) == 20 * sum(sizes)


SMALL = {
    "images_background": ["Latin/character01", "Latin/character02", "Tagalog/character01"],
    "images_evaluation": ["Angelic/character01", "ULOG/character01"],
}
DRAWERS = 3


def drawing(class_id: int, drawer: int) -> np.ndarray:
    """A picture of 5 x 5 bits, unlike its rotations and unlike any other."""
    bits = np.ones((5, 5), bool)
    bits[0, :2] = False
    bits[2 + class_id // 3, class_id % 3] = False
    bits[4, drawer] = False
    return bits


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `omniglot-py` of a data root with five characters by three drawers."""
    counts = {part: len(characters) for part, characters in SMALL.items()}
    monkeypatch.setattr(omniglot, "CHARACTERS", counts)
    monkeypatch.setattr(omniglot, "DRAWERS", DRAWERS)
    folder = tmp_path / "data" / "omniglot-py"
    classes = [(part, character) for part, names in SMALL.items() for character in names]
    for class_id, (part, character) in enumerate(classes):
        (folder / part / character).mkdir(parents=True)
        for drawer in range(DRAWERS):
            path = folder / part / character / f"{class_id:04}_{drawer + 1:02}.png"
            Image.fromarray(drawing(class_id, drawer)).save(path)
    return folder


def open_small(folder: Path, **parameters: Any) -> OpenDataset:
    places = Places(folder.parent, folder.parents[1] / "cache")
    return open_dataset(Omniglot(**{"size": 5, **parameters}), places)


def zip_parts(folder: Path, inside: str) -> None:
    """Turn the folders into zip files, which begin with the part's name or do not."""
    for part in SMALL:
        base = part if inside == "with the part's name" else "."
        root = folder if base == part else folder / part
        shutil.make_archive(str(folder / part), "zip", root, base)
        shutil.rmtree(folder / part)


ALL_DRAWINGS = [drawing(class_id, drawer) for class_id in range(5) for drawer in range(DRAWERS)]


@pytest.mark.parametrize("layout", ["folder", "with the part's name", "without the part's name"])
def test_folders_and_archives_are_read_alike(small: Path, layout: str) -> None:
    if layout != "folder":
        zip_parts(small, layout)
    dataset = open_small(small)
    assert dataset.class_names == list(itertools.chain(*SMALL.values()))
    assert split_sizes(dataset) == (2, 1, 2)
    np.testing.assert_array_equal(dataset.pixels[..., 0], 255 * ~np.array(ALL_DRAWINGS))
    assert dataset.groups[-3:].tolist() == ["ULOG/01", "ULOG/02", "ULOG/03"]


def test_ink_may_stay_black(small: Path) -> None:
    dataset = open_small(small, invert=False)
    np.testing.assert_array_equal(dataset.pixels[..., 0], 255 * np.array(ALL_DRAWINGS))


@pytest.mark.parametrize("interpolation", ["nearest", "box", "bilinear", "bicubic", "lanczos"])
def test_interpolations_are_pillows(small: Path, interpolation: Any) -> None:
    dataset = open_small(small, size=3, interpolation=interpolation, invert=False)
    resampling = Image.Resampling[interpolation.upper()]
    for pixels, bits in zip(dataset.pixels, ALL_DRAWINGS, strict=True):
        expected = Image.fromarray(bits).convert("L").resize((3, 3), resampling)
        np.testing.assert_array_equal(pixels[..., 0], np.asarray(expected))


ROTATIONS = ("", "/rot090", "/rot180", "/rot270")


@pytest.mark.parametrize("rotations", [True, "all"])
@pytest.mark.parametrize("split", ["meta-dataset", "lake", "vinyals"])
def test_rotations_are_further_classes(small: Path, rotations: Any, split: Any) -> None:
    plain = open_small(small, split=split)
    dataset = open_small(small, split=split, rotations=rotations)
    turned = ("train", "val", "test") if rotations == "all" else ("train",)
    for name, ids in plain.splits.items():
        endings = ROTATIONS if name in turned else ROTATIONS[:1]
        expected = [plain.class_names[class_id] + end for class_id in ids for end in endings]
        assert split_names(dataset)[name] == expected
    assert dataset.fingerprint != plain.fingerprint


def test_rotated_pixels(small: Path) -> None:
    dataset = open_small(small, rotations="all")
    images = np.asarray(dataset.pixels).reshape(5, 4, DRAWERS, 5, 5)
    drawers = dataset.groups.reshape(5, 4, DRAWERS)
    for quarter in range(4):
        turned = np.rot90(images[:, 0], quarter, axes=(2, 3))
        np.testing.assert_array_equal(images[:, quarter], turned)
        np.testing.assert_array_equal(drawers[:, quarter], drawers[:, 0])
    assert dataset.hierarchy == [(name.split("/")[0],) for name in dataset.class_names]


def test_parameters_of_the_split_alone_share_the_pixels(small, monkeypatch) -> None:
    fingerprint = open_small(small).fingerprint
    monkeypatch.delattr(Omniglot, "decode")
    assert open_small(small, split="lake").fingerprint == fingerprint
    assert open_small(small, split="lake").name == "omniglot[split=lake,size=5]"


def test_a_read_only_data_root_is_enough(small: Path) -> None:
    before = sorted(small.parent.rglob("*"))
    for folder in (small, small.parent):
        folder.chmod(0o555)
    try:
        assert len(open_small(small).class_names) == 5
    finally:
        for folder in (small, small.parent):
            folder.chmod(0o755)
    assert sorted(small.parent.rglob("*")) == before


def fails(folder: Path, says: str) -> None:
    """Opening ends in one sentence and leaves no table in the cache."""
    with one_sentence(says):
        open_small(folder)
    assert not list((folder.parents[1] / "cache").rglob("table.json"))


def lack_a_character(folder: Path) -> None:
    shutil.rmtree(folder / "images_evaluation" / "ULOG")


def lack_a_drawing(folder: Path) -> None:
    (folder / "images_background" / "Latin" / "character02" / "0001_02.png").unlink()


def lack_all(folder: Path) -> None:
    shutil.rmtree(folder / "images_background")
    (folder / "images_background").mkdir()


def hold_text(folder: Path) -> None:
    (folder / "images_background" / "Latin/character02/0001_02.png").write_text("just text")


def hold_text_in_a_zip(folder: Path) -> None:
    hold_text(folder)
    zip_parts(folder, "with the part's name")


def be_an_empty_zip(folder: Path) -> None:
    zip_parts(folder, "with the part's name")
    zipfile.ZipFile(folder / "images_background.zip", "w").close()


NO_IMAGE = r"Latin/character02/0001_02\.png in .*images_background.* is not an image"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lack_a_character, "images_evaluation holds 1 characters instead of 2"),
        (lack_a_drawing, "holds 2 drawings of Latin/character02 instead of 3"),
        (lack_all, "images_background holds 0 characters instead of 3"),
        (hold_text, NO_IMAGE),
        (hold_text_in_a_zip, NO_IMAGE),
        (be_an_empty_zip, r"^The zip file .*images_background\.zip is empty"),
    ],
)
def test_damaged_files(small: Path, damage: Callable[[Path], None], says: str) -> None:
    damage(small)
    fails(small, says + r"; copy or download it again\.$")


@pytest.mark.parametrize("kept", [0, 0.5, 0.99])
def test_a_truncated_zip(small: Path, kept: float) -> None:
    zip_parts(small, "with the part's name")
    path = small / "images_evaluation.zip"
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    fails(small, rf"^{path} is neither a folder nor a readable zip file .*download it again\.$")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.mark.usefixtures("no_network")
def test_absent_data_without_a_network_says_what_to_put_where(tmp_path: Path) -> None:
    with one_sentence("no network") as caught:
        open_dataset(Omniglot(), Places(tmp_path / "data", tmp_path / "cache"))
    address = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"
    assert str(caught.value) == (
        f"Cannot download {address}/images_background.zip (no network); fetch it elsewhere and "
        f"put it at {tmp_path / 'data' / 'omniglot-py' / 'images_background.zip'}."
    )


@pytest.mark.usefixtures("no_network")
def test_only_what_is_missing_is_asked_for(small: Path) -> None:
    shutil.rmtree(small / "images_evaluation")
    fails(small, r"images_evaluation\.zip \(no network\)")


PUBLISHED = {
    "images_background": ("images_background.zip", "68d2efa1b9178cc56df9314c21c6e718"),
    "images_evaluation": ("images_evaluation.zip", "6b91aef0f799c5bb55b94e3f2daec811"),
    "all_runs": ("one-shot-classification/all_runs.zip", "e8996daecdf12afeeb4a53a179f06b19"),
}


@pytest.mark.parametrize("part", PUBLISHED)
@pytest.mark.parametrize("writable", [True, False])
def test_where_a_download_comes_from_and_goes_to(tmp_path, monkeypatch, part, writable) -> None:
    asked = []
    monkeypatch.setattr(omniglot, "download", lambda *arguments: asked.append(arguments))
    if not writable:
        (tmp_path / "data").touch()  # nobody can make files in it
    omniglot.archive(Places(tmp_path / "data", tmp_path / "cache"), part)
    root = tmp_path / "data" if writable else tmp_path / "cache" / "data"
    path, md5 = PUBLISHED[part]
    url = f"https://raw.githubusercontent.com/brendenlake/omniglot/master/python/{path}"
    assert asked == [(url, root / "omniglot-py" / f"{part}.zip", md5)]


def test_a_download_in_the_cache_is_found_again(small: Path, tmp_path: Path) -> None:
    places = Places(tmp_path / "read-only", tmp_path / "cache")
    shutil.move(small.parent, tmp_path / "cache" / "data")
    assert len(open_dataset(Omniglot(size=5), places).class_names) == 5


def test_another_place_can_be_named(small: Path, tmp_path: Path) -> None:
    empty = Places(tmp_path / "nothing", tmp_path / "cache")
    for origin in (small, small.parent):
        dataset = Omniglot()
        dataset.origin = origin
        assert [path.stem for path in dataset.sources(empty)] == list(omniglot.CHARACTERS)
    dataset.origin = tmp_path
    with one_sentence("holds neither a folder images_background nor"):
        dataset.sources(empty)


def test_the_runs_at_hand_are_the_published_ones(data_root: Path) -> None:
    content = (data_root / "omniglot-py" / "all_runs.zip").read_bytes()
    assert hashlib.md5(content).hexdigest() == PUBLISHED["all_runs"][1]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("size=0", "size must be at least 1 pixel"),
        ("size=-3", "size must be at least 1 pixel"),
        ("split=koch", "one of meta-dataset, lake, vinyals"),
        ("interpolation=cubic", "one of nearest, box, bilinear, bicubic, lanczos"),
        ("rotations=4", "true or false or all"),
    ],
)
def test_parameters_that_cannot_be(parameters: str, says: str) -> None:
    with one_sentence(says):
        create_dataset(f"omniglot[{parameters}]")
