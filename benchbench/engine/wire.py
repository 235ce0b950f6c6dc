"""What a method's process sends back: JSON and arrays, which can do nothing when they are read.

The other way go pickles: the process of a method trusts its supervisor, not the reverse.
"""

from __future__ import annotations

import json
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import load, save

from benchbench.errors import MethodError

LARGEST = 1 << 31
"""Bytes of one message."""

NO_REPLY = "the process sent something that is not a reply"

KINDS = ("done", "failed", "refused")
"""Of replies in JSON: a request is fulfilled, the method raised, or it was asked for what a user
must mend."""
SCORES = "scores"
"""The kind of a reply that is an array: an episode's scores, after which more replies follow."""
JSON_BEGINS = b"{"
"""Arrays begin with the length of their header, which is a multiple of 8 and so another byte."""


class Reply(NamedTuple):
    """A reply of one of `KINDS`, with plain JSON; or one of the kind `SCORES`, of one episode."""

    kind: str
    content: Any = None
    scores: np.ndarray | None = None


def send(pipe: Connection, reply: Reply) -> None:
    """Send a reply. Raises OSError if nobody listens any more."""
    if reply.scores is not None:
        pipe.send_bytes(save({SCORES: np.ascontiguousarray(reply.scores)}))
        return
    text = json.dumps({"kind": reply.kind, "content": reply.content}, default=str)
    pipe.send_bytes(text.encode())


def receive(pipe: Connection) -> Reply:
    """The next reply. Raises EOFError or OSError if there is none, MethodError if it is not one."""
    message = pipe.recv_bytes(LARGEST)
    if message.startswith(JSON_BEGINS):
        return _from_json(message)
    try:
        return Reply(SCORES, scores=load(message)[SCORES])
    except Exception as error:
        raise MethodError(NO_REPLY) from error


def _from_json(message: bytes) -> Reply:
    try:
        found = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise MethodError(NO_REPLY) from error
    kind, content = found.get("kind"), found.get("content")
    if kind not in KINDS or (kind != "done" and not isinstance(content, dict)):
        raise MethodError(NO_REPLY)
    return Reply(kind, content)
