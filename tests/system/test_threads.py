"""Having every thread of a process do something; in processes of their own, which it interrupts."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from benchbench.system.threads import RT_SIGACTION

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in RT_SIGACTION,
    reason="threads are reached on Linux only",
)

PRELUDE = """
import os, threading, time
from benchbench.system.threads import in_other_threads
told = []
def tell():
    told.append(threading.get_native_id())
"""


def run(script: str) -> None:
    subprocess.run([sys.executable, "-c", PRELUDE + script], check=True, timeout=60)


def test_each_other_thread_acts_once_and_goes_on() -> None:
    script = """
import numpy
end = threading.Event()
threads = [threading.Thread(target=end.wait) for _ in range(3)]
for thread in threads:
    thread.start()
others = set(map(int, os.listdir("/proc/self/task"))) - {threading.get_native_id()}
assert others >= {thread.native_id for thread in threads}
for _ in range(10):
    told.clear()
    in_other_threads(tell)
    assert sorted(told) == sorted(others)
end.set()
for thread in threads:
    thread.join(10)
    assert not thread.is_alive()
"""
    run(script)


def test_nothing_happens_without_other_threads() -> None:
    run("in_other_threads(tell)\nassert not told")


def test_a_thread_that_fails_is_told_of() -> None:
    script = """
threading.Thread(target=threading.Event().wait, daemon=True).start()
def fail():
    raise OSError("no room")
try:
    in_other_threads(fail)
except RuntimeError as error:
    assert str(error) == "A thread of this process failed: no room", error
else:
    raise AssertionError
"""
    run(script)


def test_a_thread_that_does_not_answer_is_told_of() -> None:
    script = """
threading.Thread(target=threading.Event().wait, daemon=True).start()
try:
    in_other_threads(lambda: time.sleep(0.5), seconds=0.1)
except RuntimeError as error:
    assert str(error) == "1 other threads are busy or do not answer.", error
else:
    raise AssertionError
time.sleep(0.6)
in_other_threads(tell)
assert len(told) == 1
"""
    run(script)


def test_a_busy_thread_is_left_alone() -> None:
    script = """
end = False
def work():
    while not end:
        sum(range(100))
worker = threading.Thread(target=work)
worker.start()
try:
    in_other_threads(tell, seconds=0.3)
except RuntimeError as error:
    assert str(error) == "1 other threads are busy or do not answer.", error
else:
    raise AssertionError
end = True
worker.join(10)
assert not worker.is_alive() and not told
"""
    run(script)
