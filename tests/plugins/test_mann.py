"""MANN: late labels, and queries that share nothing."""

from types import SimpleNamespace

import pytest
import torch
from benchbench_plugins.mann import MANN, Reader
from support.learning import make_source
from support.pictures import SMALL
from support.slots import declared
from torch import Tensor, nn

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import BenchbenchError
from benchbench.learners.memory import MemoryState
from benchbench.method import Task
from benchbench.training.budget import Budget


def small(rows: int = 6, heads: int = 2) -> Reader:
    torch.manual_seed(0)
    memory = Reader(3 + 2, 2, rows=rows, width=4, heads=heads, hidden=5)
    for parameter in memory.parameters():
        nn.init.normal_(parameter)
    return memory.requires_grad_(False)


def test_labels_come_one_step_late() -> None:
    net, known, asked = small(), torch.randn(3, 3), torch.randn(2, 3)
    labels = torch.eye(2)[[0, 1, 1]]
    state = net.start(1)
    for x, late in zip(known, [torch.zeros(2), labels[0], labels[1]], strict=True):
        state = net.step(torch.cat([x, late])[None], state)
    state = MemoryState(*(torch.cat([part, part]) for part in state))
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


def test_its_size_is_the_papers() -> None:
    task = Task("toy", "test", SMALL, 5, 1, 15)
    method = MANN("pixels")
    method.recipe(SimpleNamespace(budget=Budget("paper"), task=task))  # type: ignore[arg-type]
    net = method.extra_modules(400, task)["memory"]
    lstm = 4 * 200 * (400 + 5 + 4 * 40 + 200) + 2 * 4 * 200
    heads, output = 4 * (40 + 1) * (200 + 1), 5 * (200 + 4 * 40 + 1)
    assert sum(p.numel() for p in net.parameters()) == lstm + heads + output
    assert net.start(1).memory.shape == (1, 128, 40)


def test_more_heads_than_rows_are_refused(dataset: OpenDataset) -> None:
    method = MANN("pixels", rows=3, heads=4)
    with pytest.raises(BenchbenchError, match="4 heads, and 3 rows"):
        method.train(make_source(dataset, method))


def test_the_published_recipe_is_trained(dataset: OpenDataset) -> None:
    method = MANN("conv4[width=4]", rows=8, width=4, hidden=8)
    source = make_source(dataset, method, budget=Budget("paper"))
    recipe = method.published(source.task)
    assert (recipe["steps"], recipe["tasks"], recipe["shot"]) == (6250, 16, (1, 9))
    short = recipe | {"steps": 1, "tasks": 2}
    method.published = lambda task: short  # type: ignore[method-assign]
    method.train(source)
    assert [(record.stage, record.steps) for record in source.records] == [("training", 1)]
    assert method.network["memory"].heads == 4


def test_the_quick_recipe_has_one_head_and_the_shared_classifier(dataset: OpenDataset) -> None:
    for given, heads in ((None, 1), (2, 2)):
        method = MANN("conv4[width=4]", width=4, heads=given, hidden=8)
        source = make_source(dataset, method, budget=Budget("smoke", 1))
        method.train(source)
        assert [record.stage for record in source.records] == ["classification", "training"]
        assert method.network["memory"].heads == heads


def test_the_checks_find_what_it_declares(dataset: OpenDataset, tmp_path) -> None:
    method = MANN("conv4[width=4]", rows=16, width=8, hidden=16)
    assert declared(method, dataset, tmp_path) == {"support_order"}


def test_the_loss_reaches_every_weight(dataset: OpenDataset) -> None:
    method = MANN("conv4[width=4]", rows=8, width=4, hidden=8)
    source = make_source(dataset, method, budget=Budget("smoke", 1))
    method.train(source)
    method.network.train().requires_grad_(True)
    method.loss(source.episodes(5, (1, 2), 2).grouped(3)[0]).backward()
    assert all(p.grad.abs().sum() > 0 for p in method.network["memory"].parameters())
    assert next(method.encoder.parameters()).grad.abs().sum() > 0
