"""A data set prepared from a place of the user's opens at once, and without that place."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from benchbench.datasets.base import SPLITS, Dataset
from benchbench.datasets.decoded import DecodedClass
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset, prepare
from benchbench.datasets.reading.file_tree import FileTree, located
from benchbench.datasets.reading.offline import only_looking
from benchbench.datasets.shapes import Shapes
from benchbench.datasets.tables import cache as cache_module
from benchbench.datasets.tables import prepared
from benchbench.datasets.tables.prepared import forget, prepared_record, state_changed
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places


@dataclass
class Greys(Dataset):
    """A class for each file: an image of the grey that the file holds."""

    name: ClassVar[str] = "greys"
    argument: ClassVar[str] = "which"
    which: str = "mine"
    side: int = 2
    test: int = 1
    decodings: int = field(default=0, kw_only=True)
    asked: list[list[Path]] = field(default_factory=list, kw_only=True)

    def sources(self, places: Places) -> list[Path]:
        return [located(self, places, [self.which], f"Put {self.which} there.")]

    def pixel_parameters(self) -> dict[str, Any]:
        return {"side": self.side}

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        self.decodings += 1
        tree = FileTree(sources[0])
        for name in tree.names:
            grey = int(tree.read(name))
            yield DecodedClass(name, np.full((1, self.side, self.side, 1), grey, np.uint8))

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, np.ndarray]:
        self.asked.append(sources)
        cut = len(class_names) - self.test
        train, val, test = np.arange(cut), np.arange(0), np.arange(cut, len(class_names))
        return dict(zip(SPLITS, (train, val, test), strict=True))


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return write(tmp_path / "elsewhere", {"a": 1, "b": 2, "c": 3})


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "root", tmp_path / "cache")


def write(folder: Path, files: dict[str, int]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, grey in files.items():
        (folder / name).write_text(str(grey))
    return folder


def greys(dataset: OpenDataset) -> list[int]:
    return dataset.pixels[:, 0, 0, 0].tolist()


def test_it_opens_without_its_origin(places: Places, origin: Path) -> None:
    first = prepare(Greys(), places, origin)
    assert greys(first) == [1, 2, 3]
    shutil.rmtree(origin)
    again = Greys()
    opened = open_dataset(again, places)
    assert opened.fingerprint == first.fingerprint
    assert again.decodings == 0
    assert again.asked == [[origin]]


def test_it_is_decoded_anew_by_a_new_decoder_if_its_origin_is_there(
    places: Places, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(Greys(), places, origin)
    monkeypatch.setattr(Greys, "decoding", 2)
    for decodings in (1, 0):
        again = Greys()
        assert greys(open_dataset(again, places)) == [1, 2, 3]
        assert again.decodings == decodings
    shutil.rmtree(origin)
    monkeypatch.setattr(Greys, "decoding", 3)
    again = Greys()
    assert greys(open_dataset(again, places)) == [1, 2, 3]
    assert again.decodings == 0


def test_it_opens_without_a_look_at_the_origin(
    places: Places, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(Greys(), places, origin)
    monkeypatch.setattr(cache_module, "states_of", None)
    monkeypatch.setattr(prepared, "state_of", None)
    with only_looking():
        assert greys(open_dataset(Greys(), places)) == [1, 2, 3]


def test_another_split_of_it_opens_as_well(places: Places, origin: Path) -> None:
    prepare(Greys(), places, origin)
    shutil.rmtree(origin)
    assert open_dataset(Greys(test=2), places).splits["test"].tolist() == [1, 2]


@pytest.mark.parametrize("other", [Greys(side=3), Greys(which="yours")])
def test_other_pixels_and_another_argument_are_another_data_set(
    places: Places, origin: Path, other: Greys
) -> None:
    prepare(Greys(), places, origin)
    assert prepared_record(other, places) is None
    with pytest.raises(BenchbenchError, match=r"^Put (mine|yours) there\.$"):
        open_dataset(other, places)


def test_the_record_says_what_was_prepared(places: Places, origin: Path) -> None:
    opened = prepare(Greys(), places, origin)
    record = prepared_record(Greys(), places)
    assert record is not None
    assert record.origin == str(origin)
    assert record.sources == [str(origin)]
    assert record.identity == {"name": "greys", "argument": "mine", "parameters": {"side": 2}}
    assert record.date.endswith("+00:00")
    files = [path for path in (places.cache / record.table).iterdir() if path.is_file()]
    assert record.size == sum(path.stat().st_size for path in files) > np.prod(opened.pixels.shape)


def test_what_is_under_the_data_root_leaves_no_record(places: Places) -> None:
    write(places.data_root / "mine", {"a": 5})
    assert greys(prepare(Greys(), places)) == [5]
    assert prepared_record(Greys(), places) is None
    write(places.data_root / "mine", {"a": 66})
    assert greys(open_dataset(Greys(), places)) == [66]


def test_a_table_that_was_deleted_is_decoded_again(places: Places, origin: Path) -> None:
    prepare(Greys(), places, origin)
    shutil.rmtree(places.cache / "datasets")
    again = Greys()
    assert greys(open_dataset(again, places)) == [1, 2, 3]
    assert again.decodings == 1


def of_an_earlier_version(places: Places) -> None:
    """Make the only table look as if its images lay in another order."""
    (header,) = (places.cache / "datasets").rglob("table.json")
    header.chmod(0o644)
    header.write_text(header.read_text().replace('"format": 2, ', ""))
    header.parent.rename(header.parent.with_name("greys-of-before"))
    (record,) = (places.cache / "prepared").iterdir()
    content = json.loads(record.read_text()) | {"table": "datasets/greys-of-before"}
    record.write_text(json.dumps(content))


def test_a_table_of_an_earlier_version_is_decoded_again(places: Places, origin: Path) -> None:
    prepare(Greys(), places, origin)
    of_an_earlier_version(places)
    again = Greys()
    for _ in range(2):
        assert greys(open_dataset(again, places)) == [1, 2, 3]
    assert again.decodings == 1


def test_a_table_of_an_earlier_version_without_its_origin(places: Places, origin: Path) -> None:
    prepare(Greys(), places, origin)
    of_an_earlier_version(places)
    shutil.rmtree(origin)
    with pytest.raises(BenchbenchError, match=r"are gone from the cache, or of another version"):
        open_dataset(Greys(), places)


def test_an_origin_that_changed_counts_once_the_table_is_deleted(
    places: Places, origin: Path
) -> None:
    prepare(Greys(), places, origin)
    write(origin, {"a": 100})
    assert greys(open_dataset(Greys(), places)) == [1, 2, 3]
    shutil.rmtree(places.cache / "datasets")
    for _ in range(2):
        assert greys(open_dataset(Greys(), places)) == [100, 2, 3]
    record = prepared_record(Greys(), places)
    assert record is not None
    assert not state_changed(record)


def test_without_table_and_origin_there_is_one_sentence(places: Places, origin: Path) -> None:
    prepare(Greys(), places, origin)
    shutil.rmtree(places.cache / "datasets")
    shutil.rmtree(origin)
    with pytest.raises(BenchbenchError, match=r"^The decoded images of 'greys' are gone .*prepare"):
        open_dataset(Greys(), places)


def test_preparing_anew_takes_the_new_origin(places: Places, origin: Path, tmp_path: Path) -> None:
    prepare(Greys(), places, origin)
    prepare(Greys(), places, write(tmp_path / "other", {"a": 9}))
    assert greys(open_dataset(Greys(), places)) == [9]


def test_preparing_the_same_place_again_sees_its_changes(places: Places, origin: Path) -> None:
    prepare(Greys(), places, origin)
    write(origin, {"a": 100})
    assert greys(prepare(Greys(), places, origin)) == [100, 2, 3]


@pytest.mark.parametrize("harm", ["change", "touch", "remove", "add"])
def test_a_changed_state_is_seen(places: Places, origin: Path, harm: str) -> None:
    prepare(Greys(), places, origin)
    record = prepared_record(Greys(), places)
    assert record is not None
    assert not state_changed(record)
    if harm == "change":
        write(origin, {"a": 100})
    elif harm == "touch":
        os.utime(origin / "a", ns=(1, 1))
    elif harm == "remove":
        shutil.rmtree(origin)
    else:
        write(origin, {"d": 4})
    assert state_changed(record)


def test_what_is_forgotten_is_looked_for_again(places: Places, origin: Path) -> None:
    prepare(Greys(), places, origin)
    forget(Greys(), places)
    forget(Greys(), places)
    with pytest.raises(BenchbenchError, match=r"^Put mine there\.$"):
        open_dataset(Greys(), places)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", '{"origin": 1}'])
def test_a_damaged_record_is_one_sentence(places: Places, origin: Path, content: str) -> None:
    prepare(Greys(), places, origin)
    (path,) = (places.cache / "prepared").iterdir()
    path.write_text(content)
    with pytest.raises(BenchbenchError, match=r"is damaged .*prepare 'greys' again") as caught:
        open_dataset(Greys(), places)
    assert str(path) in str(caught.value)


def test_a_missing_origin_is_one_sentence(places: Places, tmp_path: Path) -> None:
    with pytest.raises(BenchbenchError, match=r"^There is no folder or file .*nowhere\.$"):
        prepare(Greys(), places, tmp_path / "nowhere")


def test_a_generated_data_set_has_no_origin(places: Places, origin: Path) -> None:
    with pytest.raises(BenchbenchError, match=r"^'shapes' is generated and reads no files; leave"):
        prepare(Shapes(), places, origin)


def test_a_relative_origin_is_kept_whole(
    places: Places, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(origin.parent)
    prepare(Greys(), places, Path(origin.name))
    record = prepared_record(Greys(), places)
    assert record is not None
    assert record.origin == str(origin)
