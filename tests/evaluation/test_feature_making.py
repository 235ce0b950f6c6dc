"""Features on disk: the bits that a method would compute, whole or not there at all."""

import json
import shutil
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchbench.backbones import feature_cache
from benchbench.backbones.base import Backbone
from benchbench.backbones.feature_store import StoredFeatures, all_stored, stored_for
from benchbench.datasets.open_dataset import FeatureOrigin, OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.evaluation.feature_export import feature_file
from benchbench.evaluation.feature_making import FeatureMaker
from benchbench.images import Images
from benchbench.system.compute import Compute, separate_randomness

BLOCK = 32


@dataclass(eq=False)
class Convolving(Backbone):
    """A network with weights, in which an image's features may depend on its neighbours' number."""

    name: ClassVar[str] = "convolving"
    images_at_once: ClassVar[int | None] = 10
    fails_after: ClassVar[int] = 10**6

    def build(self) -> None:
        self.layer = nn.Conv2d(self.image_shape[2], 4, 3)
        self.batches: list[int] = []

    @property
    def feature_size(self) -> int:
        height, width, _ = self.image_shape
        return 4 * prod((height - 2, width - 2))

    def embed(self, pixels: Tensor) -> Tensor:
        self.batches.append(len(pixels))
        if sum(self.batches) > self.fails_after:
            raise KeyboardInterrupt
        return self.layer(pixels).relu().flatten(1)


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[OrderedDict[object, object]]:
    """An empty cache in memory, in small blocks, and nothing from disk."""
    empty: OrderedDict[object, object] = OrderedDict()
    monkeypatch.setattr(feature_cache, "_tables", empty)
    monkeypatch.setattr(feature_cache, "BLOCK", BLOCK)
    feature_cache.use(())
    yield empty
    feature_cache.use(())


def convolving(dataset: OpenDataset, seed: int = 0, fails_after: int = 10**6) -> Convolving:
    with separate_randomness(seed):
        backbone = Convolving(image_shape=dataset.image_shape).freeze()
    backbone.fails_after = fails_after
    return backbone


def maker(dataset: OpenDataset, cache: Path, **options: int) -> FeatureMaker:
    return FeatureMaker(dataset, convolving(dataset, **options), cache)


def computed(made: FeatureMaker, split: str = "test") -> Tensor:
    """The features of a split as a method has them, in the order of storage."""
    images = made.images(split)
    return made.backbone(Images(images, images.rows))


def test_features_on_disk_are_the_bits_that_a_method_computes(dataset, tmp_path, tables) -> None:
    made = maker(dataset, tmp_path)
    expected = computed(made)
    stored = made.make("test")
    assert (stored.count, stored.size) == (160, 784)
    assert stored.numbers().tobytes() == expected.numpy().tobytes()
    tables.clear()
    made.backbone.batches.clear()
    feature_cache.use(stored_for(stored.key.images, tmp_path))
    assert torch.equal(computed(made), expected)
    assert made.backbone.batches == []
    assert made.make("test") == stored


def test_what_is_written_to_features_does_not_reach_the_disk(dataset, tmp_path) -> None:
    stored = maker(dataset, tmp_path).make("val")
    before = stored.file.read_bytes()
    stored.numbers()[:] = 0
    assert stored.file.read_bytes() == before


@pytest.mark.parametrize("other", ["weights", "images", "split", "threads"])
def test_features_of_anything_else_are_not_taken(
    dataset, make_dataset, tmp_path, monkeypatch, other, capsys
) -> None:
    stored = maker(dataset, tmp_path).make("test")
    asked = maker(dataset, tmp_path, seed=int(other == "weights"))
    if other == "images":
        asked = maker(make_dataset(seed=1), tmp_path)
    if other == "threads":
        monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    feature_cache.use([stored])
    computed(asked, "val" if other == "split" else "test")
    assert sum(asked.backbone.batches) == (120 if other == "split" else 160)
    assert asked.found("val" if other == "split" else "test") is None
    assert ("of threads 1, not 64" in capsys.readouterr().err) == (other == "threads")


@pytest.mark.parametrize("after", [0, 40, 100])
def test_an_interrupted_making_resumes_after_whole_blocks(dataset, tmp_path, after, capsys) -> None:
    whole = maker(dataset, tmp_path / "whole").make("test")
    with pytest.raises(KeyboardInterrupt):
        maker(dataset, tmp_path, fails_after=after).make("test")
    assert list(all_stored(tmp_path)) == []
    resumed = maker(dataset, tmp_path)
    stored = resumed.make("test")
    done = after // BLOCK * BLOCK
    assert sum(resumed.backbone.batches) == 160 - done
    assert (f"resumes after {done} of 160 images" in capsys.readouterr().err) == (done > 0)
    assert stored.file.read_bytes() == whole.file.read_bytes()


@pytest.mark.parametrize("damage", ["cut", "altered", "journal"])
def test_a_block_that_is_not_whole_is_made_again(dataset, tmp_path, damage) -> None:
    whole = maker(dataset, tmp_path / "whole").make("test")
    with pytest.raises(KeyboardInterrupt):
        maker(dataset, tmp_path, fails_after=100).make("test")
    resumed = maker(dataset, tmp_path)
    (partial,) = (tmp_path / "features").glob(".*.partial")
    numbers, journal = partial / "features.bin", partial / "journal.jsonl"
    content = bytearray(numbers.read_bytes())
    if damage == "cut":
        numbers.write_bytes(content[:-1])
    elif damage == "altered":
        content[BLOCK * 784 * 4] ^= 1
        numbers.write_bytes(content)
    else:
        journal.write_text(journal.read_text()[:-1])
    stored = resumed.make("test")
    assert sum(resumed.backbone.batches) == 160 - BLOCK * (1 if damage == "altered" else 2)
    assert stored.file.read_bytes() == whole.file.read_bytes()


@pytest.mark.parametrize("damage", ["short", "gone", "facts"])
def test_damaged_features_are_refused_with_the_cure(dataset, tmp_path, damage) -> None:
    stored = maker(dataset, tmp_path).make("test")
    if damage == "facts":
        (stored.folder / "features.json").write_text("{}")
        with pytest.raises(BenchbenchError, match="delete it and make them again"):
            list(all_stored(tmp_path))
        assert stored_for(stored.key.images, tmp_path) == ()
        return
    if damage == "short":
        stored.file.write_bytes(b"x")
    else:
        stored.file.unlink()
    with pytest.raises(BenchbenchError, match="delete it and make them again"):
        stored.numbers()


def test_features_of_another_format_are_left_alone(dataset, tmp_path) -> None:
    stored = maker(dataset, tmp_path).make("test")
    facts = json.loads((stored.folder / "features.json").read_text())
    (stored.folder / "features.json").write_text(json.dumps({**facts, "format": 0}))
    assert StoredFeatures.load(stored.folder) is None


def exported(dataset: OpenDataset, cache: Path, half: bool = False):
    made = maker(dataset, cache)
    return made, feature_file(dataset, [made.make(split) for split in made.splits()], half)


def test_an_exported_file_has_each_image_at_its_place(dataset, tmp_path) -> None:
    made, file = exported(dataset, tmp_path)
    pixels = made.backbone.prepare(dataset.images(np.arange(len(dataset.labels))))
    expected = feature_cache.embed(made.backbone, pixels).numpy()
    np.testing.assert_allclose(file.features, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(file.labels, dataset.labels)
    assert file.class_names == dataset.class_names
    assert file.splits == ["train"] * 12 + ["val"] * 6 + ["test"] * 8
    assert file.header["fingerprint"] == dataset.fingerprint


def test_half_is_the_nearest_float16(dataset, tmp_path) -> None:
    whole, half = exported(dataset, tmp_path)[1], exported(dataset, tmp_path, half=True)[1]
    np.testing.assert_array_equal(half.features, whole.features.astype(np.float16))
    assert half.features.dtype == np.float16


def test_images_in_no_split_are_left_out_and_take_the_fingerprint_along(
    dataset, tmp_path, capsys
) -> None:
    fewer = replace(dataset, splits={**dataset.splits, "train": np.arange(2, 12)})
    file = exported(fewer, tmp_path)[1]
    assert len(file.features) == len(dataset.labels) - 40
    assert file.class_names == dataset.class_names[2:]
    assert "fingerprint" not in file.header
    assert "40 images are in no split, so that other episodes" in capsys.readouterr().err


def test_altered_features_are_not_exported(dataset, tmp_path) -> None:
    stored = maker(dataset, tmp_path).make("test")
    content = stored.file.read_bytes()
    stored.file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(BenchbenchError, match="was altered"):
        feature_file(dataset, [stored], half=False)


def test_what_cannot_be_kept_is_refused(dataset, tmp_path) -> None:
    with pytest.raises(BenchbenchError, match="random weights, which each run trains"):
        FeatureMaker.of(dataset, "conv4", Compute(), tmp_path)
    vectors = replace(dataset, features=FeatureOrigin())
    with pytest.raises(BenchbenchError, match="has features and no images"):
        FeatureMaker.of(vectors, "pixels", Compute(), tmp_path)
    shutil.rmtree(tmp_path)
