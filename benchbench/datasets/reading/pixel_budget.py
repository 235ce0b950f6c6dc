"""Pictures that are decoded at the same time: their pixels bound memory, not their number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class PixelBudget:
    """The pixels that are decoded at the same time, in all threads together.

    most: so many; a picture of more is decoded alone.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._left, self._returned = most, Condition()

    @contextmanager
    def holding(self, pixels: int) -> Iterator[None]:
        """Wait until so many pixels may be decoded, and decode them in the block."""
        taken = min(pixels, self.most)
        with self._returned:
            self._returned.wait_for(lambda: self._left >= taken)
            self._left -= taken
        try:
            yield
        finally:
            with self._returned:
                self._left += taken
                self._returned.notify_all()


BUDGET = PixelBudget(100_000_000)
"""Of this process: 400 MB, as Pillow keeps a colour in four bytes."""
