"""A block that takes too long ends the process, whatever it is busy with."""

import subprocess
import sys

import pytest

from benchbench.system.time_limit import time_limit

SCRIPT = """
import benchbench.system.time_limit as time_limit
time_limit.GRACE_SECONDS = 0.5
with time_limit.time_limit({seconds}, lambda: print("too long", flush=True)):
    {block}
print("done")
"""


@pytest.mark.parametrize(
    ("block", "seconds", "code", "told"),
    [
        ("pass", "0.2", 0, "done\n"),
        ("pass", "float('inf')", 0, "done\n"),
        ("import time; time.sleep(60)", "0.2", 1, "too long\n"),
        ("while True: pass", "0.2", 1, "too long\n"),
        ("sum(range(10**13))", "0.2", 1, ""),  # no other thread of Python runs
    ],
)
def test_the_process_ends_in_time(block: str, seconds: str, code: int, told: str) -> None:
    script = SCRIPT.format(block=block, seconds=seconds)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30)
    assert (done.returncode, done.stdout.decode()) == (code, told)


def test_the_limit_ends_with_the_block() -> None:
    for _ in range(3):
        with time_limit(0.05, lambda: None), time_limit(1e300, lambda: None):
            pass
