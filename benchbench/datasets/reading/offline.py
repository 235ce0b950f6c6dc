"""Listing data sets without downloading or decoding any; opening them without downloading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from benchbench.errors import BenchbenchError

_looking = ContextVar("only_looking", default=False)
_offline = ContextVar("no_downloads", default=False)


class WouldDownloadError(BenchbenchError):
    """A file is missing and downloads are switched off."""


class WouldDecodeError(BenchbenchError):
    """The images are not decoded yet and decoding is switched off."""


@contextmanager
def only_looking() -> Iterator[None]:
    """Switches downloads and decoding off within the block; they raise the errors above."""
    token = _looking.set(True)
    try:
        yield
    finally:
        _looking.reset(token)


@contextmanager
def no_downloads() -> Iterator[None]:
    """Switches downloads off within the block, and not decoding."""
    token = _offline.set(True)
    try:
        yield
    finally:
        _offline.reset(token)


def refuse_download(url: str) -> None:
    """Raise WouldDownloadError inside `only_looking` and `no_downloads`."""
    if _looking.get() or _offline.get():
        raise WouldDownloadError(f"{url} is not here yet and would be downloaded.")


def refuse_decoding(name: str) -> None:
    """Raise WouldDecodeError inside `only_looking`."""
    if _looking.get():
        raise WouldDecodeError(f"The images of {name} are not decoded yet.")
