"""The names of the files that the images of a viewer are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jinja2.utils import htmlsafe_json_dumps

from benchbench.datasets.image_files import ImageFiles
from benchbench.system.texts import legible

PUNCTUATION = 12
"""Bytes of the page that an image's name takes beside itself: its key, and what is around it."""


class FileNames:
    """The names of the files of the images of some episodes, as the page shows them."""

    def __init__(self, files: ImageFiles, episodes: Iterable[set[int]]) -> None:
        ids = sorted(set().union(*episodes))
        self._files = files
        self._names = dict(zip(ids, files.names(np.array(ids, np.int64)), strict=True))

    def remark(self, ids: Sequence[int]) -> str:
        """A sentence on how many of these images have no name, and why; empty if all have one."""
        return self._files.remark([self._names[one] for one in ids])

    def bytes_of(self, ids: Iterable[int]) -> int:
        """What these images add to the page; nothing if no image has a name."""
        if not self._known:
            return 0
        return sum(len(htmlsafe_json_dumps(self._shown(one))) + PUNCTUATION for one in ids)

    def by_image(
        self, ids: Sequence[int], images: Sequence[int]
    ) -> dict[int, tuple[int, str | None]]:
        """The id and name of each of the page's images; empty if no image has a name."""
        if not self._known:
            return {}
        return {image: self._shown(one) for image, one in zip(images, ids, strict=True)}

    @property
    def _known(self) -> bool:
        return any(name is not None for name in self._names.values())

    def _shown(self, one: int) -> tuple[int, str | None]:
        name = self._names[one]
        return one, None if name is None else legible(name)
