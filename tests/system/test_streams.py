"""Standard streams: closed, on a full disk, in a pipe that nobody reads."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchbench.system.streams import Messages, Output, OutputLostError, _renewed

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")


def shell(
    redirected: str, *arguments: str, unbuffered: str = ""
) -> subprocess.CompletedProcess[str]:
    """`python ARGUMENTS REDIRECTED` in a shell that has the streams as they are meant."""
    command = f'"$0" "$@" {redirected}'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, *arguments],
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def version(redirected: str, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    return shell(redirected, "-m", "benchbench.cli", "--version", unbuffered=unbuffered)


@needs_full
@pytest.mark.parametrize("through", [True, False])
def test_output_that_is_lost_is_an_error_once(through: bool) -> None:
    stream = Output(FULL.open("wb"), "utf-8", write_through=through)
    with pytest.raises(OutputLostError) as caught:
        print("text", file=stream, flush=True)
    assert caught.value.errno == errno.ENOSPC
    print("more", file=stream, flush=True)
    stream.close()


@needs_full
@pytest.mark.parametrize("through", [True, False])
def test_messages_that_are_lost_are_none(through: bool) -> None:
    stream = Messages(FULL.open("wb"), "utf-8", write_through=through)
    assert stream.write("text") == 4
    print("more", file=stream, flush=True)
    stream.close()


@pytest.mark.parametrize("kind", [Output, Messages])
def test_what_arrives_is_the_same(kind: type[io.TextIOWrapper], tmp_path: Path) -> None:
    with kind((tmp_path / "text").open("wb"), "ascii", "replace") as stream:
        print("0.33 ±", file=stream)
    assert (tmp_path / "text").read_text() == f"0.33 ?{os.linesep}"


@needs_full
@pytest.mark.parametrize(
    ("redirected", "code", "told"),
    [
        (">&-", 2, "Error: Cannot write to standard output (it is closed)"),
        (">/dev/full", 2, "Error: Cannot write to standard output (No space left on device)"),
        ("2>&-", 0, ""),
        ("2>/dev/full", 0, ""),
        ("0>&- 2>&-", 0, ""),
        (">&- 2>&-", 2, ""),
        (">/dev/full 2>/dev/full", 2, ""),
    ],
)
def test_a_command_says_that_its_output_is_lost(redirected: str, code: int, told: str) -> None:
    done = version(redirected)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == bool(told)
    assert done.stdout.startswith("benchbench") == (code == 0)


@needs_full
@pytest.mark.parametrize(
    ("redirected", "code", "told"),
    [
        ("", 0, ""),
        (">/dev/full", 2, "Error: Cannot write to standard output (No space left on device)"),
        ("2>/dev/full", 0, ""),
    ],
)
def test_output_that_is_lost_without_a_buffer_is_told(
    redirected: str, code: int, told: str
) -> None:
    done = version(redirected, unbuffered="1")
    assert (done.returncode, done.stderr.count("\n")) == (code, bool(told))
    assert done.stderr.startswith(told)
    assert done.stdout.startswith("benchbench") == (code == 0)


LOSES_AN_ERROR = """
import contextlib
import click
from benchbench.cli import main
@main.cli.command()
def lose():
    with contextlib.suppress(OSError):
        print("text", flush=True)
main.main()
"""


@needs_full
def test_an_error_of_output_that_somebody_drops_is_told_at_the_end() -> None:
    done = shell(">/dev/full", "-c", LOSES_AN_ERROR, "lose")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Cannot write to standard output (No space left")


PRINTS_BESIDE_A_SLOW_READER = """
import os
from benchbench.system.streams import open_streams
read, written = os.pipe()
os.dup2(written, 1)
open_streams()
print("a", end="")
assert os.read(read, 9) == b"a"
"""


def test_without_a_buffer_every_text_arrives_at_once() -> None:
    done = shell("", "-c", PRINTS_BESIDE_A_SLOW_READER, unbuffered="1")
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_buffer_what_the_system_takes_in_parts_arrives_whole() -> None:
    class Parts(io.RawIOBase):
        taken = b""

        def writable(self) -> bool:
            return True

        def write(self, content: Any, /) -> int:
            self.taken += bytes(content[:3])
            return min(3, len(content))

    raw = Parts()
    stream = _renewed(io.TextIOWrapper(raw, "utf-8", write_through=True), 1, Output)  # type: ignore[arg-type]
    stream.write("a text of several parts")
    assert raw.taken == b"a text of several parts"


def test_a_pipe_that_nobody_reads_ends_a_command_in_silence() -> None:
    read, written = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "benchbench.cli", "--version"]
    done = subprocess.run(command, stdout=written, stderr=subprocess.PIPE, timeout=60)
    os.close(written)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_mistake_is_not_told_on_standard_output() -> None:
    done = shell("2>&-", "-m", "benchbench.cli", "--vresion")
    assert (done.returncode, done.stdout) == (2, "")


OPENS_A_FILE = """
import os, sys
from benchbench.system.streams import open_streams
open_streams()
file = open(sys.argv[1], "wb")
os.write(2, b"of a library")
print("of Python", file=sys.stderr, flush=True)
"""


def test_a_file_does_not_get_the_messages_of_a_closed_stream(tmp_path: Path) -> None:
    done = shell("0<&- >&- 2>&-", "-c", OPENS_A_FILE, str(tmp_path / "file"))
    assert done.returncode == 0
    assert (tmp_path / "file").read_bytes() == b""


PRINTS_IN_A_METHOD = """
from benchbench.system.streams import print_messages_only
print_messages_only()
print("of a method", flush=True)
"""


@needs_full
@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>/dev/null"])
def test_what_a_method_prints_never_fails(redirected: str) -> None:
    done = shell(redirected, "-c", PRINTS_IN_A_METHOD)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_a_method_prints_goes_with_its_messages_where_output_is_a_file(tmp_path: Path) -> None:
    output = tmp_path / "output"
    done = shell(f'>"{output}"', "-c", PRINTS_IN_A_METHOD)
    assert (done.returncode, done.stderr) == (0, "of a method\n")
    assert output.read_bytes() == b""
