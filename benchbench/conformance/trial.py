"""Episodes that can be altered: `Trial`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchbench.images import Images
from benchbench.method import Method, Support
from benchbench.system.arrays import ByteArray, IntArray
from benchbench.training.streams import support_for


@dataclass(frozen=True)
class Trial:
    """One episode, with the answers; every alteration is a new trial.

    support_labels, query_labels: int64 [n] and [n_query], class slots. names: of the classes, by
    slot. seed: of the method's random numbers. attributes: float32 [n_way, a] of the classes by
    slot, if any is known. unlabelled: images without labels, for a method that declares to use
    them.
    """

    support: Images
    support_labels: IntArray
    query: Images
    query_labels: IntArray
    names: tuple[str, ...]
    dataset: str
    seed: int
    attributes: NDArray[np.float32] | None = None
    unlabelled: Images | None = None

    @property
    def n_way(self) -> int:
        return len(self.names)

    def support_for(self, method: Method) -> Support:
        """What the method is given."""
        told = self.names, self.dataset, self.seed, self.attributes, self.unlabelled
        return support_for(method, self.support, self.support_labels, *told)

    def asking(self, positions: IntArray) -> Trial:
        """With only the queries at these positions, in this order; one may recur."""
        return replace(
            self, query=pick(self.query, positions), query_labels=self.query_labels[positions]
        )

    def asking_of(self, array: ByteArray) -> Trial:
        """With other images, uint8 [n_query, h, w, c], in place of the queries."""
        return replace(self, query=Images.from_array(array))

    def learning_from(self, positions: IntArray) -> Trial:
        """With only the support images at these positions, in this order."""
        return replace(
            self,
            support=pick(self.support, positions),
            support_labels=self.support_labels[positions],
        )

    def beside(self, positions: IntArray) -> Trial:
        """With only the unlabelled images at these positions, in this order."""
        assert self.unlabelled is not None
        return replace(self, unlabelled=pick(self.unlabelled, positions))

    def labelled(self, support_labels: IntArray) -> Trial:
        """With other labels of the support."""
        return replace(self, support_labels=support_labels)

    def relabelled(self, sigma: IntArray) -> Trial:
        """With the class of slot k moved to slot sigma[k]."""
        back = np.argsort(sigma)
        return replace(
            self,
            support_labels=sigma[self.support_labels],
            query_labels=sigma[self.query_labels],
            names=tuple(self.names[slot] for slot in back),
            attributes=None if self.attributes is None else self.attributes[back],
        )


def pick(images: Images, positions: IntArray) -> Images:
    """The images at these positions."""
    source, rows = images.block()
    return Images(source, rows[positions])
