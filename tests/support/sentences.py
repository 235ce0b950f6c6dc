"""What goes wrong is told in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchbench.errors import BenchbenchError


@contextmanager
def one_sentence(says: str) -> Iterator[pytest.ExceptionInfo[BenchbenchError]]:
    """The block ends in one sentence that matches the pattern."""
    with pytest.raises(BenchbenchError, match=says) as caught:
        yield caught
    assert "\n" not in str(caught.value)
