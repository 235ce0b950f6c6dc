"""Which classes may meet in an episode: any, those of one parent, those below one node."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from benchbench.errors import BenchbenchError
from benchbench.samplers.pool import ClassPool
from benchbench.system.arrays import IntArray

Classes: TypeAlias = Literal["auto", "uniform", "hierarchy", "graph"]

MAX_SPAN = 392
"""The most classes below a node that may be chosen, as in the code of Meta-Dataset (Triantafillou
et al., ICLR 2020): the least number by which every class of ILSVRC is below some such node."""


def families(
    pool: ClassPool, classes: Classes, fewest: int, most: int, option: str
) -> tuple[list[IntArray], bool]:
    """The sets of classes of a rule: an episode's classes are of one, each equally likely.

    A set has positions in the pool, int64. The second result is whether an episode takes all
    classes of its set, up to its largest way, as Meta-Dataset does below a node.
    fewest: the classes that a set needs; most: the classes that a node may span; option: the option
    that sets `fewest` to {}, for messages. Raises BenchbenchError if no set is left.
    """
    rule = chosen_rule(pool, classes, fewest)
    if rule == "uniform":
        return [np.arange(len(pool))], False
    sets = _by_parent(pool) if rule == "hierarchy" else _by_node(pool, most)
    large = [members for members in sets if len(members) >= fewest]
    if large:
        return large, rule == "graph"
    largest = max(map(len, sets), default=0)
    smaller = f"{option.format(largest)} or " if largest > 1 else ""
    what = "parent" if rule == "hierarchy" else f"node of {most} classes or fewer"
    raise BenchbenchError(
        f"No {what} in {pool.place} has {fewest} classes; use {smaller}classes=uniform."
    )


def chosen_rule(pool: ClassPool, classes: Classes, fewest: int) -> Classes:
    """The rule that `auto` chooses for a pool, and any other rule as it is.

    `auto` uses parents if most classes of the pool have a parent with `fewest` classes: alphabets
    are such parents, the super-classes of CIFAR-FS are not. Raises BenchbenchError if the data set
    lacks what the rule needs.
    """
    if classes == "uniform":
        return classes
    has_nodes = bool(pool.dataset.nodes and pool.dataset.nodes.get(pool.split))
    has_parents = pool.dataset.hierarchy is not None
    if classes == "auto":
        if has_nodes:
            return "graph"
        large = [len(members) for members in _by_parent(pool) if len(members) >= fewest]
        return "hierarchy" if 2 * sum(large) > len(pool) else "uniform"
    if classes == "hierarchy" and not has_parents:
        raise BenchbenchError(
            f"The classes of {pool.dataset.name} have no parents; use classes=uniform."
        )
    if classes == "graph" and not has_nodes:
        raise BenchbenchError(
            f"There is no graph of classes for {pool.place}; use classes=uniform."
        )
    return classes


def _by_parent(pool: ClassPool) -> list[IntArray]:
    """The positions of the classes of each parent, parents in the order of their names."""
    parents: dict[tuple[str, ...], list[int]] = {}
    for position, class_id in enumerate(pool.classes.tolist()):
        parent = pool.dataset.hierarchy[class_id] if pool.dataset.hierarchy else ()
        if parent:
            parents.setdefault(tuple(parent), []).append(position)
    return [np.array(parents[parent], dtype=np.int64) for parent in sorted(parents)]


def _by_node(pool: ClassPool, most: int) -> list[IntArray]:
    """The positions of the classes below each node that spans no more than `most`."""
    nodes = (pool.dataset.nodes or {})[pool.split]
    positions = {class_id: position for position, class_id in enumerate(pool.classes.tolist())}
    below = [[positions[c] for c in node.tolist() if c in positions] for node in nodes]
    return [np.array(members, dtype=np.int64) for members in below if len(members) <= most]
