"""Downloading a file: resumed where it stopped, checked, and put in place whole or not at all."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from filelock import FileLock

from benchbench.errors import BenchbenchError
from benchbench.files import file_hash
from benchbench.progress import meter

CHUNK = 1 << 20
TIMEOUT_SECONDS = 20.0


def download(url: str, target: Path, md5: str) -> Path:
    """Fetch `url` into `target`, and return it; a file that is there already is left alone.

    What arrived before a break stays beside the target as `.partial` and is continued. Raises
    BenchbenchError where the network, the server or the checksum says no.
    """
    if target.exists():
        return target
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):
            if not target.exists():
                _fetch(url, partial)
                _check(url, partial, md5)
                partial.replace(target)
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
        partial.unlink()
        raise BenchbenchError(
            f"{url} arrived with md5 {found} in place of {md5} and was thrown away; try again."
        )


def _fetch(url: str, partial: Path) -> None:
    """Append to `partial` what is missing of it."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is missing: the checksum decides
            return
        raise
    with response:
        resumed = response.status == 206
        length = response.headers.get("Content-Length")
        done = have if resumed else 0
        total = done + int(length) if length else None
        with (
            partial.open("ab" if resumed else "wb") as file,
            meter(f"downloading {partial.stem} (bytes)", total, done) as counter,
        ):
            while chunk := response.read(CHUNK):
                file.write(chunk)
                counter.advance(len(chunk))
                done += len(chunk)
    if total is not None and done < total:
        raise ConnectionError(f"the connection ended after {done} of {total} bytes")
