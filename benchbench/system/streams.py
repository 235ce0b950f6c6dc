"""Standard streams: closed, on a full disk, in a pipe that nobody reads, or without some letters.

Results go to standard output, and a command must not succeed if they are lost. Messages go to
standard error, and a command goes on without them.
"""

from __future__ import annotations

import io
import os
import sys
from typing import BinaryIO, TextIO, TypeVar

Stream = TypeVar("Stream", bound=io.TextIOWrapper)

NUMBERS = (0, 1, 2)
"""Of standard input, output and error, as files of the system."""

_replaced: list[TextIO] = []
"""Streams would be closed, with what is below them, if nobody held them."""


class OutputLostError(OSError):
    """What was printed did not arrive; nothing that is printed afterwards does."""


class Guarded(io.TextIOWrapper):
    """A stream that knows what to do when the system refuses a text."""

    def refused(self, error: OSError) -> None:
        """Do that; what was to be written counts as written unless this raises."""
        raise error

    def write(self, text: str, /) -> int:
        try:
            count = super().write(text)
        except OSError as error:
            self.refused(error)
            return len(text)
        if self.write_through:
            self.flush()
        return count

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self.refused(error)


class Output(Guarded):
    """A stream that raises OutputLostError if the system refuses what is written.

    lost: that error, for the end of a command, as whoever prints may drop it.
    """

    lost: OutputLostError | None = None

    def refused(self, error: OSError) -> None:
        _discard(self)
        self.lost = self.lost or OutputLostError(error.errno, error.strerror)
        raise self.lost from error


class Messages(Guarded):
    """A stream that drops what the system refuses."""

    def refused(self, error: OSError) -> None:
        _discard(self)


def _discard(stream: io.TextIOWrapper) -> None:
    """Let the stream lead nowhere, so that what waits to be written fails no more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def open_streams() -> bool:
    """Make this process's streams an `Output` and `Messages`; whether there is an output.

    Closed ones lead nowhere: a file that is opened later would take their place, and get what is
    meant for them.
    """
    closed = [number for number in NUMBERS if _is_closed(number)]
    for number in closed:  # the system gives the lowest number that is free
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        assert not _is_closed(number)
    sys.stdout = _renewed(sys.stdout, 1, Output)
    sys.stderr = _renewed(sys.stderr, 2, Messages)
    return 1 not in closed


def print_messages_only() -> None:
    """Let this process's standard output be its standard error, with all lines at once."""
    before = sys.stdout
    if own := isinstance(before, io.TextIOWrapper):
        before.flush()
    os.dup2(2, 1)
    if own:
        # A new one, as the old one would go on to take a pipe for the file that was there before.
        _replaced.append(before)
        binary = open(1, "wb", closefd=False)  # noqa: SIM115 (it is open until the end)
        sys.stdout = io.TextIOWrapper(binary, before.encoding)
    sys.stdout = _renewed(sys.stdout, 1, Messages)
    sys.stderr = _renewed(sys.stderr, 2, Messages)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)


def _is_closed(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def _renewed(stream: TextIO | None, number: int, kind: type[Stream]) -> TextIO | Stream:
    """The stream as one of this kind, unless it is something else than Python's own.

    A character that it cannot express, such as "±" on some terminals, is replaced. Without a buffer
    (PYTHONUNBUFFERED) Python's own would drop what the system does not take at once, and hand on
    empty texts, which a full disk refuses; so there always is one, emptied by each `write`.
    """
    if stream is None:
        stream = open(number, "w", closefd=False)  # noqa: SIM115 (it is open until the end)
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    buffered = stream.line_buffering, stream.write_through
    buffer: BinaryIO | io.BufferedWriter = stream.buffer
    if isinstance(buffer, io.RawIOBase):
        buffer = io.BufferedWriter(buffer)
    renewed = kind(buffer, stream.encoding, "replace", None, *buffered)
    _replaced.append(stream)
    return renewed
