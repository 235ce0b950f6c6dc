"""Full context embeddings (Vinyals et al., Matching Networks, 2016, sec. 2.1.2, app. A)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FullContext(nn.Module):
    """Embeds the support in the light of the whole support, and a query in that of the support.

    size: of the features. steps: read-outs of the attention LSTM, K in the appendix.
    """

    def __init__(self, size: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.support_lstm = nn.LSTM(size, size, bidirectional=True)
        self.query_lstm = nn.LSTMCell(2 * size, size)

    def forward(self, asked: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """The embeddings of queries [n_query, d] and support [n, d], of the same shapes.

        That of the support (A.2) depends on its order, that of a query (A.1) on no other query.
        """
        known = known + self.support_lstm(known)[0].unflatten(1, (2, -1)).sum(1)
        hidden = cell = torch.zeros_like(asked)
        for _ in range(self.steps):
            read = F.softmax(hidden @ known.T, dim=1) @ known
            # The paper feeds the read-out beside the hidden state; beside the input is the same.
            output, cell = self.query_lstm(torch.cat([asked, read], dim=1), (hidden, cell))
            hidden = output + asked
        return hidden, known
