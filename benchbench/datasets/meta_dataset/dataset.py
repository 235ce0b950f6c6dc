"""One source of Meta-Dataset (Triantafillou et al., ICLR 2020, arXiv:1903.03096)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.base import SPLITS, Dataset, splits_by_name
from benchbench.datasets.decoded import PendingClass
from benchbench.datasets.meta_dataset import readers
from benchbench.datasets.meta_dataset.decoding import SourceDecoder, kept_of
from benchbench.datasets.meta_dataset.names import LICENCES, canonical
from benchbench.datasets.meta_dataset.records import read_records, records_folder
from benchbench.datasets.meta_dataset.resizing import Interpolation
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec, source_spec
from benchbench.datasets.omniglot import CHARACTERS, archive
from benchbench.datasets.reading.file_tree import located
from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.registry.bounds import Bounds, Pixels
from benchbench.system.places import Places
from benchbench.system.progress import say

CITATION = "Triantafillou et al., Meta-Dataset, ICLR 2020 (arXiv:1903.03096)"

QUICKDRAW_SHARE = 0.01
"""Of each class: 504 262 images, 11 GB at 84 px, while the whole would be 1.1 TB. The smallest
class keeps 1 136, more than an episode can draw, and the classes' proportions, which decide about
the shots, stay as they are."""


@dataclass
class MetaDatasetSource(Dataset):
    """One of Meta-Dataset's sources, with its published classes and split.

    It is read from the files that its authors hand out or from the `.tfrecords` that Meta-Dataset's
    conversion makes of them, under `meta_dataset/aircraft` (say) of the data root. Images are
    colour squares; Omniglot is inverted, ink white on black.

    source: one of the ten, also by its usual names, such as `birds` for `cu_birds`.
    size: pixels of the square; the paper has 84 and 126.
    interpolation: how images are resized (Pillow); `published` samples them without averaging, as
        the authors' pipeline does.
    fraction: the share of each class's images that is kept, the same ones always; by default 0.01
        of Quick Draw and all of the other sources.
    """

    name: ClassVar[str] = "meta_dataset"
    argument: ClassVar[str] = "source"
    citation: ClassVar[str] = CITATION
    source: str
    size: Pixels = 84
    interpolation: Interpolation = "bilinear"
    fraction: Annotated[float, Bounds(gt=0, le=1)] | None = None

    def __post_init__(self) -> None:
        self.source = canonical(self.source)
        self.licence = LICENCES[self.source]  # type: ignore[misc]
        self._unpack_to = Path()

    @property
    def spec(self) -> SourceSpec:
        """What is prescribed for the source."""
        return source_spec(self.source)

    def sources(self, places: Places) -> list[Path]:
        name = self.spec.name
        layout = readers.READERS[name].LAYOUT
        self._unpack_to = places.cache / "unpacked" / f"meta_dataset-{name}"
        cure = (
            f"Meta-Dataset's source {name} is not under the data root: put its files "
            f"({layout.text}) or its .tfrecords into meta_dataset/{name} there, or name them with "
            f"`benchbench data prepare meta_dataset/{name} --from PATH`."
        )
        folder = f"meta_dataset/{name}"
        if name != "omniglot" or self.origin is not None:
            return [located(self, places, [folder, *layout.folders], cure)]
        try:
            return [located(self, places, [folder], cure)]
        except BenchbenchError:
            return [archive(places, part) for part in CHARACTERS]

    def pixel_parameters(self) -> dict[str, Any]:
        return {**specs.parameters_of(self), "fraction": self._share()}

    def decode(self, sources: list[Path]) -> Iterator[PendingClass]:
        files, where = self._files(sources)
        if self.fraction is None and self._share() < 1:
            say(f"{self.name}:{self.source} keeps {self._share():.0%} of each class (fraction)")
        decoder = SourceDecoder(
            self.spec, files, str(where), self.size, self.interpolation, self._share()
        )
        return decoder.classes()

    def _files(self, sources: list[Path]) -> tuple[SourceFiles, Path]:
        """The images, and where they are, for a message."""
        folder = records_folder(sources[0], self.source)
        if folder is not None:
            return read_records(folder, self.spec), folder
        path = sources[0]
        if len(sources) > 1:
            path = path.parent
            if any(source.parent != path for source in sources):
                raise BenchbenchError(
                    f"{' and '.join(map(str, sources))} are not in one folder; put them into one."
                )
        return readers.read(self.source, path, self.spec, self._unpack_to), path

    def _share(self) -> float:
        if self.fraction is not None:
            return self.fraction
        return QUICKDRAW_SHARE if self.source == "quickdraw" else 1.0

    def expected_counts(self) -> dict[str, int]:
        spec = self.spec
        return {
            spec.words[name]: kept_of(count, self._share())
            for name, count in spec.images_per_class.items()
        }

    def split_classes(
        self, class_names: list[str], sources: list[Path]
    ) -> dict[str, NDArray[np.int64]]:
        spec = self.spec
        names = {split: [spec.words[name] for name in spec.classes[split]] for split in SPLITS}
        return splits_by_name(class_names, names)

    def names_are_words(self, class_names: list[str]) -> bool:
        return self.source != "omniglot"

    def nodes(self, class_names: list[str]) -> dict[str, list[NDArray[np.int64]]] | None:
        spec = self.spec
        position = {name: index for index, name in enumerate(class_names)}
        ids = {name: position[words] for name, words in spec.words.items()}
        return {
            split: [np.array(sorted(ids[name] for name in node), np.int64) for node in nodes]
            for split, nodes in spec.nodes.items()
        } or None
