"""Omniglot (Lake, Salakhutdinov & Tenenbaum, Science 350, 2015): 1623 characters, 20 drawers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from PIL import ImageChops

from benchbench.datasets.base import SPLITS, Dataset
from benchbench.datasets.decoded import DecodedClass
from benchbench.datasets.reading.damage import copy_again
from benchbench.datasets.reading.download import download
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, UnreadableImageError
from benchbench.datasets.reading.images import Interpolation, as_array, resize
from benchbench.datasets.reading.parallel import in_parallel
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.registry.bounds import Pixels
from benchbench.registry.hookspecs import hookimpl
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.system.files import can_write
from benchbench.system.places import Places
from benchbench.system.progress import track
from benchbench.system.vision import torchvision

FOLDER = "omniglot-py"
URL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"
CHARACTERS = {"images_background": 964, "images_evaluation": 659}
DRAWERS = 20


@dataclass
class Omniglot(Dataset):
    """Omniglot's handwritten characters, from `omniglot-py` under the data root or downloaded.

    split: `meta-dataset` has 25 / 5 / 20 alphabets (883 / 81 / 659 characters), `lake` trains on
        all 30 background alphabets (964) without validation, `vinyals` has the lists of the
        ProtoNet repository (1028 / 172 / 423), which share the alphabet Gurmukhi.
    rotations: `true` adds each training character turned by 90, 180 and 270 degrees as three more
        classes; `all` does so in every split, as the published Vinyals protocol does.
    size: pixels of the square image; 105 is the original, which is left untouched.
    interpolation: the filter of Pillow for another size, in greys.
    invert: ink is 255 and paper 0, instead of the files' black on white.
    """

    name: ClassVar[str] = "omniglot"
    licence: ClassVar[str] = "MIT"
    split: Literal["meta-dataset", "lake", "vinyals"] = "meta-dataset"
    rotations: bool | Literal["all"] = False
    size: Pixels = 28
    interpolation: Interpolation = "bilinear"
    invert: bool = True

    def sources(self, places: Places) -> list[Path]:
        return [archive(places, part, self.origin) for part in CHARACTERS]

    def pixel_parameters(self) -> dict[str, Any]:
        parameters = specs.parameters_of(self)
        if not self.rotations:  # then every split has the same pixels
            del parameters["rotations"], parameters["split"]
        return parameters

    def decode(self, sources: list[Path]) -> Iterator[DecodedClass]:
        for source, part in zip(sources, CHARACTERS, strict=True):
            yield from self.decode_part(source, part)

    def decode_part(self, source: Path, part: str) -> Iterator[DecodedClass]:
        """The characters of one of Omniglot's two archives, in alphabetical order."""
        tree = FileTree(source)
        characters = _characters(tree, part)
        files = [file for drawings in characters.values() for file in drawings]
        decoded = in_parallel(self.decode_image, files)
        images = track(decoded, f"decoding {source.stem}", len(files))
        for character, drawings in characters.items():
            alphabet = character.split("/")[0]
            stack = np.stack([next(images) for _ in drawings])
            drawers = [f"{alphabet}/{Path(file.name).stem[-2:]}" for file in drawings]
            yield DecodedClass(character, stack, (alphabet,), drawers)
            rotated = self.rotations == "all" or (
                self.rotations and self.split_of(character) == "train"
            )
            for quarter in (1, 2, 3) if rotated else ():
                name = f"{character}/rot{90 * quarter:03}"
                turned = np.rot90(stack, quarter, axes=(1, 2))
                yield DecodedClass(name, turned, (alphabet,), drawers)

    def decode_image(self, file: TreeFile) -> ByteArray:
        """One drawing as uint8 [size, size, 1]. Raises BenchbenchError if it is not an image."""
        try:
            image = file.image().convert("L")
        except UnreadableImageError as error:
            raise copy_again(f"{file.name} in {file.tree.path} is not an image") from error
        image = resize(image, self.size, self.interpolation)
        return as_array(ImageChops.invert(image) if self.invert else image)

    def split_of(self, character: str) -> str:
        """The split of `ALPHABET/CHARACTER` or `ALPHABET/CHARACTER/ROTATION`."""
        alphabet, number = character.split("/")[:2]
        if self.split == "vinyals":
            return vinyals_splits()[f"{alphabet}/{number}"]
        split = alphabet_splits().get(alphabet, "train")
        return "train" if split == "val" and self.split == "lake" else split

    def split_classes(self, class_names: list[str], sources: list[Path]) -> dict[str, IntArray]:
        members = np.array([self.split_of(name) for name in class_names])
        return {split: np.flatnonzero(members == split) for split in SPLITS}

    def names_are_words(self, class_names: list[str]) -> bool:
        return False


@cache
def alphabet_splits() -> dict[str, str]:
    """The split of each alphabet in Meta-Dataset; five of the background set are for validation."""
    from benchbench.datasets.meta_dataset.spec import source_spec  # whose package imports this

    classes = source_spec("omniglot").classes
    return {name.rpartition("-")[0]: split for split in SPLITS for name in classes[split]}


@cache
def vinyals_splits() -> dict[str, str]:
    """Split by character, from the lists of github.com/jakesnell/prototypical-networks."""
    folder = resources.files("benchbench.datasets") / "splits" / "omniglot_vinyals"
    return {
        character: split
        for split in SPLITS
        for character in (folder / f"{split}.txt").read_text(encoding="utf-8").split()
    }


def archive(places: Places, part: str, origin: Path | None = None) -> Path:
    """`part` of Omniglot as a folder or zip under the data root, else downloaded into it.

    The cache takes the download if the data root may not be written to. origin: the folder to look
    in instead; then nothing is downloaded.
    """
    folders = [places.data_root / FOLDER, places.cache / "data" / FOLDER]
    for folder in folders if origin is None else [origin, origin / FOLDER]:
        if (folder / part).is_dir():
            return folder / part
        if (folder / f"{part}.zip").is_file():
            return folder / f"{part}.zip"
    if origin is not None:
        raise BenchbenchError(f"{origin} holds neither a folder {part} nor {part}.zip.")
    root = places.data_root if can_write(places.data_root) else places.cache / "data"
    if part == "all_runs":
        url = f"{URL}/one-shot-classification/all_runs.zip"
        md5 = "e8996daecdf12afeeb4a53a179f06b19"
    else:
        published = torchvision("datasets").Omniglot
        url, md5 = f"{published.download_url_prefix}/{part}.zip", published.zips_md5[part]
    return download(url, root / FOLDER / f"{part}.zip", md5)


def _characters(tree: FileTree, part: str) -> dict[str, list[TreeFile]]:
    """The drawings' files by `ALPHABET/CHARACTER`, whether or not the tree begins with `part`."""

    def key(name: str) -> str:
        levels = name.removeprefix(f"{part}/").split("/")
        return "/".join(levels[:2]) if len(levels) == 3 else ""

    characters = tree.images_by(key)
    if len(characters) != CHARACTERS[part]:
        raise copy_again(
            f"{tree.path} holds {len(characters)} characters instead of {CHARACTERS[part]}"
        )
    for character, files in characters.items():
        if len(files) != DRAWERS:
            raise copy_again(
                f"{tree.path} holds {len(files)} drawings of {character} instead of {DRAWERS}"
            )
    return characters


@hookimpl
def register_datasets(register: Callable[[type], None]) -> None:
    register(Omniglot)
