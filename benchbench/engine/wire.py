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

KINDS = ("done", "scores", "failed", "refused")
"""Of replies: a request is fulfilled; an episode's scores come, more follow; the method raised; or
it was asked for what a user must mend."""


class Reply(NamedTuple):
    """A reply of one of `KINDS`; content: plain JSON. scores: of one episode, or None."""

    kind: str
    content: Any = None
    scores: np.ndarray | None = None


def send(pipe: Connection, reply: Reply) -> None:
    """Send a reply. Raises OSError if nobody listens any more."""
    header = {"kind": reply.kind, "content": reply.content, "scores": reply.scores is not None}
    pipe.send_bytes(json.dumps(header, default=str).encode())
    if reply.scores is not None:
        pipe.send_bytes(save({"scores": np.ascontiguousarray(reply.scores)}))


def receive(pipe: Connection) -> Reply:
    """The next reply. Raises EOFError or OSError if there is none, MethodError if it is not one."""
    header = _header(pipe.recv_bytes(LARGEST))
    if not header.get("scores"):
        return Reply(header["kind"], header.get("content"))
    message = pipe.recv_bytes(LARGEST)
    try:
        scores = load(message)["scores"]
    except Exception as error:
        raise MethodError(NO_REPLY) from error
    return Reply(header["kind"], header.get("content"), scores)


def _header(message: bytes) -> dict[str, Any]:
    try:
        header = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise MethodError(NO_REPLY) from error
    if not isinstance(header, dict) or header.get("kind") not in KINDS:
        raise MethodError(NO_REPLY)
    if header["kind"] in ("failed", "refused") and not isinstance(header.get("content"), dict):
        raise MethodError(NO_REPLY)
    return header
