"""Looking at what is here, without fetching or decoding what is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from benchbench.errors import BenchbenchError

_looking = ContextVar("only_looking", default=False)


class WouldDownloadError(BenchbenchError):
    """A file is not here yet, and this is no time to fetch it."""


class WouldDecodeError(BenchbenchError):
    """The images are not decoded yet, and this is no time to do it."""


@contextmanager
def only_looking() -> Iterator[None]:
    """Within the block a download or a decoding raises one of the errors above instead."""
    token = _looking.set(True)
    try:
        yield
    finally:
        _looking.reset(token)


def refuse_download(url: str) -> None:
    """Raise WouldDownloadError inside `only_looking`."""
    if _looking.get():
        raise WouldDownloadError(f"{url} is not here yet and would be downloaded.")


def refuse_decoding(name: str) -> None:
    """Raise WouldDecodeError inside `only_looking`."""
    if _looking.get():
        raise WouldDecodeError(f"The images of {name} are not decoded yet.")
