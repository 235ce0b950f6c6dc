"""What may come from the process of a method: replies, and nothing that does anything when read."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.engine.wire import KINDS, Reply, receive, send
from benchbench.errors import MethodError


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    mine, other = Pipe()
    with mine, other:
        yield mine, other


@pytest.mark.parametrize("kind", KINDS)
def test_a_reply_comes_as_it_was_sent(pipe: tuple[Connection, Connection], kind: str) -> None:
    mine, other = pipe
    sent = Reply(kind, {"reason": "é", "stacks": "", "list": [1, 2.5, None, True]})
    send(other, sent)
    assert receive(mine) == sent


@pytest.mark.parametrize("shape", [(0, 5), (1, 2), (75, 5)])
def test_scores_come_bit_for_bit(
    pipe: tuple[Connection, Connection], shape: tuple[int, int]
) -> None:
    mine, other = pipe
    scores = np.random.default_rng(0).normal(size=shape)
    send(other, Reply("scores", scores=scores.T.copy().T))
    found = receive(mine).scores
    assert found is not None
    assert np.array_equal(found, scores)
    assert found.dtype == np.float64


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


GARBAGE = [
    b"",
    b"\x00\xff",
    b"null",
    b"[]",
    b'"done"',
    b'{"kind": "other"}',
    b'{"kind": ["done"]}',
    b'{"kind": "scores", "scores": true}',
    b'{"kind": "failed"}',
    b'{"kind": "refused", "content": 3}',
    b"[" * 100_000,
    b'{"kind": ' + b"[" * 100_000,
    b"scores",
    b"\xff" * 64,
    (2**62).to_bytes(8, "little"),
]


@pytest.mark.parametrize("message", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_refused_in_one_sentence(
    pipe: tuple[Connection, Connection], message: bytes
) -> None:
    mine, other = pipe
    other.send_bytes(message)
    with pytest.raises(MethodError, match="the process sent something that is not a reply"):
        receive(mine)


def test_a_pickle_is_not_opened(pipe: tuple[Connection, Connection], tmp_path: Path) -> None:
    mine, other = pipe
    other.send_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(MethodError, match="not a reply"):
        receive(mine)
    assert not (tmp_path / "exploded").exists()


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_else(message: bytes) -> None:
    mine, other = Pipe()
    with mine, other:
        other.send_bytes(message)
        with pytest.raises(MethodError):
            receive(mine)


def test_nobody_there_is_an_end_of_file(pipe: tuple[Connection, Connection]) -> None:
    mine, other = pipe
    other.close()
    with pytest.raises(EOFError):
        receive(mine)
