"""Features on disk: those of the images of one split by one frozen network, shared by all runs.

They lie in a folder `features/<dataset>-<split>-<key>` of the cache: `features.bin` (float32
[n, d], in the order in which the images are stored) and `features.json`. The key is the hash of
weights, images, preparation and circumstances (threads, device, versions), under which the same
bits are computed; features of other circumstances are computed anew.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

import benchbench
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.system.arrays import IntArray
from benchbench.system.progress import say_once

if TYPE_CHECKING:
    from benchbench.backbones.base import Backbone
    from benchbench.images import PixelSource

FOLDER = "features"
FORMAT = 1
LIBRARIES = ("torch", "torchvision", "timm", "open_clip_torch")
FACTS, NUMBERS = "features.json", "features.bin"

Circumstances: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class FeatureKey:
    """What features depend on.

    images: the hash of the split's images in the order in which they are stored; rows: of their
    places. network: class and parameters; weights: sha256. preparation: `Backbone.preprocessing`.
    """

    images: str
    split: str
    rows: str
    network: str
    weights: str
    preparation: str
    circumstances: Circumstances

    @classmethod
    def of(cls, backbone: Backbone, source: PixelSource, rows: IntArray) -> FeatureKey:
        """The key of the features of all images of a split by a frozen backbone here and now."""
        return cls(
            images=source.fingerprint,
            split=source.split,
            rows=hashlib.sha256(rows.tobytes()).hexdigest(),
            network=network_of(backbone),
            weights=backbone.weights_sha256(),
            preparation=backbone.preprocessing,
            circumstances=circumstances(backbone),
        )

    @property
    def digest(self) -> str:
        """The hash of the key, in hexadecimal digits."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def is_but_for_circumstances(self, other: FeatureKey) -> bool:
        """Whether it is the key of the same features, computed otherwise."""
        return self != other and self == FeatureKey(
            **{**asdict(other), "circumstances": self.circumstances}
        )


@dataclass(frozen=True)
class StoredFeatures:
    """Features that are on disk as a whole.

    dataset, fingerprint: of the images; backbone: the spec that they were made by. count: images;
    size: numbers of each. sha256: of `features.bin`; date: of the making, in UTC.
    """

    folder: Path
    key: FeatureKey
    dataset: str
    fingerprint: str
    backbone: str
    pretrained_on: tuple[str, ...]
    count: int
    size: int
    sha256: str
    date: str

    @property
    def file(self) -> Path:
        return self.folder / NUMBERS

    @property
    def bytes(self) -> int:
        return self.count * self.size * 4

    def numbers(self) -> NDArray[np.float32]:
        """The features float32 [n, d], mapped; what is written to them does not reach the file.

        Raises BenchbenchError if the file is gone or of another size.
        """
        try:
            if self.file.stat().st_size != self.bytes:
                raise _damaged(self.folder, f"{NUMBERS} has not {self.bytes} bytes")
            return np.memmap(self.file, np.float32, "c", shape=(self.count, self.size))
        except OSError as error:
            raise _damaged(self.folder, error.strerror or error) from error

    def save(self, folder: Path) -> None:
        """Write its facts to a folder, which is not yet its own."""
        facts = {name: value for name, value in asdict(self).items() if name != "folder"}
        (folder / FACTS).write_text(json.dumps({"format": FORMAT, **facts}, indent=1), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> StoredFeatures | None:
        """The features in a folder; None if they are of another format.

        Raises BenchbenchError if it is damaged.
        """
        try:
            facts = json.loads((folder / FACTS).read_text("utf-8"))
            if facts.pop("format") != FORMAT:
                return None
            key, seen = FeatureKey(**facts.pop("key")), tuple(facts.pop("pretrained_on"))
            return cls(folder=folder, key=key, pretrained_on=seen, **facts)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(folder, error) from error


def all_stored(cache: Path) -> Iterator[StoredFeatures]:
    """The features of a cache, by the names of their folders. Raises BenchbenchError if damaged."""
    for folder in _folders(cache):
        if (found := StoredFeatures.load(folder)) is not None:
            yield found


def stored_for(images: str, cache: Path) -> tuple[StoredFeatures, ...]:
    """Those of a split's images, by the hash of `FeatureKey.images`; of damaged ones it is said."""
    found = []
    for folder in _folders(cache):
        try:
            stored = StoredFeatures.load(folder)
        except BenchbenchError as error:
            say_once(str(error))
            continue
        if stored is not None and stored.key.images == images:
            found.append(stored)
    return tuple(found)


def _folders(cache: Path) -> list[Path]:
    return [folder for folder in sorted((cache / FOLDER).glob("[!.]*")) if folder.is_dir()]


def circumstances(backbone: Backbone) -> Circumstances:
    """What the bits of its features depend on beside weights and images."""
    device = backbone.device.type
    outlines = (tensor for tensor in backbone.parameters() if tensor.dim() == 4)
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "threads": torch.get_num_threads(),
        "channels_last": any(not tensor.is_contiguous() for tensor in outlines),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "benchbench": benchbench.__version__,
        **_versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def network_of(backbone: Backbone) -> str:
    """Its class and parameters, without the path of a file whose weights are hashed anyway."""
    cls = f"{type(backbone).__module__}.{type(backbone).__qualname__}"
    parameters = specs.parameters_of(backbone)
    named = {
        name: value
        for name, value in parameters.items()
        if name != "pretrained_on" and not str(value).endswith(".safetensors")
    }
    return f"{cls} {json.dumps(named, sort_keys=True, default=str)}"


def _damaged(folder: Path, error: object) -> BenchbenchError:
    return BenchbenchError(
        f"The folder of features {folder} is damaged ({error}); delete it and make them again."
    )
