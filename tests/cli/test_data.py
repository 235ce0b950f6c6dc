"""`benchbench data list` and `data prepare`: what is here, what was made of it, and mistakes."""

import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image
from support.command_line import assert_one_sentence, invoke, succeeded, write_pictures
from support.installations import Installation, pretended

from benchbench.datasets.status import HEADINGS
from benchbench.registry import entry_points

DATASET = '''
from dataclasses import dataclass
import numpy as np
from benchbench import Collection, Dataset, DecodedClass, hookimpl
from benchbench.errors import BenchbenchError

@dataclass
class Toy(Dataset):
    """A toy."""
    name = "toy"
    licence = "CC0"
    citation = "Nobody, 2000"
    missing: bool = False

    def sources(self, places):
        if self.missing:
            raise BenchbenchError("put toys here")
        return [self.origin] if self.origin else []

    def expected_counts(self):
        return {"x": 2, "y": 3, "z": 1}

    def decode(self, sources):
        yield DecodedClass("x", np.zeros((2, 4, 5, 1), np.uint8))
        yield DecodedClass("y", np.zeros((4, 4, 5, 1), np.uint8), unreadable=["y/5.png"])

    def split_classes(self, class_names, sources):
        return {"train": np.array([0]), "val": np.array([], int), "test": np.array([1])}

class Toys(Collection):
    """Two toys."""
    name = "toys"
    test_source = ""

    def members(self, places):
        return ["toy[missing=true]", "toy"]

@hookimpl
def register_datasets(register):
    register(Toy)
    register(Toys)
'''


def facts(result: Result) -> dict[str, str]:
    """The lines of `data prepare` by their first words."""
    lines = [line for line in result.stdout.splitlines() if line.startswith("  ")]
    return {line[2:14].strip(): line[14:].strip() for line in lines}


def prepared(*arguments: object) -> dict[str, str]:
    return facts(succeeded("data", "prepare", *arguments))


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation whose data sets are `toy` and `toys`."""
    monkeypatch.setenv("BENCHBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "site").mkdir()
    with pretended(tmp_path / "site", monkeypatch) as installation:
        module = installation.add("benchbench.datasets", "toy", DATASET)
        installation.add("benchbench.datasets", "toys", None, module=module)
        yield installation


def listed(*arguments: object) -> dict[str, str]:
    """The lines of `data list` by the name of the data set."""
    heading, *lines = succeeded("data", "list", *arguments).stdout.splitlines()
    assert heading.split() == " ".join(HEADINGS).split()
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines if line}


class TestList:
    @pytest.fixture(autouse=True)
    def nothing_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*arguments: object, **options: object) -> None:
            raise AssertionError("something was fetched")

        monkeypatch.setattr(urllib.request, "urlopen", refuse)
        monkeypatch.setenv("BENCHBENCH_CACHE", str(tmp_path / "cache"))
        (tmp_path / "data").mkdir()

    def test_every_data_set_has_a_line_and_nothing_is_made(self, tmp_path: Path) -> None:
        lines = listed("--data-root", tmp_path / "data")
        names = {name.split(":")[0].split("[")[0] for name in lines}
        assert names - {"`benchbench", "data", "cache"} == {*entry_points.available("dataset")}
        assert lines["omniglot"] == "to fetch MIT"
        assert lines["glyphs"] == "generated no MIT"
        assert lines["folder:PATH"] == "yours"
        assert lines["cub"].startswith("missing ")
        assert list(tmp_path.rglob("*")) == [tmp_path / "data"]

    @pytest.mark.data
    def test_files_that_are_here(self, data_root: Path) -> None:
        line = listed("--data-root", data_root)["omniglot"]
        assert line == f"here no {data_root / 'omniglot-py'} MIT"

    def test_a_damaged_table_and_a_broken_plug_in_harm_no_other(self, tmp_path, toy) -> None:
        toy.add("benchbench.datasets", "broken", "import no_such_library\n")
        assert listed()["toy"] == "generated no CC0"
        succeeded("data", "prepare", "toy")
        assert listed()["toy"] == "generated yes 1/0/1 6 4 x 5 x 1 120 bytes CC0"
        assert listed()["broken"] == "BROKEN see `benchbench doctor`"
        (header,) = (tmp_path / "cache").rglob("table.json")
        header.chmod(0o644)
        header.write_text("{}")
        assert listed()["toy"].startswith("damaged The cache folder")

    @pytest.mark.usefixtures("toy")
    def test_a_data_set_that_is_several_has_a_line_for_each(self) -> None:
        lines = listed()
        assert lines["toy[missing=true]"] == "missing CC0"
        assert "toys" not in lines


class TestPrepare:
    @pytest.mark.usefixtures("toy")
    def test_what_differs_from_the_published_counts_is_told(self) -> None:
        result = succeeded("data", "prepare", "toy")
        told = facts(result)
        assert result.stdout.startswith("toy\n")
        assert len(told["fingerprint"]) == 64
        assert (
            told.items()
            >= {
                "from": "generated",
                "licence": "CC0",
                "classes": "1 train, 0 val, 1 test",
                "images": "6, 2 to 4 a class",
                "pixels": "4 x 5, grey",
                "on disk": "120 bytes",
                "cite": "Nobody, 2000",
                "unreadable": "1: y/5.png",
                "published": "1 published class missing: z.",
            }.items()
        )
        assert "'y' has 4 images instead of 3." in result.stdout

    @pytest.mark.usefixtures("toy")
    def test_of_many_differences_the_first_are_told(self, toy: Installation) -> None:
        source = DATASET.replace('"z": 1}', '"z": 1, **dict.fromkeys(map(str, range(6)), 9)}')
        source = source.replace(
            "    def split_classes",
            "        for name in range(6):\n"
            "            yield DecodedClass(str(name), np.zeros((2, 4, 5, 1), np.uint8))\n\n"
            "    def split_classes",
        )
        toy.add("benchbench.datasets", "many", source.replace('"toy"', '"many"'))
        result = succeeded("data", "prepare", "many")
        assert result.stdout.count(" instead of ") == 4
        assert "and 3 more; `data verify --format json` lists all" in result.stdout

    @pytest.mark.usefixtures("toy")
    def test_of_several_a_missing_one_leaves_the_others(self, tmp_path: Path) -> None:
        result = succeeded("data", "prepare", "toys")
        assert facts(result)["classes"] == "1 train, 0 val, 1 test"
        assert "toy[missing=true]: put toys here" in result.stderr
        assert result.stdout.endswith("1 of 2 data sets prepared; missing: toy[missing=true]\n")
        elsewhere = invoke("data", "prepare", "toys", "--from", tmp_path)
        assert_one_sentence(elsewhere, "for one data set; toys is toy[missing=true], toy.")

    def test_of_several_all_are_missing(self, toy: Installation) -> None:
        source = DATASET.replace('["toy[missing=true]", "toy"]', '["toy[missing=true]"]')
        (toy.folder / "fake_other_toy.py").write_text(source)
        result = invoke("data", "prepare", "toys")
        assert result.exit_code == 2
        assert "None of the 1 data sets of toys can be prepared." in result.stderr

    @pytest.mark.usefixtures("toy")
    def test_what_was_prepared_from_a_place_is_listed_as_that(self, tmp_path: Path) -> None:
        origin = tmp_path / "theirs"
        origin.mkdir()
        assert prepared("toy", "--from", origin)["from"] == str(origin)
        line = f"prepared yes 1/0/1 6 4 x 5 x 1 120 bytes {origin} CC0"
        assert listed()["toy"] == line
        origin.rmdir()
        assert listed()["toy"] == line
        assert prepared("toy")["from"] == str(origin)

    def test_facts_of_a_folder(self, tmp_path: Path) -> None:
        folder = write_pictures(tmp_path / "photos", classes=5, count=4)
        told = prepared(f"folder:{folder}[size=9]")
        assert told["from"] == str(folder)
        assert told["licence"] == "not stated"
        assert "published" not in told

    @pytest.mark.slow
    @pytest.mark.data
    def test_cifar_fs_is_whole(self, data_root: Path) -> None:
        told = prepared("cifar_fs", "--data-root", data_root)
        assert told["classes"] == "64 train, 16 val, 20 test"
        assert told["images"] == "60000, 600 a class"
        assert told["published"] == "nothing differs"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("prepare omnigolt", ["did you mean omniglot"]),
        ("prepare cifar_fs --from {here}/none", ["{here}/none", "--from"]),
        ("prepare glyphs --from {here}", ["'glyphs' reads no files from another place; drop --fr"]),
        ("prepare folder:{here}/photos.zip", ["{here}/photos.zip", "again"]),
        ("prepare folder:{here}/flat", ["one folder per class"]),
        ("perpare glyphs", ["'perpare'", "did you mean prepare"]),
    ],
)
def test_mistakes(tmp_path: Path, arguments: str, words: list[str]) -> None:
    whole = write_pictures(tmp_path / "whole", classes=5, count=4)
    archive = Path(shutil.make_archive(str(tmp_path / "photos"), "zip", whole))
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    (tmp_path / "flat").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "flat" / "a.png")
    result = invoke("data", *arguments.format(here=tmp_path).split())
    assert_one_sentence(result, *(word.format(here=tmp_path) for word in words))
