"""Threads for decoding: in order, bounded, and stopped when nobody waits for them."""

import threading
import time
from collections.abc import Iterator

import pytest

from benchbench.datasets.reading.parallel import AHEAD, in_parallel, one_ahead
from benchbench.errors import BenchbenchError


def test_parallel_results_come_in_order() -> None:
    later = threading.Event()

    def work(name: str) -> str:
        if name == "first":
            later.wait(5)
        later.set()
        return name.upper()

    assert list(in_parallel(work, ["first", "second"])) == ["FIRST", "SECOND"]


def test_an_error_in_parallel_work_is_raised() -> None:
    def work(name: str) -> str:
        raise BenchbenchError(name)

    with pytest.raises(BenchbenchError, match="first"):
        list(in_parallel(work, ["first", "second"]))


def test_parallel_work_runs_no_further_ahead_than_is_bounded() -> None:
    begun: list[int] = []
    results = in_parallel(begun.append, range(10_000))
    next(results)
    time.sleep(0.05)
    assert 1 <= len(begun) <= AHEAD + 1
    results.close()  # type: ignore[attr-defined]
    assert len(begun) <= AHEAD + 1


def test_names_may_be_without_end() -> None:
    def names() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    results = in_parallel(lambda number: number + 1, names())
    assert [next(results) for _ in range(100)] == list(range(1, 101))


def test_the_next_item_is_made_while_one_is_in_use() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    ahead = one_ahead(items())
    assert next(ahead) == 0
    assert made[1].wait(5)
    assert not made[2].is_set()
    assert list(ahead) == [1, 2]


def test_an_error_ahead_comes_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise BenchbenchError("two")

    ahead = one_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(BenchbenchError, match="two"):
        next(ahead)


def test_whoever_stops_asking_stops_the_work_ahead() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        time.sleep(0.001)

    def items() -> Iterator[int]:
        yield 0
        yield len(list(in_parallel(work, range(100_000))))

    ahead = one_ahead(items())
    next(ahead)
    ahead.close()
    assert len(begun) < 10_000
