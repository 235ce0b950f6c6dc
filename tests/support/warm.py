"""A process that has imported everything, and forks for each command so that none waits for that.

A fork differs from `python -m MODULE ARGUMENTS` in what happens at import alone: variables that
libraries read then are those of the process that began. That one computes nothing: GNU OpenMP hangs
in the fork of a process that has run a parallel region.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from PIL import Image

PACKAGES = ("benchbench", "benchbench_plugins")
LIBRARIES = (
    *("pandas.core.methods.to_dict", "pyarrow.pandas_compat", "scipy.stats"),
    *("statsmodels.stats.power", "torch._dynamo", "torch.utils.serialization.config"),
)
"""What commands import only when they need it, besides all modules of the packages."""

READ_AT_IMPORT = ("HF_", "GOMP_", "MKL_", "OMP_", "PYTHONHASHSEED", "TORCH_")


def run_module(
    module: str,
    *arguments: object,
    environment: dict[str, str],
    cwd: Path | None = None,
    before: str = "",
    timeout: int = 120,
) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run([sys.executable, "-m", module, ...])` would give, in a fork.

    before: Python code that the fork executes first.
    """
    order = {
        "module": module,
        "arguments": [str(argument) for argument in arguments],
        "environment": environment,
        "cwd": str(cwd or Path.cwd()),
        "before": before,
        "timeout": timeout,
    }
    template = _template()
    assert template.stdin is not None
    assert template.stdout is not None
    template.stdin.write(json.dumps(order) + "\n")
    template.stdin.flush()
    done = subprocess.CompletedProcess(order["arguments"], **json.loads(template.stdout.readline()))
    if done.returncode == -signal.SIGALRM:
        raise subprocess.TimeoutExpired(done.args, timeout, done.stdout, done.stderr)
    return done


@cache
def _template() -> subprocess.Popen[str]:
    """The process that forks; it ends with this one, whose end of the pipe is then closed."""
    return subprocess.Popen(
        [sys.executable, __file__],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C is for the tests
    )


def _import_everything() -> None:
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith(".__main__"):  # which a command runs
                importlib.import_module(module.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    Image.init()  # imports a module for each format
    importlib.import_module("benchbench.runs.reading")._validator()  # compiles the schema
    gc.freeze()


def _next_order() -> dict[str, Any]:
    """In a fork, what it is to do; the process itself answers for its forks and never returns."""
    for line in sys.stdin:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                return json.loads(line)
            status = os.waitpid(child, 0)[1]
            out.seek(0), err.seek(0)
            answer = {
                "returncode": os.waitstatus_to_exitcode(status),
                "stdout": out.read().decode(errors="replace"),
                "stderr": err.read().decode(errors="replace"),
            }
        print(json.dumps(answer), flush=True)
    sys.exit()


def _obey(order: dict[str, Any], search_path: list[str]) -> int | str | None:
    """Run the module as an interpreter of its own would; the status that it exits with."""
    signal.alarm(order["timeout"])
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    paths = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [order["cwd"], *paths, *search_path]
    sys.argv[1:] = order["arguments"]
    importlib.invalidate_caches()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding=os.environ.get("PYTHONIOENCODING", "utf-8"))
    np.random.seed()  # another state in each process
    exec(order["before"], {})
    sys.modules.pop(order["module"], None)
    try:
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _exit(status: int | str | None) -> NoReturn:
    """Exit without taking apart all that was imported, which takes half a second."""
    if isinstance(status, str):
        print(status, file=sys.stderr)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    added = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    _import_everything()
    own = [str(Path(__file__).parent), *added]
    _exit(_obey(_next_order(), [entry for entry in sys.path if entry not in own]))
