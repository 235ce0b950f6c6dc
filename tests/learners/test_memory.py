"""The external memory: golden values of its steps."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchbench.learners.memory import (
    EMPTY,
    ExternalMemory,
    read_weights,
    usage_after,
    write_weights,
)


def small(rows: int = 6, heads: int = 2) -> ExternalMemory:
    torch.manual_seed(0)
    memory = ExternalMemory(5, rows=rows, width=4, heads=heads, hidden=5)
    for parameter in memory.parameters():
        nn.init.normal_(parameter)
    return memory.requires_grad_(False)


def one_hot(row: int, rows: int = 4) -> Tensor:
    return torch.eye(rows)[None, None, row]


def test_a_head_writes_where_it_read_and_to_the_least_used_row() -> None:
    usage = torch.tensor([[0.3, 0.1, 0.9, 0.2]])
    written, erased = write_weights(usage, one_hot(0), torch.tensor([[[0.25]]]))
    torch.testing.assert_close(written, torch.tensor([[[0.25, 0.75, 0.0, 0.0]]]))
    assert erased.tolist() == [[0, 1, 0, 0]]
    after = usage_after(usage, one_hot(1), written)
    torch.testing.assert_close(after, torch.tensor([[0.535, 1.845, 0.855, 0.19]]))


def test_two_heads_share_the_two_least_used_rows() -> None:
    usage = torch.tensor([[0.3, 0.1, 0.9, 0.2]])
    read = torch.cat([one_hot(0), one_hot(2)], dim=1)
    written, erased = write_weights(usage, read, torch.tensor([[[0.25], [0.0]]]))
    expected = torch.tensor([[[0.25, 0.75, 0.0, 0.75], [0.0, 1.0, 0.0, 1.0]]])
    torch.testing.assert_close(written, expected)
    assert erased.tolist() == [[0, 1, 0, 0]]


def test_reading_with_a_key_finds_its_row_by_the_share_of_a_softmax() -> None:
    key = torch.tensor([0.6, -0.6, 0.2, 0.2])
    memory = torch.full((1, 6, 4), EMPTY)
    memory[0, 3] = key
    weights = read_weights(memory, key[None, None])[0, 0]
    blank = np.exp(0.4 / (2 * 0.8**0.5))  # its cosine with rows of equal numbers
    assert weights[3].item() == pytest.approx(np.e / (np.e + 5 * blank))
    assert weights.sum().item() == pytest.approx(1)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def by_formula(net: ExternalMemory, inputs: list[Tensor]) -> dict[str, np.ndarray]:
    """The state after some steps of one sequence, in NumPy and written out as the paper has it."""
    w = {name: tensor.double().numpy() for name, tensor in net.named_parameters()}
    rows, heads = net.rows, net.heads
    memory, usage, read = np.full((rows, 4), EMPTY), np.eye(rows)[0], np.eye(rows)[[0] * heads]
    found, hidden, cell = np.zeros(4 * heads), np.zeros(5), np.zeros(5)
    for x in inputs:
        joined = np.concatenate([x.double().numpy(), found])
        pre = w["controller.weight_ih"] @ joined + w["controller.bias_ih"]
        pre = pre + w["controller.weight_hh"] @ hidden + w["controller.bias_hh"]
        enter, forget, new, out = np.split(pre, 4)
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(new)
        hidden = sigmoid(out) * np.tanh(cell)
        keys = np.tanh(w["keys.weight"] @ hidden + w["keys.bias"]).reshape(heads, 4)
        gates = sigmoid(w["gates.weight"] @ hidden + w["gates.bias"])
        rarest = np.argsort(usage, kind="stable")[:heads]
        least = np.isin(np.arange(rows), rarest).astype(float)
        written = np.array([g * r + (1 - g) * least for g, r in zip(gates, read, strict=True)])
        memory[rarest[0]] = 0
        memory = memory + sum(np.outer(a, k) for a, k in zip(written, keys, strict=True))
        lengths = np.linalg.norm(memory, axis=1)
        cosines = [memory @ k / (lengths * np.linalg.norm(k)) for k in keys]
        read = np.array([np.exp(c) / np.exp(c).sum() for c in cosines])
        found = (read @ memory).ravel()
        usage = 0.95 * usage + read.sum(0) + written.sum(0)
    return {"memory": memory, "read": read, "usage": usage, "found": found, "hidden": hidden}


def test_steps_are_those_of_the_formulas() -> None:
    net, inputs = small(), [*torch.randn(5, 5)]
    state = net.start(1)
    for x in inputs:
        state = net.step(x[None], state)
    for name, expected in by_formula(net, inputs).items():
        found = getattr(state, name)[0].double().numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=name)


def test_outputs_are_the_units_and_what_the_heads_read() -> None:
    net = small()
    state = net.step(torch.randn(3, 5), net.start(3))
    assert net.outputs(state).shape == (3, net.output_size) == (3, 5 + 2 * 4)
    torch.testing.assert_close(net.outputs(state)[:, 5:], (state.read @ state.memory).flatten(1))
