"""Downloading a file: it is resumed, checked, and put in place whole or not at all.

Neither torchvision's `download_url` nor pooch resumes a download that broke off.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from contextlib import suppress
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from filelock import FileLock

from benchbench.datasets.reading.offline import refuse_download
from benchbench.errors import BenchbenchError
from benchbench.system.files import file_hash
from benchbench.system.progress import meter

CHUNK = 1 << 20
TIMEOUT_SECONDS = 20.0


def download(url: str, target: Path, md5: str) -> Path:
    """Fetch `url` into `target`, and return it; a file that is there already is left alone.

    What arrived before a break stays next to the target as `.partial` and is continued, unless the
    server reports that its file has changed. Raises BenchbenchError if the network or the server
    fails, or if the file that arrives has another md5 (in hexadecimal digits).
    """
    if target.exists():
        return target
    refuse_download(url)
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):
            if not target.exists():
                _fetch(url, partial)
                _check(url, partial, md5)
                partial.replace(target)
                _tag_of(partial).unlink(missing_ok=True)
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        reason = str(getattr(error, "reason", error)).strip()
        raise BenchbenchError(
            f"Cannot download {url} ({reason}); fetch it elsewhere and put it at {target}."
        ) from error
    except OSError as error:
        raise BenchbenchError(
            f"Cannot write {partial} ({error.strerror or error}); "
            "choose another folder with --data-root or BENCHBENCH_CACHE."
        ) from error
    return target


def _check(url: str, partial: Path, md5: str) -> None:
    found = file_hash(partial, "md5")
    if found != md5:
        _throw_away(partial)
        raise BenchbenchError(
            f"{url} arrived with md5 {found} instead of {md5} and was thrown away; try again."
        )


def _throw_away(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _tag_of(partial).unlink(missing_ok=True)


def _tag_of(partial: Path) -> Path:
    """The file that keeps the server's name for the version of `partial`."""
    return partial.with_name(partial.name + ".tag")


def _fetch(url: str, partial: Path) -> None:
    """Append to `partial` what is missing of it."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers=_asking(partial, have))
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is missing: the checksum decides
            return
        raise
    with response:
        start, total = _extent(response, have)
        if start not in (0, have):
            _throw_away(partial)
            raise ConnectionError("the server sent another part than the requested one")
        if start == 0:
            _throw_away(partial)
            if tag := _tag(response.headers):
                _tag_of(partial).write_text(tag, encoding="utf-8")
        _append(response, partial, start, total)


def _asking(partial: Path, have: int) -> dict[str, str]:
    """Headers that request the rest, or all if the file has changed (RFC 9110, 13.1.5)."""
    if not have:
        return {}
    headers = {"Range": f"bytes={have}-"}
    with suppress(OSError):
        headers["If-Range"] = _tag_of(partial).read_text(encoding="utf-8")
    return headers


def _tag(headers: Message) -> str:
    """A strong ETag, else the date of the last change, else nothing."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified", "")


def _extent(response: HTTPResponse, have: int) -> tuple[int, int | None]:
    """The place in the file at which the answer begins, and the file's size if it is known."""
    stated = response.headers.get("Content-Length", "")
    length = int(stated) if stated.isdigit() else None
    if response.status != 206:
        return 0, length
    part = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    start = int(part[1]) if part else have
    return start, None if length is None else start + length


def _append(response: HTTPResponse, partial: Path, done: int, total: int | None) -> None:
    with (
        partial.open("ab") as file,
        meter(f"downloading {partial.stem} (bytes)", total, done) as counter,
    ):
        while chunk := _read(response):
            file.write(chunk)
            counter.advance(len(chunk))
            done += len(chunk)
    if total is not None and done < total:
        raise ConnectionError(f"the connection ended after {done} of {total} bytes")


def _read(response: HTTPResponse) -> bytes:
    """A piece; an error of the connection must not look like one of the disk."""
    try:
        return response.read(CHUNK)
    except OSError as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
