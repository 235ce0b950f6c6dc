"""Causal layers for a support that is read as a sequence, and for queries that each come after it.

Rows [..., n, size] are the support's positions and after them the queries, each of which comes
directly after the support: as none sees another, one pass has a sequence for each query. A layer
joins what it finds to its input, so that rows grow.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CausalConvolution(nn.Module):
    """A causal convolution of kernel 2 with a gate (van den Oord et al., WaveNet, 2016).

    size: of a row. filters: numbers that it joins to each row. dilation: how many positions are
    from one of the kernel's places to the other.
    """

    def __init__(self, size: int, filters: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        # One layer on two rows is the convolution; its halves are the values and their gates.
        self.both = nn.Linear(2 * size, 2 * filters)

    def forward(self, rows: Tensor, n_support: int) -> Tensor:
        """Rows [..., n, size + filters] of rows [..., n, size]; n_support are the support's."""
        position = torch.arange(rows.shape[-2], device=rows.device).clamp(max=n_support)
        earlier = (position - self.dilation + 1).clamp(min=0)
        # One position of zeros is before all.
        past = F.pad(rows, (0, 0, 1, 0))[..., earlier, :]
        value, gate = self.both(torch.cat([past, rows], dim=-1)).chunk(2, dim=-1)
        return torch.cat([rows, value.tanh() * gate.sigmoid()], dim=-1)


class CausalAttention(nn.Module):
    """Each position reads from itself and those before it (Vaswani et al., NeurIPS 2017).

    size: of a row. keys: the size of a key. values: numbers that it joins to each row.
    """

    def __init__(self, size: int, keys: int, values: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(size, keys), nn.Linear(size, keys)
        self.value = nn.Linear(size, values)

    def forward(self, rows: Tensor, n_support: int) -> Tensor:
        """Rows [..., n, size + values] of rows [..., n, size]; n_support are the support's."""
        return torch.cat([rows, self.weights(rows, n_support) @ self.value(rows)], dim=-1)

    def weights(self, rows: Tensor, n_support: int) -> Tensor:
        """How much each row reads from each [..., n, n]; every row sums to 1."""
        logits = self.query(rows) @ self.key(rows).mT / self.key.out_features**0.5
        place = torch.arange(rows.shape[-2], device=rows.device)
        seen = (place <= place[:, None]) & (place < n_support) | (place == place[:, None])
        return F.softmax(logits.masked_fill(~seen, -torch.inf), dim=-1)
