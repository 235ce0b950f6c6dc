"""Sets of classes: of one parent, below one node, or all."""

import numpy as np
import pytest
from samplers.toys import pool

from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool
from benchbench.samplers.class_choice import families

PARENTS = [("x", "b"), ("a",), ("x", "b"), ("a",), (), ("x", "c"), ("a",)]
NODES = {"test": [np.array([0, 1, 2]), np.array([6, 5]), np.array([4]), np.arange(7)]}


def related(**changes) -> ClassPool:
    return pool([4] * 7, **{"hierarchy": PARENTS, "nodes": NODES, **changes})


def members(found: tuple[list[np.ndarray], bool]) -> list[list[int]]:
    return [each.tolist() for each in found[0]]


def test_uniform_is_one_set_of_all_classes_and_needs_no_relations() -> None:
    found = families(pool([4] * 3), "uniform", 5, 392, "--way {}")
    assert (members(found), found[1]) == ([[0, 1, 2]], False)


def test_hierarchy_has_a_set_for_each_parent_that_is_large_enough() -> None:
    """A parent is the whole path: x/b and x/c are two. A class without one is in no set."""
    found = families(related(), "hierarchy", 2, 392, "--way {}")
    assert (members(found), found[1]) == ([[1, 3, 6], [0, 2]], False)
    assert members(families(related(), "hierarchy", 3, 392, "--way {}")) == [[1, 3, 6]]


def test_graph_has_a_set_for_each_node_that_is_neither_too_small_nor_too_large() -> None:
    found = families(related(), "graph", 2, 6, "--way {}")
    assert (members(found), found[1]) == ([[0, 1, 2], [6, 5]], True)
    assert len(families(related(), "graph", 1, 7, "--way {}")[0]) == 4


def test_sets_are_positions_in_the_pool_not_class_ids() -> None:
    splits = {"test": np.array([6, 3, 2, 0])}
    part = related(splits=splits)
    assert members(families(part, "hierarchy", 2, 392, "{}")) == [[0, 1], [2, 3]]
    assert members(families(part, "graph", 2, 3, "{}")) == [[3, 2]]


def test_classes_that_were_left_out_do_not_count() -> None:
    sizes = [4, 4, 1, 4, 4, 4, 1]
    large = pool(sizes, hierarchy=PARENTS, nodes=NODES).at_least(2)
    assert members(families(large, "hierarchy", 2, 392, "{}")) == [[1, 2]]
    assert members(families(large, "graph", 2, 4, "{}")) == [[0, 1]]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ([[0, 1, 2], [6, 5], list(range(7))], True)),
        ({"nodes": None}, ([[1, 3, 6], [0, 2]], False)),
        ({"nodes": {"test": []}}, ([[1, 3, 6], [0, 2]], False)),
        ({"nodes": {"train": NODES["test"]}}, ([[1, 3, 6], [0, 2]], False)),
        ({"nodes": None, "hierarchy": None}, ([list(range(7))], False)),
    ],
    ids=["graph", "no graph", "empty graph", "graph of another split", "nothing"],
)
def test_auto_takes_what_the_data_set_has(changes, expected) -> None:
    found = families(related(**changes), "auto", 2, 392, "{}")
    assert (members(found), found[1]) == expected


SMALL_PARENTS = "No parent in split 'test' of toy has 5 classes; use"
SMALL_NODES = "No node of 4 classes or fewer in split 'test' of toy has 5 classes; use"


@pytest.mark.parametrize(
    ("classes", "changes", "told", "cure"),
    [
        ("hierarchy", {"hierarchy": None}, "The classes of toy have no parents; use", ""),
        ("graph", {"nodes": None}, "There is no graph of classes for split 'test' of toy; use", ""),
        ("hierarchy", {}, SMALL_PARENTS, "--way 3 or "),
        ("graph", {}, SMALL_NODES, "--way 3 or "),
        ("hierarchy", {"hierarchy": [(str(c),) for c in range(7)]}, SMALL_PARENTS, ""),
        ("graph", {"nodes": {"test": [np.arange(7)]}}, SMALL_NODES, ""),
    ],
    ids=["no parents", "no graph", "small parents", "small nodes", "single classes", "large nodes"],
)
def test_what_is_not_there_is_refused_with_a_cure(classes, changes, told, cure) -> None:
    with pytest.raises(BenchbenchError) as caught:
        families(related(**changes), classes, 5, 4, "--way {}")
    assert str(caught.value) == f"{told} {cure}classes=uniform."


def test_auto_passes_over_parents_that_are_too_small_for_most_classes() -> None:
    pool = related(nodes=None)
    assert not families(pool, "auto", 2, 392, "{}")[1]
    assert members(families(pool, "auto", 3, 392, "{}")) == [list(range(len(pool)))]
