"""`benchbench data verify`: exit 1 and a line for each thing that is wrong."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.command_line import assert_one_sentence, invoke, succeeded
from support.tfrecord_writer import plain, write_class

from benchbench.datasets.tables import file_states as states

SIZE = 16


class Folder:
    """A folder of pictures of noise, three classes in each split, that a test spoils."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self.path = path
        self._rng = np.random.default_rng(seed)
        for split in ("train", "val", "test"):
            for number in range(3):
                for index in range(4):
                    self.save(f"{split}/{split} {number}/{index}.png", self.noise())

    @property
    def spec(self) -> str:
        return f"folder:{self.path}[size={SIZE}]"

    def noise(self) -> np.ndarray:
        coarse = self._rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        return coarse.repeat(2, axis=0).repeat(2, axis=1)

    def save(self, name: str, pixels: np.ndarray) -> None:
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place)

    def call_classes(self, names: list[str]) -> None:
        for folder, name in zip(sorted(self.path.glob("*/*")), names, strict=True):
            folder.rename(folder.with_name(name))

    def copy(self, source: str, target: str) -> None:
        (self.path / target).parent.mkdir(parents=True, exist_ok=True)
        (self.path / target).write_bytes((self.path / source).read_bytes())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "photos")


def verified(*arguments: object, code: int = 0) -> list[str]:
    """The lines of `data verify`."""
    result = invoke("data", "verify", *arguments)
    assert result.exit_code == code, result.output
    return result.stdout.splitlines()


def test_nothing_is_wrong(folder: Folder) -> None:
    lines = verified(folder.spec)
    assert lines == [f"{folder.spec}: nothing is wrong, in 36 images of 9 classes."]


def test_a_leak_is_an_error_and_the_others_are_not(folder: Folder) -> None:
    folder.copy("val/val 0/0.png", "val/val 1/3.png")
    folder.copy("val/val 2/0.png", "val/val 2/3.png")
    *lines, summary = verified(folder.spec)
    assert [line.split(":")[0] for line in lines] == ["warning  duplicates", "note     duplicates"]
    assert "1 warning, 1 note" in summary
    folder.copy("train/train 0/1.png", "test/test 1/2.png")
    first, *_, summary = verified(folder.spec, code=1)
    assert first == (
        "error    duplicates: one picture in two splits: image 2 of 'test/test 1' (test) equals "
        "image 1 of 'train/train 0' (train)."
    )
    assert "1 error, 1 warning, 1 note, in 36 images" in summary


def test_the_limits_of_near_duplicates_can_be_chosen(folder: Folder) -> None:
    original = np.asarray(Image.open(folder.path / "train/train 0/1.png")).astype(int)
    noise = np.random.default_rng(0).integers(-40, 41, original.shape)
    folder.save("test/test 1/2.png", np.clip(original + noise, 0, 255).astype(np.uint8))
    assert len(verified(folder.spec)) == 1
    loose = ("--distance", 12, "--correlation", 0.8)
    assert "is nearly" in verified(folder.spec, *loose, code=1)[0]


def test_a_file_that_is_no_image_is_named(folder: Folder) -> None:
    (folder.path / "val/val 0/9.png").write_text("no picture")
    first, *_ = verified(folder.spec, code=1)
    assert first.startswith("error    files: 1 file that cannot be read")
    assert "val/val 0/9.png" in first


def test_a_class_of_one_image_a_pixel_and_a_grey_image(folder: Folder) -> None:
    folder.save("train/alone/0.png", folder.noise())
    folder.save("train/train 0/0.png", np.full((1, 1, 3), 9, np.uint8))
    folder.save("train/train 1/0.png", folder.noise()[..., 0])
    lines = verified(folder.spec)
    assert [line.split(": ")[1] for line in lines[:3]] == [
        "1 class with one image only, too few for a support and a query",
        "1 image of one colour all over",
        "1 grey image among 37 with three channels.",
    ]


def test_one_class_in_two_splits(folder: Folder) -> None:
    for name in ("train/Sea-Lion", "test/sea lion"):
        folder.save(f"{name}/0.png", folder.noise())
        folder.save(f"{name}/1.png", folder.noise())
    first, *_ = verified(folder.spec, code=1)
    assert first.startswith("error    classes: one class is in several splits: ")


def test_many_findings_of_a_kind_are_cut_in_the_text_only(folder: Folder) -> None:
    for number in range(25):
        folder.save(f"train/train 0/a{number:02}.png", folder.noise())
        folder.copy(f"train/train 0/a{number:02}.png", f"test/test 0/a{number:02}.png")
    lines = verified(folder.spec, code=1)
    assert len(lines) == 22
    assert lines[20] == "error    duplicates: and 5 more; --format json lists all."
    told = json.loads(invoke("data", "verify", folder.spec, "--format", "json").stdout)
    assert (told["errors"], told["warnings"], told["notes"]) == (25, 0, 0)
    (dataset,) = told["datasets"]
    assert dataset["dataset"] == folder.spec
    assert dataset["images"] == 86
    assert dataset["classes"] == {"train": 3, "val": 3, "test": 3}
    assert len(dataset["fingerprint"]) == 64
    assert len(dataset["findings"]) == 25
    assert dataset["findings"][0]["details"]["exact"]


def test_against_another_data_set(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other", seed=1)
    for one in (folder, other):
        one.call_classes(["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis"])
    lines = verified(folder.spec, "--against", other.spec)
    kinds = [line.split(":")[0] for line in lines[:3]]
    assert kinds == ["warning  overlap", "warning  overlap", "note     overlap"]
    picture = (folder.path / "test/cat/0.png").read_bytes()
    (other.path / "train/fox/0.png").write_bytes(picture)
    first, *_ = verified(folder.spec, "--against", other.spec, code=1)
    assert first == (
        f"error    overlap: one picture also in {other.spec}: image 0 of 'test/cat' (test) "
        "equals image 0 of 'train/fox' (train)."
    )


def test_altered_pixels_in_the_cache(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BENCHBENCH_CACHE", str(tmp_path / "cache"))
    assert len(verified(folder.spec)) == 1
    (pixels,) = (tmp_path / "cache").rglob("pixels.bin")
    content = bytearray(pixels.read_bytes())
    content[500] ^= 1
    pixels.chmod(0o644)
    pixels.write_bytes(content)
    assert "error    table: " in verified(folder.spec, code=1)[0]
    pixels.write_bytes(content[:1000])
    assert_one_sentence(invoke("data", "verify", folder.spec), "damaged", "delete it")


def test_several_data_sets_are_compared_with_what_methods_learn_from(folder, tmp_path) -> None:
    other = Folder(tmp_path / "other", seed=1)
    picture = (folder.path / "train/train 2/0.png").read_bytes()
    (other.path / "test/test 2/0.png").write_bytes(picture)
    spec = f"multi:folder:{folder.path},folder:{other.path}[size={SIZE}]"
    lines = verified(spec, code=1)
    errors = [line for line in lines if line.startswith("error")]
    assert len(errors) == 1
    assert "image 0 of 'test/test 2' (test) equals image 0 of" in errors[0]
    assert sum(", in 36 images of 9 classes." in line for line in lines) == 2


def test_what_a_backbone_has_seen(folder: Folder) -> None:
    first, _ = verified(folder.spec, "--backbone", "conv4")
    assert first.startswith("note     pretraining: conv4 has seen: none.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("omnigolt",), ("did you mean omniglot",)),
        (("folder:no/such/place",), ("no/such/place",)),
        (("PHOTOS", "--against", "glyhps"), ("did you mean glyphs",)),
        (("PHOTOS", "--backbone", "conv5"), ("did you mean conv4",)),
        (("PHOTOS", "--distance", "13"), ("--distance",)),
        (("PHOTOS", "--correlation", "1.5"), ("--correlation",)),
    ],
)
def test_mistakes(folder: Folder, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    given = (folder.spec if each == "PHOTOS" else each for each in arguments)
    assert_one_sentence(invoke("data", "verify", *given), *words)


def test_of_very_many_files_one_that_was_rewritten_is_told(folder, monkeypatch) -> None:
    monkeypatch.setattr(states, "MANY_FILES", 30)
    monkeypatch.setattr(states, "FILES_PER_FOLDER", 1)
    for path in [folder.path, *folder.path.rglob("*")]:
        os.utime(path, ns=(10**18, 10**18))
    verified(folder.spec)
    folder.save("test/test 0/0.png", folder.noise())
    told = verified(folder.spec)
    assert told[0].startswith("warning  files: files have changed in place since")
    assert told[1:] == [f"{folder.spec}: 1 warning, in 36 images of 9 classes."]
    assert len(verified(folder.spec)) == 1


def test_a_test_source_of_meta_dataset_is_prepared_and_verified(tmp_path: Path) -> None:
    for label in range(47):
        images = [plain(label, (6, 6)), plain(label + 100, (6, 6))]
        write_class(tmp_path / "meta_dataset" / "dtd" / f"{label}.tfrecords", label, images)
    spec = "meta_dataset[size=6,train=dtd,test_source=dtd]"
    prepared = succeeded("data", "prepare", spec, "--data-root", tmp_path)
    assert "  classes      33 train, 7 val, 7 test\n" in prepared.stdout
    *_, alone, learned_from = verified(spec, "--data-root", tmp_path, code=1)
    assert alone.startswith("meta_dataset:dtd[size=6]: 47 errors, ")  # fewer images than published
    assert learned_from.startswith(f"{spec}: nothing is wrong, ")
