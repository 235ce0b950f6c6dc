from __future__ import annotations

import torch

from benchbench.full_context import FullContext


def test_it_is_that_of_the_papers_appendix() -> None:
    torch.manual_seed(0)
    context = FullContext(6, steps=2).requires_grad_(False)
    generator = torch.Generator().manual_seed(4)
    query, known = (torch.randn(n, 6, generator=generator) for n in (1, 5))
    hidden, found = context(query, known)
    there, back = context.support_lstm(known)[0].split(6, dim=1)
    torch.testing.assert_close(found, known + there + back)

    read = found.mean(0, keepdim=True)  # attention of h_0 = 0 is uniform
    first, cell = context.query_lstm(torch.cat([query, read], 1), (query * 0, query * 0))
    first = first + query
    weights = torch.softmax((first * found).sum(1), 0)
    read = (weights[:, None] * found).sum(0, keepdim=True)
    second, _ = context.query_lstm(torch.cat([query, read], 1), (first, cell))
    torch.testing.assert_close(hidden, second + query)
