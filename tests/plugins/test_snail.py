"""SNAIL: its sizes, and that one pass is a sequence for each query."""

import pytest
import torch
from benchbench_plugins.snail import SNAIL, Reader
from support.learning import make_source
from support.pictures import SMALL
from support.slots import declared, support_of
from torch import Tensor, nn

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.sequences import CausalAttention, CausalConvolution
from benchbench.method import Task
from benchbench.training.budget import Budget


def small(slots: int = 3, length: int = 7, **options: int) -> Reader:
    torch.manual_seed(0)
    reader = Reader(6, slots, length, features=4, filters=5, **options)
    return reader.requires_grad_(False)


def width_of(block: nn.Module) -> int:
    return (
        block.key.in_features if isinstance(block, CausalAttention) else block.both.in_features // 2
    )


@pytest.mark.parametrize(
    ("slots", "shot", "blocks", "last", "parameters"),
    [
        (5, 1, 3, 1253, 3_097_406),
        (5, 5, 5, 1765, 6_224_190),
        (20, 1, 5, 1780, 6_358_980),
        (20, 5, 7, 2292, 10_572_740),
    ],
)
def test_sizes_are_the_papers(slots, shot, blocks, last, parameters) -> None:
    task = Task("toy", "test", SMALL, slots, shot, 15)
    with torch.device("meta"):
        reader = SNAIL().extra_modules(64, task)["reader"]
    convolutions = [block for block in reader.blocks if isinstance(block, CausalConvolution)]
    assert len(convolutions) == 2 * blocks
    assert [block.dilation for block in convolutions[:blocks]] == [2, 4, 8, 16, 32, 64, 128][
        :blocks
    ]
    assert reader.output.in_features == last
    rest = sum(p.numel() for name, p in reader.named_parameters() if not name.startswith("embed"))
    assert rest == parameters
    ends = [width_of(b) for b in reader.blocks if isinstance(b, CausalAttention)]
    start = 64 + slots
    middle = start + 32 + 128 * blocks
    assert ends == [start, middle, middle + 128 + 128 * blocks]


def as_a_sequence(reader: Reader, known: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
    """The outputs of one query, the last of a sequence, written as the paper does."""
    told = torch.cat([torch.eye(reader.slots)[labels], torch.zeros(1, reader.slots)])
    rows = torch.cat([reader.embed(torch.cat([known, asked[None]])), told], dim=1)
    for block in reader.blocks:
        if isinstance(block, CausalAttention):
            logits = block.query(rows) @ block.key(rows).T / block.key.out_features**0.5
            later = torch.ones_like(logits).triu(1).bool()
            new = logits.masked_fill(later, -torch.inf).softmax(1) @ block.value(rows)
        else:
            before = torch.zeros_like(rows)
            before[block.dilation :] = rows[: -block.dilation]
            value, gate = block.both(torch.cat([before, rows], dim=1)).chunk(2, dim=1)
            new = value.tanh() * gate.sigmoid()
        rows = torch.cat([rows, new], dim=1)
    return reader.output(rows[-1])


@pytest.mark.parametrize("first_dilation", [1, 2])
def test_one_pass_has_a_sequence_for_each_query(first_dilation: int) -> None:
    reader = small(first_dilation=first_dilation)
    known, asked = torch.randn(2, 6, 6), torch.randn(2, 4, 6)
    labels = torch.tensor([[2, 0, 1, 1, 2, 0], [0, 0, 1, 2, 2, 1]])
    outputs = reader(known, torch.eye(3)[labels], asked)
    for one, *episode, queries in zip(outputs, known, labels, asked, strict=True):
        expected = torch.stack([as_a_sequence(reader, *episode, query) for query in queries])
        torch.testing.assert_close(one, expected, atol=1e-6, rtol=1e-5)


def test_a_later_image_leaves_earlier_positions_bit_equal() -> None:
    reader, rows = small(), torch.randn(8, 7)
    changed = rows.clone()
    changed[5] += 1
    for block in reader.blocks:
        rows, changed = block(rows, 8), block(changed, 8)
    assert torch.equal(rows[:5], changed[:5])
    assert not torch.allclose(rows[5:], changed[5:])


def test_it_runs_on_longer_and_shorter_supports_than_it_was_built_for() -> None:
    method = SNAIL(filters=8)
    method.n_slots = 3
    task = Task("toy", "test", SMALL, 3, 2, 15)
    method.network = nn.ModuleDict(method.extra_modules(6, task))
    for count in (1, 6, 30):
        support = support_of([i % 3 for i in range(count)], way=3)
        scores = method.scores(torch.randn(4, 6), torch.randn(count, 6), support)
        assert scores.shape == (4, 3)


def test_shots_are_those_of_the_test_or_of_the_parameter() -> None:
    one, five = (Task("toy", "test", SMALL, 5, shot, 15) for shot in (1, 5))
    assert [SNAIL().quick(task)["shot"] for task in (one, five)] == [(1, 1), (1, 5)]
    assert SNAIL(shots=5).published(one)["shot"] == (1, 5)


def test_the_checks_find_what_it_declares(dataset: OpenDataset, tmp_path) -> None:
    method = SNAIL("conv4[width=4]", filters=8)
    assert declared(method, dataset, tmp_path) == {"support_order"}


def test_the_loss_reaches_every_weight(dataset: OpenDataset) -> None:
    method = SNAIL(backbone="conv4[width=4]", filters=8)
    source = make_source(dataset, method, shot=2, budget=Budget("smoke", 1))
    method.train(source)
    method.network.train().requires_grad_(True)
    method.loss(source.episodes(5, (1, 2), 2).grouped(2)[0]).backward()
    # A softmax over keys is blind to what all logits of a row share, and so to the keys' bias.
    learning = {
        n: p.grad for n, p in method.network["reader"].named_parameters() if "key.bias" not in n
    }
    assert all(gradient.abs().sum() > 0 for gradient in learning.values())
    assert next(method.encoder.parameters()).grad.abs().sum() > 0
