"""Which cells are computed together, and which come first."""

from benchbench.grid.bundling import bundles, first_and_rest
from benchbench.grid.cell import Cell

SECONDS = {"a": 10.0, "b": 20.0, "c": 35.0, "long": 100.0, "unknown": None}


def cells(*methods: str) -> list[Cell]:
    return [Cell(method, seed=number) for number, method in enumerate(methods)]


def bundled(*methods: str, target: float = 60.0) -> list[str]:
    found = bundles(cells(*methods), lambda cell: SECONDS[cell.method], target)
    return [" ".join(cell.method for cell in bundle) for bundle in found]


def test_small_cells_share_a_task_until_it_is_long_enough() -> None:
    assert bundled("a", "b", "a", "c", "a") == ["a b a", "c a"]


def test_a_cell_that_is_longer_than_the_target_is_alone() -> None:
    assert bundled("a", "long", "a") == ["a", "long", "a"]


def test_a_cell_of_which_nothing_is_known_is_alone() -> None:
    assert bundled("a", "unknown", "a", "b") == ["a", "unknown", "a b"]


def test_without_a_target_every_cell_is_alone() -> None:
    assert bundled("a", "a", target=0.0) == ["a", "a"]


def test_one_of_the_cells_that_share_a_training_comes_first() -> None:
    shared = [Cell("knn", shares="x"), Cell("linear", shares="x"), Cell("protonet")]
    other = [Cell("knn", seed=1, shares="y"), Cell("linear", seed=1, shares="y")]
    first, rest = first_and_rest([*shared, *other])
    assert first == [shared[0], shared[2], other[0]]
    assert rest == [shared[1], other[1]]


def test_cells_that_share_nothing_all_come_first() -> None:
    assert first_and_rest(cells("a", "b")) == (cells("a", "b"), [])
