"""MANN: golden values of its memory, late labels, and queries that share nothing."""

import numpy as np
import pytest
import torch
from benchbench_plugins.mann import (
    EMPTY,
    MANN,
    Memory,
    State,
    read_weights,
    usage_after,
    write_weights,
)
from support.learning import make_source
from support.pictures import SMALL
from support.slots import declared, support_of
from torch import Tensor, nn

from benchbench.datasets.base import OpenDataset
from benchbench.method import Task
from benchbench.training.budget import Budget
from benchbench.training.labelled import EpisodeGroup


def small(rows: int = 6, heads: int = 2) -> Memory:
    torch.manual_seed(0)
    memory = Memory(3 + 2, 2, rows=rows, width=4, heads=heads, hidden=5)
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


def by_formula(net: Memory, inputs: list[Tensor]) -> dict[str, np.ndarray]:
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


def test_labels_come_one_step_late() -> None:
    net, known, asked = small(), torch.randn(3, 3), torch.randn(2, 3)
    labels = torch.eye(2)[[0, 1, 1]]
    state = net.start(1)
    for x, late in zip(known, [torch.zeros(2), labels[0], labels[1]], strict=True):
        state = net.step(torch.cat([x, late])[None], state)
    state = State(*(torch.cat([part, part]) for part in state))
    state = net.step(torch.cat([asked, labels[[2, 2]]], dim=1), state)
    expected = net.output(torch.cat([state.hidden, state.found], dim=1))
    torch.testing.assert_close(net(known[None], labels[None], asked[None])[0], expected)


def test_a_label_is_unknown_when_its_own_image_is_seen() -> None:
    """The first image's step is the same whatever its label; the query's is not."""
    net, image, asked = small(), torch.randn(1, 3), torch.randn(1, 3)
    seen: list[Tensor] = []
    step = net.step
    net.step = lambda x, state: seen.append(x) or step(x, state)  # type: ignore[method-assign]
    first, second = (net(image[None], torch.eye(2)[None, [label]], asked[None]) for label in (0, 1))
    assert torch.equal(seen[0], seen[2])
    assert seen[0][0, 3:].tolist() == [0, 0]
    assert not torch.allclose(first, second)


def test_each_query_goes_on_from_a_copy_of_the_state() -> None:
    net, known, asked = small(), torch.randn(2, 3, 3), torch.randn(2, 4, 3)
    labels = torch.eye(2)[torch.tensor([[0, 1, 1], [1, 0, 0]])]
    together = net(known, labels, asked)
    assert together.shape == (2, 4, 2)
    for place in ((0, 0), (0, 3), (1, 2)):
        episode, query = place
        one = slice(episode, episode + 1)
        alone = net(known[one], labels[one], asked[one, query : query + 1])
        torch.testing.assert_close(together[place], alone[0, 0])
    torch.testing.assert_close(net(known, labels, asked), together)


def test_scores_are_those_of_the_drawn_order_and_slots() -> None:
    method = MANN(rows=6, width=4, heads=2, hidden=5)
    method.n_slots, net = 2, small()
    method.network = nn.ModuleDict({"memory": net})
    known, asked = torch.randn(4, 3), torch.randn(2, 3)
    for seed in range(4):
        support = support_of([0, 1, 1, 0], way=2, seed=seed)
        shuffle = method.shuffle(support)
        labels = torch.eye(2)[shuffle.labels]
        outputs = net(known[shuffle.order][None], labels[None], asked[None])[0]
        assert torch.equal(method.scores(asked, known, support), outputs[:, shuffle.slots])


def test_its_size_is_the_papers() -> None:
    task = Task("toy", "test", SMALL, 5, 1, 15)
    net = MANN("pixels").extra_modules(400, task)["memory"]
    lstm = 4 * 200 * (400 + 5 + 4 * 40 + 200) + 2 * 4 * 200
    heads, output = 4 * (40 + 1) * (200 + 1), 5 * (200 + 4 * 40 + 1)
    assert sum(p.numel() for p in net.parameters()) == lstm + heads + output
    assert net.start(1).memory.shape == (1, 128, 40)


def test_more_heads_than_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="heads cannot be more than rows"):
        MANN(rows=3, heads=4)


def test_the_published_recipe_is_trained(dataset: OpenDataset) -> None:
    method = MANN("conv4[width=4]", rows=8, width=4, hidden=8)
    source = make_source(dataset, method, budget=Budget("smoke", 1))
    recipe = method.published(source.task)
    assert (recipe["steps"], recipe["tasks"], recipe["shot"]) == (6250, 16, (1, 9))
    method.recipe = lambda source: recipe | {"steps": 1, "tasks": 2}  # type: ignore[method-assign]
    method.train(source)
    assert source.records[0].steps == 1


def test_the_checks_find_what_it_declares(dataset: OpenDataset, tmp_path) -> None:
    method = MANN("conv4[width=4]", rows=16, width=8, hidden=16)
    assert declared(method, dataset, tmp_path) == {"support_order"}


def test_the_losses_of_a_group_are_those_of_its_episodes_and_reach_every_weight(dataset) -> None:
    method = MANN("conv4[width=4]", rows=8, width=4, hidden=8)
    source = make_source(dataset, method, budget=Budget("smoke", 1))
    method.train(source)
    group = source.episodes(5, (1, 2), 2).grouped(3)[0]
    losses = method.losses(group)  # of a frozen network, whose features depend on no other image
    torch.testing.assert_close(losses, torch.stack([method.loss(episode) for episode in group]))
    mixed = EpisodeGroup([group[0], source.episodes(5, 3, 4)[0]])
    losses = method.losses(mixed)
    torch.testing.assert_close(losses, torch.stack([method.loss(episode) for episode in mixed]))
    method.network.train().requires_grad_(True)
    method.loss(group).backward()
    assert all(p.grad.abs().sum() > 0 for p in method.network["memory"].parameters())
    assert next(method.encoder.parameters()).grad.abs().sum() > 0
