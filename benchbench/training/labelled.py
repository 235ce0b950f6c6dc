"""What a step of training is given: labelled episodes, alone or in groups, and batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from benchbench.images import Images
from benchbench.method import Support


@dataclass
class LabelledEpisode:
    """A training episode.

    query_labels: int64 tensor [n_query] of class slots. images: the support images and after them
    the queries, for a network that embeds both in one pass.
    """

    support: Support
    query: Images
    query_labels: torch.Tensor
    images: Images

    def split(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The features of the support, and of the queries, from those of `images`."""
        sizes = [len(self.support.images), len(self.query)]
        known, asked = torch.split(features, sizes)
        return known, asked


class EpisodeGroup(list[LabelledEpisode]):
    """The training episodes of one step (a meta-batch)."""

    @cached_property
    def images(self) -> Images:
        """The images of all episodes, one episode after the other, to be embedded in one pass."""
        return joined([episode.images for episode in self])

    def split(self, features: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The features of each episode's support, and of its queries, from those of `images`."""
        parts = torch.split(features, [len(episode.images) for episode in self])
        return [episode.split(part) for episode, part in zip(self, parts, strict=True)]


def joined(handles: Sequence[Images]) -> Images:
    """One handle on the images of all; on their pixels alone, if they are of several sources."""
    blocks = [handle.block() for handle in handles]
    source = blocks[0][0]
    if all(each is source for each, _ in blocks):
        return Images(source, np.concatenate([rows for _, rows in blocks]))
    return Images.from_array(np.concatenate([handle.array for handle in handles]))


@dataclass
class Batch:
    """Training images of any classes; labels: int64 tensor [n], below `source.n_classes`."""

    images: Images
    labels: torch.Tensor
