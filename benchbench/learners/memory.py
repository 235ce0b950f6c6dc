"""An external memory that is written and read by content (Santoro et al., arXiv:1605.06065)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GAMMA = 0.95
"""How much of a row's usage is left a step later."""
EMPTY = 1e-6
"""What memory holds at first: a vector of 0 has no cosine."""


class MemoryState(NamedTuple):
    """What is kept from one step to the next, of b sequences.

    memory: [b, rows, width]. read: each head's weights [b, heads, rows] of its last reading. usage:
    [b, rows]. found: what the heads have read, [b, heads * width]. hidden, cell: the LSTM's.
    """

    memory: Tensor
    read: Tensor
    usage: Tensor
    found: Tensor
    hidden: Tensor
    cell: Tensor


def write_weights(usage: Tensor, read: Tensor, gate: Tensor) -> tuple[Tensor, Tensor]:
    """Where each head writes [b, heads, rows], and the least used row, one-hot [b, rows].

    It writes to the rows of its last reading (read [b, heads, rows]) with share gate [b, heads, 1],
    and to the least used rows, as many as there are heads, with the rest.
    """
    rows, heads = usage.shape[1], read.shape[1]
    rarest = usage.argsort(dim=1, stable=True)[:, :heads]
    chosen = F.one_hot(rarest, rows).to(usage)
    return gate * read + (1 - gate) * chosen.sum(1, keepdim=True), chosen[:, 0]


def read_weights(memory: Tensor, keys: Tensor) -> Tensor:
    """Where each head reads [b, heads, rows]: a softmax of cosines, without a temperature."""
    cosines = F.normalize(keys, dim=2) @ F.normalize(memory, dim=2).mT
    return F.softmax(cosines, dim=2)


def usage_after(usage: Tensor, read: Tensor, written: Tensor) -> Tensor:
    """How much each row is used [b, rows] once all heads have read and written there."""
    return GAMMA * usage + read.sum(1) + written.sum(1)


class ExternalMemory(nn.Module):
    """An LSTM that writes to a memory and reads from it, by content.

    A head writes the key that it reads by, to the rows that it read last and to the least used, the
    first of which is erased before.

    inputs: the size of an input. rows, width: of the memory. heads: that read and write. hidden:
        units of the LSTM.
    """

    def __init__(
        self, inputs: int, *, rows: int = 128, width: int = 40, heads: int = 4, hidden: int = 200
    ) -> None:
        super().__init__()
        self.rows, self.width, self.heads = rows, width, heads
        self.controller = nn.LSTMCell(inputs + heads * width, hidden)
        self.keys = nn.Linear(hidden, heads * width)
        self.gates = nn.Linear(hidden, heads)

    @property
    def output_size(self) -> int:
        """The length of `outputs`."""
        return self.controller.hidden_size + self.heads * self.width

    def start(self, sequences: int) -> MemoryState:
        """The state before the first step."""
        blank = self.keys.weight.new_zeros
        first = blank(sequences, self.rows)
        first[:, 0] = 1
        return MemoryState(
            blank(sequences, self.rows, self.width) + EMPTY,
            first[:, None].expand(-1, self.heads, -1),
            first,
            blank(sequences, self.heads * self.width),
            blank(sequences, self.controller.hidden_size),
            blank(sequences, self.controller.hidden_size),
        )

    def step(self, inputs: Tensor, state: MemoryState) -> MemoryState:
        """The state after an input [b, inputs]."""
        hidden, cell = self.controller(
            torch.cat([inputs, state.found], dim=1), (state.hidden, state.cell)
        )
        keys = self.keys(hidden).tanh().unflatten(1, (self.heads, self.width))
        gate = self.gates(hidden).sigmoid()[:, :, None]
        written, rarest = write_weights(state.usage, state.read, gate)
        memory = state.memory * (1 - rarest)[:, :, None] + written.mT @ keys
        read = read_weights(memory, keys)
        usage = usage_after(state.usage, read, written)
        return MemoryState(memory, read, usage, (read @ memory).flatten(1), hidden, cell)

    @staticmethod
    def outputs(state: MemoryState) -> Tensor:
        """What the network knows after a step [b, output_size]: of units and reading."""
        return torch.cat([state.hidden, state.found], dim=1)
