"""However many threads decode, their pixels are bounded."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest

from benchbench.datasets.reading.pixel_budget import PixelBudget


def test_pixels_that_are_held_at_once_are_bounded() -> None:
    budget, lock = PixelBudget(100), Lock()
    held, most = [0], [0]

    def hold(pixels: int) -> None:
        with budget.holding(pixels):
            with lock:
                held[0] += min(pixels, 100)
                most[0] = max(most[0], held[0])
            Event().wait(0.001)
            with lock:
                held[0] -= min(pixels, 100)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, [60, 30, 10, 1000, 5, 60, 60, 100, 40] * 4))
    assert 0 < most[0] <= 100


def test_a_picture_beyond_the_budget_is_decoded_alone() -> None:
    budget, inside, go_on = PixelBudget(10), Event(), Event()

    def large() -> None:
        with budget.holding(10**9):
            inside.set()
            go_on.wait(10)

    def small() -> None:
        with budget.holding(1):
            pass

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(large)
        assert inside.wait(10)
        second = pool.submit(small)
        assert not second.done()
        go_on.set()
        first.result(10)
        second.result(10)


def test_pixels_are_returned_after_an_error() -> None:
    budget = PixelBudget(10)
    for _ in range(3):
        with pytest.raises(RuntimeError), budget.holding(10):
            raise RuntimeError
    with budget.holding(10):
        pass
