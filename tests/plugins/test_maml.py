"""How MAML and Proto-MAML are trained; tests/learners/test_gradient.py has their adaptation."""

from collections.abc import Callable

import pytest
from benchbench_plugins.maml import FOMAML, MAML
from benchbench_plugins.proto_maml import FOProtoMAML, ProtoMAML
from support.learning import make_source
from support.pictures import SMALL

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.gradient import InnerLoop
from benchbench.method import Task
from benchbench.training.budget import Budget

ALL = [MAML, FOMAML, ProtoMAML, FOProtoMAML]


@pytest.mark.parametrize(
    ("dataset", "way", "inner", "tasks", "query"),
    [
        ("omniglot", 5, InnerLoop(1, 10, 2.0), 32, 3),
        ("omniglot", 20, InnerLoop(5, 10, 2.0), 16, 3),
        ("cifar_fs", 5, InnerLoop(5, 10, 0.05), 4, 15),
    ],
)
def test_the_papers_recipe_is_that_of_the_data(dataset, way, inner, tasks, query) -> None:
    recipe = MAML().published(Task(dataset, "test", SMALL, way, 3, 15))
    found = recipe["inner"], recipe["tasks"], recipe["query"], recipe["steps"], recipe["lr"]
    assert found == (inner, tasks, query, 60_000, 1e-3)


@pytest.mark.parametrize(("cls", "bn"), [*((cls, "support") for cls in ALL), (FOMAML, "running")])
def test_training_helps(make_dataset: Callable[..., OpenDataset], cls: type[MAML], bn: str) -> None:
    dataset = make_dataset(classes=(20, 6, 6), noise=160)

    def loss(steps: int) -> float:
        method = cls(backbone="conv4[width=8]", bn=bn)  # type: ignore[arg-type]
        source = make_source(dataset, method, budget=Budget("smoke", steps))
        source.validate = lambda: None  # type: ignore[method-assign]
        method.train(source)
        assert method.encoder.frozen
        method.encoder.train()
        for tensor in method.weights().values():
            tensor.requires_grad_(True)
        return method.loss(source.episodes(5, 1, 5).grouped(10)[1000]).item()

    assert loss(30) < loss(1)
