"""Confining a process by Landlock; each test has a process of its own, as it stays confined."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbench.system import sandbox
from benchbench.system.sandbox import SIGNALS_ABI, allowed_without, landlock_abi, sandbox_support

needs_landlock = pytest.mark.skipif(not landlock_abi(), reason=sandbox_support())
guards_signals = pytest.mark.skipif(
    landlock_abi() < SIGNALS_ABI, reason="this kernel's Landlock leaves signals alone"
)

PRELUDE = """
import ctypes, errno, os, queue, signal, socket, stat, subprocess, sys, threading
from pathlib import Path
from benchbench.system.library_paths import library_paths
from benchbench.system.sandbox import confine

secret, writable, parent = Path(sys.argv[1]), Path(sys.argv[2]), os.getppid()

def refuses(action, *arguments):
    try:
        action(*arguments)
    except OSError as error:
        assert error.errno in (errno.EACCES, errno.EPERM, errno.EXDEV), error
        return True
    return False

def confine_this():
    assert confine([*library_paths(), Path("/no/such/place")], [writable, Path("/no/other")])
"""

REFUSED = {
    "reading": "secret.read_text()",
    "reading by a link": "(writable / 'link').read_text()",
    "listing": "os.listdir(secret.parent)",
    "writing": "secret.write_text('mine')",
    "truncating": "os.truncate(secret, 0)",
    "removing": "secret.unlink()",
    "making": "(secret.parent / 'new').touch()",
    "making a folder": "(secret.parent / 'new').mkdir()",
    "moving it in": "os.rename(secret, writable / 'mine')",
    "linking it in": "os.link(secret, writable / 'mine')",
    "links": "(writable / 'other').symlink_to(secret)",
    "pipes": "os.mkfifo(writable / 'pipe')",
    "devices": "os.mknod(writable / 'disk', stat.S_IFBLK | 0o600, os.makedev(8, 0))",
    "reading by its own root": "open(f'/proc/self/root{secret}')",
    "changing a library": "open(os.__file__, 'a')",
    "the parent's environment": "open(f'/proc/{parent}/environ', 'rb')",
    "the parent's memory": "open(f'/proc/{parent}/mem', 'rb')",
    "the parent's files": "os.listdir(f'/proc/{parent}/fd')",
    "the parent's, by its own folder": "open(f'/proc/self/task/../../{parent}/environ', 'rb')",
    "all processes": "os.listdir('/proc')",
}

WORKS = {
    "in the writable folder": """
        (writable / "a").mkdir()
        (writable / "a" / "f").write_text("1")
        (writable / "a" / "f").rename(writable / "g")
        assert (writable / "g").read_text() == "1"
        (writable / "g").unlink()
        (writable / "a").rmdir()
        """,
    "the machine": """
        os.urandom(8), os.cpu_count(), os.listdir("/sys/devices/system/cpu")
        with open("/dev/null", "w") as nothing:
            nothing.write("x")
        for name in ("cpuinfo", "meminfo", "stat", "self/status", "self/maps", "self/limits"):
            assert Path("/proc", name).read_bytes()
        """,
    "packages": """
        import colorsys, sqlite3, zoneinfo
        import scipy.stats
        from PIL import Image
        Image.new("L", (4, 4)).save(writable / "x.webp")
        zoneinfo.ZoneInfo("Europe/Paris")
        """,
    "a program": "subprocess.run(['ls', '/usr'], check=True, stdout=subprocess.DEVNULL)",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("protected", "writable", "current"):
        (tmp_path / name).mkdir()
    (tmp_path / "protected" / "secret").write_text("the labels")
    (tmp_path / "writable" / "link").symlink_to(tmp_path / "protected" / "secret")
    return tmp_path


def begin(place: Path, script: str) -> subprocess.Popen[str]:
    arguments = [place / "protected" / "secret", place / "writable"]
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, *map(str, arguments)],
        cwd=place / "current",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def run(place: Path, script: str) -> str:
    """What a script prints that has the names of the prelude."""
    output, errors = begin(place, script).communicate(timeout=120)
    assert not errors, errors
    return output


@needs_landlock
class TestConfine:
    def test_what_is_refused(self, place: Path) -> None:
        lines = "".join(
            f"print({name!r} * (not refuses(lambda: {action})))\n"
            for name, action in REFUSED.items()
        )
        assert run(place, "confine_this()\n" + lines).split() == []
        assert (place / "protected" / "secret").read_text() == "the labels"

    @pytest.mark.parametrize("script", WORKS.values(), ids=WORKS.keys())
    def test_what_works(self, place: Path, script: str) -> None:
        run(place, "confine_this()\n" + textwrap.dedent(script))

    def test_torch(self, place: Path) -> None:
        """Threads that it has started before are confined, and it starts others."""
        script = """
import numpy, torch
torch.set_num_threads(2)
before = torch.randn(300, 300) @ torch.randn(300, 300)
confine_this()
torch.set_num_threads(3)
torch.save(torch.randn(900, 900) @ torch.randn(900, 900), writable / "x.pt")
assert torch.load(writable / "x.pt").shape == (900, 900)
numpy.linalg.inv(numpy.random.rand(300, 300))
from benchbench.system.vision import torchvision
torchvision("models").resnet18()
states = [path.read_text() for path in Path("/proc/self/task").glob("*/status")]
assert len(states) > 2 and all("NoNewPrivs:\\t1" in state for state in states)
"""
        run(place, script)

    def test_threads_that_run_already(self, place: Path) -> None:
        script = """
orders, answers = queue.Queue(), queue.Queue()
def work():
    while True:
        answers.put(refuses(orders.get()))
threading.Thread(target=work, daemon=True).start()
orders.put(secret.read_text)
assert not answers.get()
confine_this()
orders.put(secret.read_text)
assert answers.get()
"""
        run(place, script)

    def test_what_is_open_stays_open(self, place: Path) -> None:
        script = """
import numpy
mapped, file = numpy.memmap(secret, mode="r"), open(secret)
confine_this()
assert bytes(mapped) == file.read().encode() == b"the labels"
assert refuses(open, f"/proc/self/fd/{file.fileno()}")
"""
        run(place, script)

    def test_what_it_starts_is_confined(self, place: Path) -> None:
        script = """
confine_this()
assert subprocess.run(["cat", secret], capture_output=True).returncode == 1
child = os.fork()
if not child:
    os._exit(7 if refuses(secret.read_text) else 0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""
        run(place, script)

    @guards_signals
    def test_it_cannot_signal_others_but_its_children(self, place: Path) -> None:
        script = """
confine_this()
assert refuses(os.kill, parent, 0) and refuses(os.kill, parent, signal.SIGCONT)
child = subprocess.Popen(["sleep", "60"])
child.kill()
assert child.wait() == -signal.SIGKILL
"""
        run(place, script)

    @guards_signals
    def test_it_cannot_call_on_abstract_sockets_of_others(self, place: Path) -> None:
        script = """
confine_this()
assert refuses(socket.socket(socket.AF_UNIX).connect, "\\0" + os.environ["SOCKET"])
"""
        with socket.socket(socket.AF_UNIX) as listening, pytest.MonkeyPatch.context() as patch:
            name = f"benchbench-{os.getpid()}"
            listening.bind("\0" + name)
            listening.listen()
            patch.setenv("SOCKET", name)
            run(place, script)

    def test_others_can_signal_it(self, place: Path) -> None:
        process = begin(place, "confine_this()\nprint('ready', flush=True)\nsignal.pause()")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGTERM

    def test_it_cannot_trace_its_parent(self, place: Path) -> None:
        script = """
libc = ctypes.CDLL(None, use_errno=True)
confine_this()
attach = 16
assert libc.ptrace(attach, parent, None, None) == -1
assert ctypes.get_errno() == errno.EPERM
assert refuses(lambda: os.pread(os.open(f"/proc/{parent}/mem", os.O_RDONLY), 8, 0))

class Part(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("length", ctypes.c_size_t)]

mine = ctypes.create_string_buffer(8)
here, there = Part(ctypes.addressof(mine), 8), Part(ctypes.addressof(mine), 8)
assert libc.process_vm_readv(parent, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == -1
assert ctypes.get_errno() == errno.EPERM
"""
        run(place, script)

    def test_packages_next_to_what_is_protected(self, place: Path) -> None:
        """They are found though their folder cannot be listed."""
        (place / "code" / "results").mkdir(parents=True)
        (place / "code" / "results" / "secret").touch()
        (place / "code" / "one_module.py").touch()
        script = """
from benchbench.system.sandbox import allowed_without
code = secret.parents[1] / "code"
sys.path.insert(0, str(code))
assert confine(allowed_without(library_paths(), [code / "results"]), [])
import one_module
assert refuses((code / "results" / "secret").read_text)
"""
        run(place, script)


class TestWithoutLandlock:
    def test_a_missing_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "landlockpy", None)
        monkeypatch.setattr(sandbox.sys, "platform", "linux")
        assert sandbox_support() == "The package landlockpy is missing; install it."
        assert not sandbox.confine([], [])

    @pytest.mark.parametrize(
        ("platform", "told"),
        [("darwin", "Landlock is a part of Linux, and this is darwin."), ("linux", "lsm=landlock")],
    )
    def test_a_kernel_without(
        self, monkeypatch: pytest.MonkeyPatch, platform: str, told: str
    ) -> None:
        monkeypatch.setattr(sandbox, "landlock_abi", lambda: 0)
        monkeypatch.setattr(sandbox.sys, "platform", platform)
        assert told in sandbox_support()
        assert not sandbox.confine([], [])


def test_support_is_told_with_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "landlock_abi", lambda: 7)
    assert sandbox_support() == "Landlock ABI 7"
    monkeypatch.setattr(sandbox, "landlock_abi", lambda: 3)
    assert sandbox_support() == "Landlock ABI 3, which leaves other processes open to signals"


FOLDERS = st.lists(st.sampled_from("abc"), max_size=4).map("/".join)


def covered(file: Path, paths: list[Path]) -> bool:
    return any(path == file or path in file.parents for path in paths)


@settings(max_examples=150, deadline=None)
@given(
    folders=st.sets(FOLDERS, max_size=8),
    links=st.lists(st.tuples(FOLDERS, FOLDERS), max_size=3),
    allowed=st.lists(FOLDERS, max_size=4),
    protected=st.lists(st.tuples(FOLDERS, st.sampled_from(["", "file", "link0"])), max_size=4),
)
def test_allowed_is_what_was_allowed_without_what_is_protected(
    folders: set[str],
    links: list[tuple[str, str]],
    allowed: list[str],
    protected: list[tuple[str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        for folder in folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder / "file").touch()
        for number, (folder, target) in enumerate(links):
            if (root / folder).is_dir():
                (root / folder / f"link{number}").symlink_to(root / target)
        hidden = [root / folder / name for folder, name in protected]
        given_paths = [root / folder for folder in allowed]
        found = allowed_without(given_paths, hidden)
        real = [path.resolve() for path in given_paths]
        real_hidden = [path.resolve() for path in hidden]
        for file in root.rglob("file"):
            expected = covered(file, real) and not covered(file, real_hidden)
            assert covered(file, found) == expected
        for path in real_hidden:
            assert not covered(path, found)
            assert not any(path in other.parents for other in found)
        assert len(found) == len(set(found))


def test_links_are_followed_on_both_sides(tmp_path: Path) -> None:
    for name in ("real/results", "real/code"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    code = [(tmp_path / "real" / "code").resolve()]
    assert allowed_without([tmp_path / "link"], [tmp_path / "real" / "results"]) == code
    assert allowed_without([tmp_path / "real"], [tmp_path / "link" / "results"]) == code


def test_archives_are_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("module.py", "")
    found = allowed_without([tmp_path / "code.zip"], [tmp_path / "results"])
    assert found == [(tmp_path / "code.zip").resolve()]
