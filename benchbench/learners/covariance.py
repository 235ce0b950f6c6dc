"""The running second moments of embeddings, as TiCo has them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RunningCovariance(nn.Module):
    """A running mean C [d, d] of the second moments of batches; it begins with 0.

    keep: the share that it keeps in a step. (arXiv:2206.10698, section 3)
    """

    moments: Tensor

    def __init__(self, size: int, keep: float = 0.9) -> None:
        super().__init__()
        self.keep = keep
        self.register_buffer("moments", torch.zeros(size, size))

    def penalty(self, embedded: Tensor) -> Tensor:
        """Take a batch [n, d] in, then give the mean of its z' C z, where C has no gradient."""
        with torch.no_grad():
            batch = embedded.T @ embedded / len(embedded)
            # A tensor of its own, as a backward pass may still need the one before.
            self.moments = self.keep * self.moments + (1 - self.keep) * batch
        return (embedded @ self.moments * embedded).sum(1).mean()
