"""Causal layers: who sees whom, and what they compute."""

import pytest
import torch
import torch.nn.functional as F

from benchbench.learners.sequences import CausalAttention, CausalConvolution


def test_a_convolution_is_causal_dilated_and_gated() -> None:
    torch.manual_seed(0)
    block, rows = CausalConvolution(3, 4, dilation=2).requires_grad_(False), torch.randn(6, 3)
    past, now = block.both.weight.split(3, dim=1)
    kernel = torch.stack([past, now], dim=2)
    padded = F.pad(rows.T[None], (2, 0))
    value, gate = F.conv1d(padded, kernel, block.both.bias, dilation=2)[0].T.chunk(2, dim=1)
    expected = torch.cat([rows, value.tanh() * gate.sigmoid()], dim=1)
    torch.testing.assert_close(block(rows, n_support=6), expected)


def test_a_position_reads_from_itself_and_those_before_and_a_query_from_no_other() -> None:
    torch.manual_seed(0)
    weights = CausalAttention(3, 8, 4).weights(torch.randn(6, 3), n_support=4)
    torch.testing.assert_close(weights.sum(1), torch.ones(6))
    seen = torch.tensor(
        [
            [1, 0, 0, 0, 0, 0],
            [1, 1, 0, 0, 0, 0],
            [1, 1, 1, 0, 0, 0],
            [1, 1, 1, 1, 0, 0],
            [1, 1, 1, 1, 1, 0],
            [1, 1, 1, 1, 0, 1],
        ]
    )
    assert torch.equal(weights > 0, seen.bool())


@pytest.mark.parametrize(("first_dilation", "reached"), [(2, {0, 2, 4, 6}), (1, set(range(8)))])
def test_convolutions_from_dilation_two_on_see_every_other_position(
    first_dilation, reached
) -> None:
    torch.manual_seed(0)
    blocks = [CausalConvolution(2 + 3 * i, 3, first_dilation << i) for i in range(3)]
    rows = torch.randn(8, 2, requires_grad=True)
    out = rows
    for block in blocks:
        out = block(out, 8)
    (gradient,) = torch.autograd.grad(out[7].sum(), rows)
    assert {7 - int(i) for i in gradient.abs().sum(1).nonzero()} == reached


@pytest.mark.parametrize("layer", [CausalConvolution(3, 4, 2), CausalAttention(3, 8, 4)])
def test_queries_in_one_pass_are_each_the_last_of_a_sequence(layer: torch.nn.Module) -> None:
    torch.manual_seed(0)
    rows = torch.randn(7, 3)
    together = layer(rows, 4)
    for query in (4, 5, 6):
        alone = layer(rows[[0, 1, 2, 3, query]], 4)
        torch.testing.assert_close(together[[0, 1, 2, 3, query]], alone)
