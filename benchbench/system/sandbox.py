"""Confining this process for good to the files it needs, by Linux's Landlock.

What is already open stays open: descriptors, pipes and memory maps. Landlock says nothing about
the network, nor about a file's existence, size, times and mode.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchbench.system.threads import in_other_threads

if TYPE_CHECKING:
    from landlockpy import AccessFS

SIGNALS_ABI, ALL_THREADS_ABI = 6, 8
"""Versions of Landlock that guard other processes from signals, and that reach all threads."""

ALWAYS_READABLE = (
    *("/dev/random", "/dev/urandom", "/dev/zero"),
    "/proc/self",  # this process alone: the others' memory and environments are in /proc as well
    *("/proc/cpuinfo", "/proc/filesystems", "/proc/loadavg", "/proc/meminfo", "/proc/stat"),
    *("/proc/sys", "/proc/uptime", "/proc/version"),
    *("/proc/devices", "/proc/driver", "/proc/modules"),  # GPUs
    *("/sys/bus", "/sys/class", "/sys/devices", "/sys/fs/cgroup", "/sys/module"),
)
"""What numpy, torch, CUDA and the C library ask about the machine and about this process."""

DEVICES = ("null", "nvidia*", "dri", "kfd")
"""Names in /dev, as patterns, of what may be written to and controlled: null and GPUs."""

_held: list[int] = []
"""Descriptors: /proc makes a file anew, without the right to it, if nobody holds it."""


def landlock_abi() -> int:
    """The version of Landlock's interface that kernel and package offer; 0 without any."""
    try:
        import landlockpy
    except ImportError:
        return 0
    try:
        return landlockpy.abi_version()
    except OSError:  # a container may forbid even the question
        return 0


def sandbox_support() -> str:
    """What `confine` can do here: "Landlock ABI 7", or a sentence that says why nothing."""
    if abi := landlock_abi():
        lacks = "" if abi >= SIGNALS_ABI else ", which leaves other processes open to signals"
        return f"Landlock ABI {abi}{lacks}"
    if sys.platform != "linux":
        return f"Landlock is a part of Linux, and this is {sys.platform}."
    if importlib.util.find_spec("landlockpy") is None:
        return "The package landlockpy is missing; install it."
    return "This kernel offers no Landlock; it takes Linux 5.13 or newer with lsm=landlock."


def confine(readable: Iterable[Path], writable: Iterable[Path]) -> bool:
    """Restrict this process, all its threads and its future children for good.

    readable: files and folders that may be read, listed and executed. writable: those that may be
    changed as well, though without links, pipes and devices, which could mislead who reads them
    later. Both may name what does not exist. A DataLoader's own workers take /dev/shm among the
    writable, where other processes' shared memory lies as well. The machine's description and
    GPUs are added; other processes can be neither looked into nor, from ABI 6 on, sent signals.
    False if the kernel offers nothing. Raises OSError if it refuses, RuntimeError if a thread
    cannot be reached.
    """
    abi = landlock_abi()
    if not abi:
        return False
    rules = [*_rules(list(readable), list(writable))]
    # Folders of which only parts may be read cannot be listed any more: Python does so now.
    importlib.util.find_spec("no_such_module")
    for path, _ in rules:
        if path.startswith("/proc/"):
            with suppress(OSError):
                _held.append(os.open(path, os.O_PATH | os.O_CLOEXEC))
    if abi < ALL_THREADS_ABI:
        in_other_threads(lambda: _restrict(rules))
    _restrict(rules)
    return True


def _rules(readable: list[Path], writable: list[Path]) -> Iterator[tuple[str, AccessFS]]:
    """Paths, and what may be done with them."""
    from landlockpy import AccessFS

    read = AccessFS.READ_FILE | AccessFS.READ_DIR | AccessFS.EXECUTE
    write = read | AccessFS.WRITE_FILE | AccessFS.TRUNCATE | AccessFS.REFER
    write |= AccessFS.MAKE_REG | AccessFS.MAKE_DIR | AccessFS.REMOVE_FILE | AccessFS.REMOVE_DIR
    write |= AccessFS.MAKE_SOCK | AccessFS.RESOLVE_UNIX  # of processes that it starts
    use = AccessFS.READ_FILE | AccessFS.READ_DIR | AccessFS.WRITE_FILE | AccessFS.IOCTL_DEV
    yield from ((path, read) for path in ALWAYS_READABLE)
    yield from ((str(path), use) for name in DEVICES for path in Path("/dev").glob(name))
    yield from ((str(path), read) for path in readable)
    yield from ((str(path), write) for path in writable)


def _restrict(rules: Iterable[tuple[str, AccessFS]]) -> None:
    """Restrict the calling thread, or all threads if the kernel can."""
    from landlockpy import AccessFS, AccessNet, RestrictFlag, Ruleset, Scope

    of_files = AccessFS.READ_FILE | AccessFS.WRITE_FILE | AccessFS.EXECUTE
    of_files |= AccessFS.TRUNCATE | AccessFS.IOCTL_DEV
    everywhere = Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET
    with Ruleset(handled_net=AccessNet.NONE, scoped=everywhere) as ruleset:
        for path, access in rules:
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                ruleset.allow_path(path, access if Path(path).is_dir() else access & of_files)
        ruleset.restrict(RestrictFlag.TSYNC)


def allowed_without(allowed: Iterable[Path], protected: Iterable[Path]) -> list[Path]:
    """The allowed files and folders, resolved, without the protected ones, as `confine` takes them.

    Rights hold for all that is below a folder. One that has something protected below it, even if
    that does not exist yet, is therefore replaced by what else it holds now.
    """
    hidden = {path.resolve() for path in protected}
    paths = (part for path in allowed for part in _parts(path.resolve(), hidden))
    return list(dict.fromkeys(paths))


def _parts(path: Path, hidden: set[Path]) -> Iterator[Path]:
    if path in hidden or not hidden.isdisjoint(path.parents):
        return
    if not any(path in other.parents for other in hidden):
        yield path
        return
    with suppress(OSError):  # not there, or not to be listed
        for child in sorted(path.iterdir()):
            if not child.is_symlink():  # a right to the folder is none to where its links lead
                yield from _parts(child, hidden)
