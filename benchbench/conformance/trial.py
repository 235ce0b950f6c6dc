"""Episodes that can be altered: `Trial`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from benchbench.method import Images, Method, Support
from benchbench.system.arrays import ByteArray, IntArray


@dataclass(frozen=True)
class Trial:
    """One episode, with the answers; every alteration is a new trial.

    support_labels, query_labels: int64 [n] and [n_query], class slots. names: of the classes, by
    slot. seed: what the method's random numbers are drawn from.
    """

    support: Images
    support_labels: IntArray
    query: Images
    query_labels: IntArray
    n_way: int
    names: tuple[str, ...]
    dataset: str
    seed: int

    def support_for(self, method: Method, seed: int | None = None) -> Support:
        """What the method is given; its labels are a copy."""
        return Support(
            images=self.support,
            labels=torch.from_numpy(self.support_labels.copy()),
            n_way=self.n_way,
            dataset=self.dataset,
            seed=self.seed if seed is None else seed,
            names=self.names if method.uses_class_names else None,
        )

    def asking(self, positions: IntArray) -> Trial:
        """With the queries at these positions only, in this order; one may recur."""
        return replace(
            self, query=pick(self.query, positions), query_labels=self.query_labels[positions]
        )

    def asking_of(self, array: ByteArray) -> Trial:
        """With as many other images, uint8 [n_query, h, w, c], in the place of the queries."""
        return replace(self, query=Images.from_array(array))

    def learning_from(self, positions: IntArray) -> Trial:
        """With the support images at these positions only, in this order."""
        return replace(
            self,
            support=pick(self.support, positions),
            support_labels=self.support_labels[positions],
        )

    def learning_of(self, array: ByteArray) -> Trial:
        """With other pixels, uint8 [n, h, w, c], for the support images."""
        return replace(self, support=Images.from_array(array))

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
        )

    def with_seed(self, seed: int) -> Trial:
        """With other random numbers for the method."""
        return replace(self, seed=seed)


def pick(images: Images, positions: IntArray) -> Images:
    """The images at these positions."""
    source, rows = images.block()
    return Images(source, rows[positions])
