"""Making features on disk: each image of a split once, in the blocks in which methods embed them.

Images are read and prepared in a thread while the network embeds those before. Blocks are appended
to a folder of another name, and a journal has the hash of each; an interrupted making resumes after
the last whole block, and a folder with its own name is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from benchbench.backbones import create_backbone, feature_cache
from benchbench.backbones.base import Backbone
from benchbench.backbones.feature_store import FACTS, FOLDER, NUMBERS, FeatureKey, StoredFeatures
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.reading.parallel import one_ahead
from benchbench.errors import BenchbenchError
from benchbench.evaluation.given import HiddenImages, hidden_images
from benchbench.evaluation.nonce import Nonce
from benchbench.images import Images
from benchbench.registry import specs
from benchbench.runs.names import slug
from benchbench.system.compute import Compute
from benchbench.system.files import file_hash, writing_to_cache
from benchbench.system.progress import meter, say
from benchbench.training.fit import learns

JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class FeatureMaker:
    """Makes the features of a data set by a frozen backbone, or finds them.

    cache: the folder below which they lie.
    """

    dataset: OpenDataset
    backbone: Backbone
    cache: Path

    @classmethod
    def of(cls, dataset: OpenDataset, backbone: str, compute: Compute, cache: Path) -> FeatureMaker:
        """With the backbone of a spec. Raises BenchbenchError unless its features can be kept."""
        dataset.check_images()
        made = create_backbone(backbone, dataset.image_shape)
        if learns(made) and not made.pretrained_on:
            raise BenchbenchError(
                f"{backbone} has random weights, which each run trains anew; name its weights."
            )
        if not made.keeps_features:
            raise BenchbenchError(f"The features of {backbone} are too large to be kept.")
        compute.place(made)
        return cls(dataset, made.freeze(), cache)

    def splits(self) -> list[str]:
        """The splits that have images."""
        return [split for split, classes in self.dataset.splits.items() if len(classes)]

    def images(self, split: str) -> HiddenImages:
        """The images of a split in the order in which they are stored."""
        return hidden_images(self.dataset, split, Nonce.derived(b"", self.dataset.fingerprint))

    def found(self, split: str) -> StoredFeatures | None:
        """The features of a split that are on disk, if they are."""
        folder = self._folder(split, self._key(split))
        return StoredFeatures.load(folder) if folder.exists() else None

    def make(self, split: str) -> StoredFeatures:
        """The features of a split, which are made unless they are on disk.

        Raises BenchbenchError if the cache cannot be written.
        """
        key = self._key(split)
        folder = self._folder(split, key)
        with writing_to_cache(folder.parent), FileLock(folder.with_name(f".{folder.name}.lock")):
            if not folder.exists():
                partial = folder.with_name(f".{folder.name}.partial")
                self._fill(partial, split)
                self._facts(folder, split, key, file_hash(partial / NUMBERS)).save(partial)
                (partial / JOURNAL).unlink()
                partial.rename(folder)
        found = StoredFeatures.load(folder)
        assert found is not None, "its format is part of the folder's name"
        return found

    def _key(self, split: str) -> FeatureKey:
        images = self.images(split)
        return FeatureKey.of(self.backbone, images, images.rows)

    def _folder(self, split: str, key: FeatureKey) -> Path:
        return self.cache / FOLDER / f"{slug(self.dataset.name)}-{split}-{key.digest[:16]}"

    def _facts(self, folder: Path, split: str, key: FeatureKey, sha256: str) -> StoredFeatures:
        return StoredFeatures(
            folder=folder,
            key=key,
            dataset=self.dataset.name,
            fingerprint=self.dataset.fingerprint,
            backbone=specs.text_of(self.backbone),
            pretrained_on=self.backbone.pretrained_on,
            count=len(self.images(split).rows),
            size=self.backbone.feature_size,
            sha256=sha256,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _fill(self, partial: Path, split: str) -> None:
        """Write the blocks that are missing."""
        images = self.images(split)
        partial.mkdir(exist_ok=True)
        starts = range(0, len(images.rows), feature_cache.BLOCK)
        what = f"{self.dataset.name}, {split}: features by {specs.text_of(self.backbone)}"
        with UnfinishedFeatures(partial, self.backbone.feature_size) as file:
            done = min(file.blocks * feature_cache.BLOCK, len(images.rows))
            if done:
                say(f"{what}: resumes after {done} of {len(images.rows)} images")
            rest = starts[file.blocks :]
            with (
                closing(embedded(self.backbone, images, rest)) as blocks,
                meter(f"{what} (images)", len(images.rows), done) as counter,
            ):
                for block in blocks:
                    file.add(block)
                    counter.advance(len(block))


def embedded(
    backbone: Backbone, images: HiddenImages, starts: range
) -> Generator[Tensor, None, None]:
    """Features float32 [n, d] of the blocks of a split that begin at `starts`.

    The next images are read and prepared in a thread while the network embeds.
    """
    features: list[Tensor] = []
    with closing(one_ahead(_prepared(backbone, images, starts))) as parts:
        for part, ends_block in parts:
            features.append(feature_cache.embed(backbone, part))
            if ends_block:
                yield torch.cat(features)
                features.clear()


def _prepared(
    backbone: Backbone, images: HiddenImages, starts: range
) -> Generator[tuple[Tensor, bool], None, None]:
    """The parts of each block, prepared, and whether a part is the last of its block."""
    for start in starts:
        block = Images(images, images.rows[start : start + feature_cache.BLOCK])
        left = len(block)
        for part in feature_cache.prepared(backbone, block):
            left -= len(part)
            yield part, left == 0


class UnfinishedFeatures:
    """A folder to which blocks of features are appended; those that are whole are kept.

    blocks: how many there are.
    """

    def __init__(self, folder: Path, size: int) -> None:
        """size: numbers of a feature vector."""
        self._numbers = (folder / NUMBERS).open("a+b")
        self._journal = (folder / JOURNAL).open("a+b")
        self.blocks = self._recovered(size * 4 * feature_cache.BLOCK)

    def __enter__(self) -> UnfinishedFeatures:
        return self

    def __exit__(self, *_: object) -> None:
        self._numbers.close()
        self._journal.close()

    def _recovered(self, size: int) -> int:
        """The whole blocks of `size` bytes that are as the journal says; the rest is cut off."""
        self._numbers.seek(0)
        self._journal.seek(0)
        lines = self._journal.read().splitlines(keepends=True)
        whole = 0
        for line in lines:
            block = self._numbers.read(size)
            if line != _line(block) or len(block) < size:
                break
            whole += 1
        self._numbers.truncate(whole * size)
        self._journal.truncate(sum(map(len, lines[:whole])))
        return whole

    def add(self, block: Tensor) -> None:
        """Append a block float32 [n, d]."""
        content = block.cpu().numpy().astype("<f4").tobytes()
        self._numbers.write(content)
        self._numbers.flush()
        self._journal.write(_line(content))
        self._journal.flush()


def _line(block: bytes) -> bytes:
    return json.dumps({"sha256": hashlib.sha256(block).hexdigest()}).encode() + b"\n"


def delete(stored: StoredFeatures) -> None:
    """Remove features from the disk."""
    (stored.folder / FACTS).unlink(missing_ok=True)
    shutil.rmtree(stored.folder)
