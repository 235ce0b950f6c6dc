"""The classes that a data set announces, and of them those that are still to be decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from benchbench.errors import BenchbenchError

if TYPE_CHECKING:
    from benchbench.datasets.decoded import DecodedClass, PendingClass
    from benchbench.datasets.tables.resumable import WholeClass

T = TypeVar("T")


class ChangedOrderError(Exception):
    """The classes are not announced in the order from before the interruption."""


def announced(
    name: str, classes: Iterator[DecodedClass | PendingClass]
) -> tuple[Iterator[DecodedClass | PendingClass], int | None]:
    """The classes, and their number if all are announced before one is decoded."""
    pending = []
    classes = _reading(name, classes)
    for item in classes:
        pending.append(item)
        if not hasattr(item, "load"):
            return chain(pending, classes), None
    return iter(pending), len(pending)


def missing_classes(
    name: str, classes: Iterable[DecodedClass | PendingClass], done: Sequence[WholeClass]
) -> Iterator[DecodedClass]:
    """The classes after those that are done, each decoded when its turn comes.

    Raises ChangedOrderError if the announced classes do not begin with those that are done,
    BenchbenchError if an image file cannot be read.
    """
    position = 0
    for position, item in enumerate(classes, 1):
        if position > len(done):
            with _read_errors(name):
                whole = item.load() if hasattr(item, "load") else item
            yield whole
        elif item.name != done[position - 1].name:
            raise ChangedOrderError
    if position < len(done):
        raise ChangedOrderError


def _reading(name: str, items: Iterator[T]) -> Iterator[T]:
    """The items; an error of reading a file must not look like one of writing the cache."""
    while True:
        with _read_errors(name):
            try:
                item = next(items)
            except StopIteration:
                return
        yield item


@contextmanager
def _read_errors(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BenchbenchError(f"{name}: an image file cannot be read ({error}).") from error
