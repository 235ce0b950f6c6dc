"""Which classes may meet in an episode: any, those of one parent, those below one node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from benchbench.errors import BenchbenchError
from benchbench.samplers.pool import ClassPool
from benchbench.system.arrays import IntArray

Classes: TypeAlias = Literal["auto", "uniform", "hierarchy", "graph"]

MAX_SPAN = 392
"""The most classes below a node that may be chosen, as in the code of Meta-Dataset (Triantafillou
et al., ICLR 2020): the least number by which every class of ILSVRC is below some such node."""


@dataclass(frozen=True)
class Families:
    """Sets of classes: an episode's classes are of one of them, and each is equally likely.

    members: positions in the pool, int64. whole: whether an episode takes all classes of its set,
    up to its largest way, as Meta-Dataset does below a node.
    """

    members: Sequence[IntArray]
    whole: bool = False


def families(pool: ClassPool, classes: Classes, fewest: int, most: int, option: str) -> Families:
    """The sets of classes of a rule.

    fewest: the classes that a set needs; most: the classes that a node may span; option: the option
    that sets `fewest` to {}, for messages. Raises BenchbenchError if no set is left.
    """
    rule = chosen_rule(pool, classes, fewest)
    if rule == "uniform":
        return Families([np.arange(len(pool))])
    sets = _by_parent(pool) if rule == "hierarchy" else _by_node(pool, most)
    large = [members for members in sets if len(members) >= fewest]
    if large:
        return Families(large, whole=rule == "graph")
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
        return "hierarchy" if has_parents and _has_families(pool, fewest) else "uniform"
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
        parent = (pool.dataset.hierarchy or [])[class_id]
        if parent:
            parents.setdefault(tuple(parent), []).append(position)
    return [np.array(parents[parent], dtype=np.int64) for parent in sorted(parents)]


def _has_families(pool: ClassPool, fewest: int) -> bool:
    large = [members for members in _by_parent(pool) if len(members) >= fewest]
    return 2 * sum(map(len, large)) > len(pool)


def _by_node(pool: ClassPool, most: int) -> list[IntArray]:
    """The positions of the classes below each node that spans no more than `most`."""
    nodes = (pool.dataset.nodes or {})[pool.split]
    positions = {class_id: position for position, class_id in enumerate(pool.classes.tolist())}
    below = [[positions[c] for c in node.tolist() if c in positions] for node in nodes]
    return [np.array(members, dtype=np.int64) for members in below if len(members) <= most]
