"""Each query normalised with its support and with no other query."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import vmap

from benchbench.learners.normalisation import BatchMoments

QUERIES_TOGETHER = 16


def outputs_one_by_one(
    outputs: Callable[[Tensor], Tensor], support_pixels: Tensor, query_pixels: Tensor
) -> Tensor:
    """Outputs [n_query, ...] of queries, for each of which the support is embedded anew.

    Batch norm takes the statistics of the support and this query, as the inductive protocol of
    Nichol et al. (arXiv:1803.02999) does. outputs: of a batch of prepared images, by
    operations that `vmap` takes.
    """

    def alone(pixels: Tensor) -> Tensor:
        # Twice: as one of those that give the moments, and as what they normalise, so that the
        # moments are seen to be of this query and no other.
        batch = torch.cat([support_pixels, pixels[None], pixels[None]])
        with BatchMoments(len(support_pixels) + 1):
            return outputs(batch)[-1]

    return vmap(alone, chunk_size=QUERIES_TOGETHER)(query_pixels)
