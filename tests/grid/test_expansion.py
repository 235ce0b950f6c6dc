"""From what is typed to cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.engine.inline import Inline
from benchbench.errors import BenchbenchError
from benchbench.grid.cell import Cell
from benchbench.grid.expansion import Grid, NamedMethod, distinct, expanded, named_methods


def test_methods_may_have_names() -> None:
    assert named_methods("knn[k=3],mbv2 = knn[backbone=conv4[width=16]],folder:a=b") == (
        NamedMethod("knn[k=3]"),
        NamedMethod("knn[backbone=conv4[width=16]]", "mbv2"),
        NamedMethod("folder:a=b"),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a=knn,a=protonet", "Two methods are called 'a'"),
        ("protonet=knn", "'protonet' is the name of a method itself"),
    ],
)
def test_names_that_mislead_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(BenchbenchError, match=sentence):
        named_methods(text)


def test_drawings_are_every_combination_in_order() -> None:
    common = Cell("", sampling=(("replacement", "none"),))
    grid = Grid((), common, way=(5, 20), query=(15,), shot=(1, 5))
    assert [drawing.options for drawing in grid.drawings()] == [
        {"way": way, "shot": shot, "query": 15, "replacement": "none"}
        for way in (5, 20)
        for shot in (1, 5)
    ]
    assert not grid.is_plain
    assert Grid((), common).is_plain
    assert not Grid((), common, seed=(0, 1)).is_plain


class Opened:
    """A bench on which problems are open."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems, self._engine = problems, Inline()

    def engine(self, cell: Cell) -> Inline:
        return self._engine

    def tested(self, cell: Cell) -> list[tuple[Problem, Any]]:
        return [(problem, None) for problem in self._problems]


def test_values_that_are_given_again_are_left_out_and_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert distinct("--shot", (5, 1, 5, 5)) == (5, 1)
    assert distinct("--seed", (0, 1)) == (0, 1)
    said = capsys.readouterr().err
    assert said == "--shot gives 2 values again; each value is computed once\n"


def test_cells_are_in_the_order_of_seeds_tables_and_methods(
    dataset: OpenDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = named_methods("near=knn[k=1],protonet,knn[k=3],protonet[]")
    grid = Grid(methods, Cell(""), shot=(1, 5), seed=(3, 0))
    cells = expanded(grid, Opened([Problem.of(dataset)]))  # type: ignore[arg-type]
    assert [(c.seed, c.options["shot"], c.method, c.label, c.source) for c in cells] == [
        (seed, shot, method, label, "")
        for seed in (3, 0)
        for shot in (1, 5)
        for method, label in (("knn", "near"), ("protonet", ""), ("knn[k=3]", ""))
    ]
    said = capsys.readouterr().err
    assert said == "--methods gives 1 value again; each value is computed once\n"


def test_which_cells_may_share_a_training(make_dataset: Callable[..., OpenDataset]) -> None:
    """Those of one pre-training; and those of one method on all sources of a collection."""
    pretrained = ["feat", "knn", "leo", "linear_probe", "meta_baseline", "snail"]
    methods = named_methods(",".join([*pretrained, "protonet,knn[backbone=pixels]"]))
    grid = Grid(methods, Cell(""), shot=(1, 5), seed=(0, 1))
    alone = expanded(grid, Opened([Problem.of(make_dataset())]))  # type: ignore[arg-type]
    groups = [{c.method for c in alone if c.shares == one} for one in {c.shares for c in alone}]
    assert sorted(map(sorted, groups)) == [
        *[pretrained] * 2,
        ["knn[backbone=pixels]", "protonet"],  # nothing is shared
    ]
    one, other = make_dataset(), make_dataset(seed=1)
    sources = [Problem(test, one, test.name, "both", test.name) for test in (one, other)]
    cells = expanded(grid, Opened(sources))  # type: ignore[arg-type]
    shared = [{c.source for c in cells if c.shares == a.shares} for a in cells]
    assert all(group == {one.name, other.name} for group in shared)
    assert all(cell.shares for cell in cells)


def test_one_method_has_one_name(dataset: OpenDataset) -> None:
    bench = Opened([Problem.of(dataset)])
    grid = Grid(named_methods("a=knn,b=knn[k=1]"), Cell(""))
    with pytest.raises(BenchbenchError, match="'a' and 'b' are one method, knn"):
        expanded(grid, bench)  # type: ignore[arg-type]
    with pytest.raises(BenchbenchError, match="No method is named"):
        expanded(Grid((), Cell("")), bench)  # type: ignore[arg-type]
