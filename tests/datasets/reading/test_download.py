"""Downloads from a server of our own: resumed, checked, put in place whole or not at all."""

import errno
import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from support.sentences import one_sentence

from benchbench.datasets.reading import download as module
from benchbench.datasets.reading.download import download
from benchbench.system.progress import Meter

BODY = np.random.default_rng(0).bytes(2_500_000)
MD5 = hashlib.md5(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `body` at /file.

    version: its ETag, if any; an If-Range of another one gets the whole.
    shift: how far from the part asked for the part begins that is sent.
    extra: bytes sent after those that are announced.
    breaks: for the requests to come, after how many bytes each loses its connection.
    ranges: the Range header of each request so far, `None` where there was none.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.breaks: list[int] = []
        self.ranges: list[str | None] = []
        self.body = BODY
        self.version = ""
        self.shift = 0
        self.extra = b""
        self.knows_ranges = True
        self.chunked = False
        self.together: threading.Barrier | None = None
        self.url = f"http://127.0.0.1:{self.server_port}/file"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers["Range"])
        if self.path != "/file":
            self.send_error(404, "Not Found")
            return
        start = self.start()
        if start >= len(self.server.body):
            self.send_error(416)
            return
        if self.server.together is not None:
            with suppress(threading.BrokenBarrierError):
                self.server.together.wait()
        self.send_response(206 if start else 200)
        if self.server.version:
            self.send_header("ETag", self.server.version)
        if start:
            start += self.server.shift
            last, total = len(self.server.body) - 1, len(self.server.body)
            self.send_header("Content-Range", f"bytes {start}-{last}/{total}")
        until = self.server.breaks.pop(0) if self.server.breaks else None
        self.send_body(self.server.body[start:], until)

    def start(self) -> int:
        """Where the part that is asked for begins; 0 for the whole."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if not asked or not self.server.knows_ranges:
            return 0
        if self.headers["If-Range"] not in (None, self.server.version):
            return 0
        return int(asked[1])

    def send_body(self, body: bytes, until: int | None) -> None:
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n" % len(body))
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
        self.wfile.write(body[:until] + self.server.extra)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "file.zip"


def partial(target: Path) -> Path:
    return target.with_name("file.zip.partial")


def left_beside(target: Path) -> list[str]:
    """What is in the target's folder; a lock may stay there."""
    return [path.name for path in target.parent.iterdir() if path.suffix != ".lock"]


def fails(url: str, target: Path, says: str, md5: str = MD5) -> None:
    """The download ends in one sentence, with nothing at the target."""
    with one_sentence(says):
        download(url, target, md5)
    assert not target.exists()


def test_a_whole_download(server: Server, target: Path) -> None:
    assert download(server.url, target, MD5) == target
    assert target.read_bytes() == BODY
    assert left_beside(target) == [target.name]
    assert server.ranges == [None]


def test_what_is_there_already_is_left_alone(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(b"mine")
    assert download(server.url, target, MD5) == target
    assert target.read_bytes() == b"mine"
    assert server.ranges == []


def test_a_broken_download_goes_on_where_it_stopped(server: Server, target: Path) -> None:
    server.breaks = [1_200_000, 300_000]
    fails(server.url, target, r"ended after 1200000 of 2500000 bytes\); fetch it elsewhere and put")
    assert partial(target).read_bytes() == BODY[:1_200_000]
    fails(server.url, target, "ended after 1500000 of 2500000 bytes")
    download(server.url, target, MD5)
    assert server.ranges == [None, "bytes=1200000-", "bytes=1500000-"]
    assert target.read_bytes() == BODY
    assert left_beside(target) == [target.name]


def test_a_broken_download_in_chunks_is_one_sentence(server: Server, target: Path) -> None:
    server.chunked, server.breaks = True, [1_200_000]
    fails(server.url, target, "Cannot download")


def test_a_server_without_ranges_starts_over(server: Server, target: Path) -> None:
    server.breaks, server.knows_ranges = [1_000_000], False
    fails(server.url, target, "ended after 1000000")
    download(server.url, target, MD5)
    assert target.read_bytes() == BODY


def test_a_download_that_only_lacked_its_last_step(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    partial(target).write_bytes(BODY)
    download(server.url, target, MD5)
    assert target.read_bytes() == BODY
    assert not partial(target).exists()


def test_a_wrong_checksum_is_thrown_away(server: Server, target: Path) -> None:
    wrong = "0" * 32
    fails(server.url, target, f"arrived with md5 {MD5} instead of {wrong} .*thrown away", wrong)
    assert left_beside(target) == []
    download(server.url, target, MD5)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("size", [500, len(BODY) + 1], ids=["short", "long"])
def test_a_partial_file_of_something_else_is_thrown_away(server, target, size) -> None:
    target.parent.mkdir(parents=True)
    partial(target).write_bytes(bytes(size))
    fails(server.url, target, "thrown away; try again")
    download(server.url, target, MD5)
    assert target.read_bytes() == BODY


def test_a_file_that_changed_between_two_tries_starts_over(server: Server, target: Path) -> None:
    server.version, server.breaks = '"one"', [1_000_000]
    fails(server.url, target, "ended after 1000000")
    server.body, server.version = BODY[::-1], '"two"'
    download(server.url, target, hashlib.md5(BODY[::-1]).hexdigest())
    assert target.read_bytes() == BODY[::-1]
    assert left_beside(target) == [target.name]


def test_a_file_that_is_still_the_same_goes_on(server: Server, target: Path) -> None:
    server.version, server.breaks = '"one"', [1_000_000]
    fails(server.url, target, "ended after 1000000")
    server.breaks = [300_000]
    fails(server.url, target, "ended after 1300000")
    download(server.url, target, MD5)
    assert target.read_bytes() == BODY


def test_a_weak_version_proves_nothing_and_is_not_sent(server: Server, target: Path) -> None:
    server.version, server.breaks = 'W/"one"', [1_000_000]
    fails(server.url, target, "ended after 1000000")
    server.version = 'W/"two"'
    download(server.url, target, MD5)
    assert server.ranges == [None, "bytes=1000000-"]


def test_another_part_than_was_asked_for_is_not_appended(server: Server, target: Path) -> None:
    server.breaks = [1_000_000]
    fails(server.url, target, "ended after 1000000")
    server.shift = 7
    fails(server.url, target, "sent another part than the requested one")
    assert left_beside(target) == []
    download(server.url, target, MD5)


def test_more_than_was_announced_is_not_read(server: Server, target: Path) -> None:
    server.extra = b"and more"
    download(server.url, target, MD5)
    assert target.read_bytes() == BODY


def test_a_full_disk_keeps_what_there_is(server, target, monkeypatch) -> None:
    def refuse(meter: Meter, count: int = 1, remark: str = "") -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Meter, "advance", refuse)
        partial(target).parent.mkdir(parents=True)
        partial(target).write_bytes(BODY[:1000])
        fails(server.url, target, r"^Cannot write .*No space left on device\); choose another")
    assert partial(target).read_bytes() == BODY[:1000]
    download(server.url, target, MD5)
    assert server.ranges[-1] == "bytes=1000-"


def test_a_file_that_the_server_lacks(server: Server, target: Path) -> None:
    url = server.url.replace("/file", "/other")
    fails(url, target, rf"^Cannot download {url} \(Not Found\); .* put it at {target}\.$")


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket that accepts connections, with nobody who answers."""
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/file"


def test_no_server_at_all(listener: socket.socket, target: Path) -> None:
    url = address(listener)
    listener.close()
    fails(url, target, rf"^Cannot download {url} \(.*refused.*\); .* put it at {target}\.$")


def test_a_server_that_hangs(listener, target, monkeypatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.1)
    fails(address(listener), target, r"^Cannot download .* \(timed out\)")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n"], ids=["none", "not http"])
def test_a_server_that_speaks_something_else(listener, target, answer) -> None:
    def talk() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    thread = threading.Thread(target=talk)
    thread.start()
    fails(address(listener), target, r"^Cannot download ")
    thread.join()


def test_a_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with one_sentence(r"^Cannot write .*choose another folder with"):
        download(server.url, tmp_path / "file" / "data.zip", MD5)


def test_two_downloads_of_one_file_at_once(server: Server, target: Path) -> None:
    """Whether the second waits or works beside the first, both end with the file."""
    server.together = threading.Barrier(2, timeout=0.5)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(download, server.url, target, MD5) for _ in range(2)]
        assert [job.result() for job in jobs] == [target, target]
    assert target.read_bytes() == BODY
