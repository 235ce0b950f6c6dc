"""Pictures at their own size: the bytes of their files in a table, and what is made of them."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.folders import open_folder
from support.image_bytes import encoded, oriented

from benchbench.datasets.decoded import DecodedClass
from benchbench.datasets.integrity.checks import check_table, fingerprint_of
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.tables.encoded import EncodedPixels, Thumbnails
from benchbench.datasets.tables.resumable import UnfinishedTable
from benchbench.errors import BenchbenchError
from benchbench.evaluation.given import hidden_images, learned_part
from benchbench.evaluation.nonce import Nonce
from benchbench.images import Images
from benchbench.system.framing import Framing

ALL = {"val": 0, "test": 1}


def write_mixed(root: Path, classes: int = 4) -> dict[str, bytes]:
    """Pictures of all kinds and sizes, four a class; their bytes by name."""
    rng = np.random.default_rng(0)
    contents = {}
    for number in range(classes):
        for index in range(4):
            height, width = rng.integers(20, 60, 2)
            image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
            form, options = [
                ("PNG", {}),
                ("JPEG", {"quality": 70}),
                ("JPEG", {"exif": oriented(6)}),
                ("WEBP", {"lossless": True}),
            ][index]
            if (number, index) == (0, 0):
                image.putalpha(Image.new("L", image.size, 120))
            contents[f"class{number}/{index}.{form.lower()}"] = encoded(image, form, **options)
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return contents


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    root = tmp_path_factory.mktemp("mixed") / "images"
    return root, write_mixed(root)


@pytest.fixture(scope="module")
def dataset(written: tuple[Path, dict[str, bytes]]) -> OpenDataset:
    return open_folder(written[0], size="native", **ALL)


def test_the_bytes_of_the_files_are_kept(dataset: OpenDataset, written) -> None:
    contents = list(written[1].values())
    assert [dataset.pixels.content(number) for number in range(16)] == contents
    assert dataset.image_shape == (0, 0, 3)
    assert dataset.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    assert dataset.storage.places.tolist() != list(range(16))
    by_place = [contents[number] for number in np.argsort(dataset.storage.places)]
    assert dataset.storage.pixels.paths[0].read_bytes() == b"".join(by_place)


def test_the_fingerprint_goes_over_bytes_labels_and_reading(dataset: OpenDataset, written) -> None:
    contents = list(written[1].values())
    expected = hashlib.sha256(b"".join(contents))
    expected.update(np.repeat(np.arange(4), 4).astype("<i8").tobytes())
    expected.update(np.array([len(content) for content in contents], "<i8").tobytes())
    reading = {"mode": "RGB", "background": "white", "scale": None}
    expected.update(json.dumps(reading, sort_keys=True).encode())
    assert dataset.fingerprint == expected.hexdigest()
    assert fingerprint_of(dataset.pixels, dataset.labels) == dataset.fingerprint
    assert list(check_table(dataset)) == []
    on_black = open_folder(written[0], size="native", background="black", **ALL)
    assert on_black.fingerprint != dataset.fingerprint


def test_an_altered_table_is_found(written, tmp_path: Path) -> None:
    root = shutil.copytree(written[0], tmp_path / "images")
    dataset = open_folder(root, size="native", **ALL)
    (file, _) = dataset.pixels.paths
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
    again = open_folder(root, size="native", **ALL)
    assert [finding.level for finding in check_table(again)] == ["error"]


def test_thumbnails_are_the_squares_of_the_folder(dataset: OpenDataset, written) -> None:
    squares = open_folder(written[0], size=84, **ALL)
    np.testing.assert_array_equal(np.asarray(dataset.thumbnails), np.asarray(squares.pixels))
    np.testing.assert_array_equal(dataset.thumbnails[[5, 2]], squares.pixels[[5, 2]])
    stored = dataset.thumbnails.storage
    np.testing.assert_array_equal(stored.pixels[stored.places[3]], squares.pixels[3])
    assert squares.thumbnails is squares.pixels
    assert dataset.remarks == squares.remarks


def test_there_is_no_array_and_the_cure_is_named(dataset: OpenDataset) -> None:
    images = Images(dataset.view("test"), np.arange(3))
    for read in (lambda: images.array, lambda: dataset.pixels[0], lambda: dataset.images([0])):
        with pytest.raises(BenchbenchError, match=r"size=native.*give it size=N"):
            read()


def test_pictures_come_in_blocks_and_in_order(dataset: OpenDataset, written) -> None:
    images = Images(dataset.view("test"), np.array([7, 0, 12, 3, 3]))
    assert images.own_size
    blocks = list(images.pictures(16, squash=True, at_once=2))
    assert [block.shape for block in blocks] == [(2, 16, 16, 3), (2, 16, 16, 3), (1, 16, 16, 3)]
    squares = open_folder(written[0], size=16, **ALL)
    np.testing.assert_array_equal(np.concatenate(blocks), squares.images([7, 0, 12, 3, 3]))
    tall = next(images.pictures((20, 10), 0.5, "bicubic"))
    assert tall.shape == (5, 20, 10, 3)
    with pytest.raises(BenchbenchError, match="one size already"):
        next(Images(squares.view("test"), np.arange(2)).pictures(16))


def test_the_process_of_a_method_gets_pictures_by_place(dataset: OpenDataset) -> None:
    hidden = hidden_images(dataset, "test", Nonce.derived(b"", "x"))
    learned = learned_part(dataset, Nonce.derived(b"", "x"))
    assert hidden.own_size
    assert learned.image_shape == (0, 0, 3)
    sent = pickle.loads(pickle.dumps(hidden.pixels))
    assert isinstance(sent, EncodedPixels)
    place = int(dataset.storage.places[6])
    framing = Framing((8, 8))
    (expected,) = dataset.pixels.pictures(np.array([6]), framing)
    (found,) = sent.pictures(np.array([place]), framing)
    np.testing.assert_array_equal(found, expected)


def test_unreadable_files_are_named_and_left_out(written, tmp_path: Path) -> None:
    root = shutil.copytree(written[0], tmp_path / "images")
    whole = (root / "class1" / "1.jpeg").read_bytes()
    (root / "class1" / "1.jpeg").write_bytes(whole[: len(whole) // 2])
    dataset = open_folder(root, size="native", **ALL)
    assert dataset.unreadable == ["class1/1.jpeg"]
    assert np.bincount(dataset.labels).tolist() == [4, 3, 4, 4]


def test_a_class_without_a_readable_picture_is_left_out(written, tmp_path: Path) -> None:
    root = shutil.copytree(written[0], tmp_path / "images")
    for file in (root / "class1").iterdir():
        file.write_bytes(file.read_bytes()[:40])
    dataset = open_folder(root, size="native", **ALL)
    assert dataset.class_names == ["class0", "class2", "class3"]
    assert dataset.pixels.content(4) == (root / "class2" / "0.png").read_bytes()
    assert dataset.remarks[-1] == "1 class has no readable image and is missing: class1."
    assert fingerprint_of(dataset.pixels, dataset.labels) == dataset.fingerprint


def test_deep_greys_keep_the_scale_of_the_data_set(tmp_path: Path) -> None:
    for number, top in enumerate((255, 1000)):
        place = tmp_path / "images" / f"class{number}"
        place.mkdir(parents=True)
        values = np.linspace(0, top, 9 * 84 * 84).reshape(9, 84, 84).astype(np.uint16)
        for index, image in enumerate(values):
            Image.fromarray(image if number else image.astype(np.uint8)).save(
                place / f"{index}.png"
            )
    dataset = open_folder(tmp_path / "images", size="native", **ALL)
    squares = open_folder(tmp_path / "images", size=84, **ALL)
    assert dataset.image_shape == (0, 0, 1)
    assert dataset.storage.pixels.reading.scale.bits == 10
    np.testing.assert_array_equal(dataset.thumbnails[[0, 8, 9, 17]], squares.pixels[[0, 8, 9, 17]])


def test_a_picture_that_is_damaged_later_is_one_sentence(written, tmp_path: Path) -> None:
    root = shutil.copytree(written[0], tmp_path / "images")
    dataset = open_folder(root, size="native", **ALL)
    (file, _) = dataset.pixels.paths
    file.chmod(0o644)
    file.write_bytes(bytes(file.stat().st_size))
    again = open_folder(root, size="native", **ALL)
    with pytest.raises(BenchbenchError, match=r"cannot be decoded any more.*delete the folder"):
        again.thumbnails[[0]]


def test_a_table_whose_offsets_do_not_fit_is_damaged(written, tmp_path: Path) -> None:
    root = shutil.copytree(written[0], tmp_path / "images")
    dataset = open_folder(root, size="native", **ALL)
    offsets = dataset.pixels.paths[1]
    offsets.chmod(0o644)
    np.save(offsets, np.arange(17))
    with pytest.raises(BenchbenchError, match="is damaged"):
        open_folder(root, size="native", **ALL)


def test_a_data_set_may_hand_over_bytes(tmp_path: Path) -> None:
    """And goes on after an interruption with the same table."""
    contents = [encoded(Image.new("RGB", (4, 4 + n), (n, 0, 0))) for n in range(5)]
    items = [DecodedClass("a", contents[:2]), DecodedClass("b", contents[2:])]
    headers = []
    for folder, interrupted in ((tmp_path / "one", False), (tmp_path / "two", True)):
        table = UnfinishedTable(folder, "toy", "this")
        table.add(items[0])
        if interrupted:
            table.close()
            table = UnfinishedTable(folder, "toy", "this")
            assert [written.name for written in table.classes] == ["a"]
        table.add(items[1])
        table.finish()
        table.close()
        headers.append((folder / "table.json").read_text())
    assert headers[0] == headers[1]
    assert json.loads(headers[0])["shape"] == [5, 0, 0, 3]


def test_arrays_and_encoded_pictures_do_not_mix(tmp_path: Path) -> None:
    table = UnfinishedTable(tmp_path / "table", "toy", "this")
    table.add(DecodedClass("a", [encoded(Image.new("RGB", (4, 4)))]))
    with pytest.raises(BenchbenchError, match="decodes all images to one shape"):
        table.add(DecodedClass("b", np.zeros((1, 4, 4, 3), np.uint8)))
    table.close()


def test_thumbnails_have_the_digests_of_the_bytes(dataset: OpenDataset, written) -> None:
    expected = [hashlib.sha256(content).digest() for content in written[1].values()]
    thumbnails = dataset.thumbnails
    assert isinstance(thumbnails, Thumbnails)
    assert thumbnails.digests(0, 3) == expected[:3]
    assert thumbnails.digests(14, 99) == expected[14:]


PEAK = """
import sys, numpy as np
from pathlib import Path
from benchbench.datasets.folder import Folder
from benchbench.datasets.opening import open_dataset
from benchbench.images import Images
from benchbench.system.places import Places
root = Path(sys.argv[1])
places = Places(root.parent, root.parent / "cache")
dataset = open_dataset(Folder(str(root), size="native", val=0, test=1), places)
images = Images(dataset.view("test"), dataset.view("test").rows)
for block in images.pictures(224, 0.875, "bicubic"):
    assert block.shape[1:] == (224, 224, 1)
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_one_large_picture_takes_no_more_than_itself(tmp_path: Path) -> None:
    """A grey of 20 000 x 10 000 pixels among small ones, in a process of its own."""
    peaks = []
    for side, name in ((100, "small"), (20_000, "large")):
        root = tmp_path / name
        for number in range(2):
            (root / f"class{number}").mkdir(parents=True)
            for index in range(20):
                Image.new("L", (90, 120), index).save(root / f"class{number}" / f"{index}.png")
        large = Image.new("L", (side, side // 2))
        large.paste(200, (0, 0, side // 2, side // 4))
        large.save(root / "class1" / "large.png")
        command = [sys.executable, "-c", PEAK, str(root)]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True).stdout))
    own = 20_000 * 10_000
    assert own / 2 < peaks[1] - peaks[0] < 1.5 * own


def test_reading_ahead_is_bounded_by_pixels(dataset: OpenDataset, monkeypatch) -> None:
    """Whatever the number of threads and pictures, none is decoded beyond the budget."""
    from benchbench.datasets.reading import framed, parallel
    from benchbench.datasets.reading.pixel_budget import PixelBudget

    held: list[int] = []
    budget = PixelBudget(4000)
    original = framed.decoded

    def counted(image: Image.Image, side: int) -> object:
        held.append(budget.most - budget._left)
        return original(image, side)

    monkeypatch.setattr(framed, "decoded", counted)
    monkeypatch.setattr(framed.decode_framed, "__defaults__", (budget,))
    monkeypatch.setattr(parallel, "CORES", 16)
    images = Images(dataset.view("test"), np.tile(np.arange(16), 4))
    assert sum(len(block) for block in images.pictures(8)) == 64
    assert len(held) == 64
    assert max(held) <= 4000
