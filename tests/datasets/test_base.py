"""What a data set plug-in has to say, and what the core makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from support.opened import split_ids

from benchbench.datasets.base import SPLITS, Dataset, splits_by_name
from benchbench.datasets.decoded import DecodedClass
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.episodes import Episode, EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.system.places import Places

NAMES = ["ant", "bee", "cat", "dog"]


@dataclass
class Grey(Dataset):
    """Four classes of three images, each of one grey: ten times the class plus the image."""

    name: ClassVar[str] = "grey"
    offset: int = 0

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        for index, name in enumerate(NAMES):
            values = 10 * index + np.arange(3) + self.offset
            images = np.broadcast_to(values[:, None, None, None], (3, 2, 4, 1))
            yield DecodedClass(name, images.astype(np.uint8))

    def split_classes(
        self, class_names: list[str], sources: list[Path]
    ) -> dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]]:
        return splits_by_name(class_names, {"train": ["ant", "dog"], "test": ["cat"]})


@dataclass
class Prescribed(Grey):
    """One episode, prescribed."""

    name: ClassVar[str] = "prescribed"

    def fixed_episodes(self, dataset: OpenDataset) -> EpisodeSet:
        support, query, slots = np.array([6]), np.array([7, 8]), np.array([0, 0])
        episode = Episode(dataset.splits["test"], support, slots[:1], query, slots)
        origin = {"dataset": dataset.name, "fingerprint": dataset.fingerprint}
        return EpisodeSet.from_episodes([episode], split="test", protocol="one", **origin)


def grey(tmp_path: Path, **parameters: int) -> OpenDataset:
    return open_dataset(Grey(**parameters), Places(tmp_path / "data", tmp_path / "cache"))


def test_a_plug_in_says_only_how_to_decode_and_split(tmp_path: Path) -> None:
    dataset = grey(tmp_path)
    assert dataset.name == "grey"
    assert dataset.class_names == NAMES
    assert dataset.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert dataset.labels.dtype == np.int64
    assert dataset.image_shape == (2, 4, 1)
    assert dataset.pixels[:, 0, 0, 0].tolist() == [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32]
    assert split_ids(dataset) == [[0, 3], [], [2]]


def test_what_is_not_known_is_none(tmp_path: Path) -> None:
    dataset = grey(tmp_path)
    assert dataset.hierarchy is None
    assert dataset.groups is None
    assert dataset.fixed_episodes is None
    assert dataset.unreadable == []


def test_the_name_is_the_canonical_spec(tmp_path: Path) -> None:
    assert grey(tmp_path, offset=5).name == "grey[offset=5]"
    assert grey(tmp_path, offset=0).name == "grey"


def test_parameters_change_pixels_and_fingerprint(tmp_path: Path) -> None:
    plain, lighter = grey(tmp_path), grey(tmp_path, offset=5)
    np.testing.assert_array_equal(lighter.pixels, np.asarray(plain.pixels) + 5)
    assert lighter.fingerprint != plain.fingerprint


def test_prescribed_episodes_come_with_the_data_set(tmp_path: Path) -> None:
    dataset = open_dataset(Prescribed(), Places(tmp_path, tmp_path))
    assert dataset.fixed_episodes[0].classes.tolist() == [2]
    assert dataset.fixed_episodes.fingerprint == dataset.fingerprint


def test_images_are_a_fresh_array(tmp_path: Path) -> None:
    dataset = grey(tmp_path)
    images = dataset.images(np.array([11, 0]))
    assert type(images) is np.ndarray
    assert images[:, 0, 0, 0].tolist() == [32, 0]
    images[:] = 99
    assert dataset.pixels[0].max() == 0


def test_a_class_in_two_splits_is_refused(dataset: OpenDataset) -> None:
    splits = {**dataset.splits, "val": dataset.splits["test"][:1]}
    with pytest.raises(BenchbenchError, match=r"^toy-0: class 'class 18' is in both"):
        replace(dataset, splits=splits)


def test_public_ids_are_a_permutation_that_hangs_on_the_fingerprint_alone(make_dataset) -> None:
    first, other = make_dataset(seed=1), make_dataset(seed=2)
    assert sorted(first.public_ids) == list(range(len(first.labels)))
    renamed = replace(other, name="other", fingerprint=first.fingerprint)
    np.testing.assert_array_equal(first.public_ids, renamed.public_ids)
    assert first.public_ids[:6].tolist() == [46, 170, 420, 40, 486, 423]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_view_has_the_rows_of_its_split(dataset: OpenDataset, split: str) -> None:
    view = dataset.view(split)
    belongs = [label in dataset.splits[split] for label in dataset.labels]
    assert view.rows.tolist() == [row for row, here in enumerate(belongs) if here]
    assert (view.split, view.fingerprint) == (split, dataset.fingerprint)
    np.testing.assert_array_equal(view.read(view.rows[[2, 0]]), dataset.pixels[view.rows[[2, 0]]])


def test_a_view_goes_by_labels_not_by_position(dataset: OpenDataset) -> None:
    order = np.random.default_rng(0).permutation(len(dataset.labels))
    mixed = replace(dataset, pixels=dataset.pixels[order], labels=dataset.labels[order])
    rows = mixed.view("val").rows
    assert set(mixed.labels[rows]) == set(dataset.splits["val"])
    assert (np.diff(rows) > 0).all()


def test_a_generated_data_set_has_no_sources_and_all_parameters_count(tmp_path: Path) -> None:
    assert Grey().sources(Places(tmp_path, tmp_path)) == []
    assert Grey(offset=3).pixel_parameters() == {"offset": 3}


def test_splits_are_class_ids_in_ascending_order() -> None:
    splits = splits_by_name(NAMES, {"test": ["dog", "ant"], "val": []})
    assert [splits[split].tolist() for split in SPLITS] == [[], [], [0, 3]]
    assert {ids.dtype for ids in splits.values()} == {np.dtype(np.int64)}


def test_a_name_that_recurs_counts_once_and_accents_count_however_they_are_composed() -> None:
    splits = splits_by_name(
        ["caf\u00e9", "a\u0308"], {"test": ["cafe\u0301"] * 2, "val": ["\u00e4"]}
    )
    assert [splits[split].tolist() for split in SPLITS] == [[], [1], [0]]


def test_names_that_differ_in_their_accents_alone_are_told_apart() -> None:
    names = ["cafe\u0301", "caf\u00e9"]
    splits = splits_by_name(names, {"train": names[:1], "test": names[1:]})
    assert [splits[split].tolist() for split in SPLITS] == [[0], [], [1]]


class Telling(Grey):
    """What is left out of it is told."""

    name: ClassVar[str] = "telling"

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        self.remark("1 file was left out: a\nb\x1b[31m\udce9.")
        yield from super().decode(sources)

    def split_classes(self, class_names, sources):
        self.remark("1 class is in no split: bee.")
        return super().split_classes(class_names, sources)


def test_what_is_left_out_is_said_once_and_kept(tmp_path: Path, capsys) -> None:
    places = Places(tmp_path / "data", tmp_path / "cache")
    told = [r"1 file was left out: a\nb\x1b[31m\udce9.", "1 class is in no split: bee."]
    for _ in range(2):
        for dataset in (Telling(), Telling(offset=3)):
            assert open_dataset(dataset, places).remarks == told
    assert capsys.readouterr().err.splitlines() == [
        f"{name}: {remark}" for name in ("telling", "telling[offset=3]") for remark in told
    ]
    assert grey(tmp_path).remarks == []


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({"train": ["ant"], "dev": ["bee"]}, r"^'dev' is not a split; .* train, val, test\.$"),
        ({"train": ["cow"], "test": ["emu"]}, r"^2 classes of the split are not .* 'cow'\.$"),
    ],
)
def test_an_unknown_split_or_class_is_named(splits: dict[str, list[str]], says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        splits_by_name(NAMES, splits)


def test_the_hash_of_splits_sees_members_and_not_the_order_of_the_splits(dataset) -> None:
    backwards = dict(reversed(dataset.splits.items()))
    assert replace(dataset, splits=backwards).splits_sha256 == dataset.splits_sha256
    swapped = {**dataset.splits, "train": dataset.splits["val"], "val": dataset.splits["train"]}
    assert replace(dataset, splits=swapped).splits_sha256 != dataset.splits_sha256
