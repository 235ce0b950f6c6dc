"""How the processes of methods begin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchbench.engine.processes import start_method

SCRIPT = """
from benchbench.engine.processes import begin_template
from benchbench.engine.supervisor import Supervisor

if __name__ == "__main__":
    begin_template()
    with Supervisor().contestant("knn[backbone=pixels]") as contestant:
        print(contestant.card.name)
"""


INTERRUPTED = """
import os, signal, time
from benchbench.engine.processes import begin_template

begin_template()
time.sleep(0.5)
try:
    os.killpg(0, signal.SIGINT)
    time.sleep(5)
except KeyboardInterrupt:
    print("interrupted")
"""

needs_template = pytest.mark.skipif(
    start_method("cpu") != "forkserver", reason="there is no template here"
)


@needs_template
def test_an_interruption_while_the_template_begins_is_no_traceback() -> None:
    """Ctrl-C reaches every process of the terminal's group."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


@needs_template
def test_modules_of_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    """A researcher's folder may hold a `numpy.py`, and a checkout another benchbench."""
    here, script = tmp_path / "here", tmp_path / "scripts" / "script.py"
    here.mkdir()
    script.parent.mkdir()
    script.write_text(SCRIPT)
    for name in ("numpy", "torch"):
        (here / f"{name}.py").write_text("import pathlib\npathlib.Path('taken').touch()\n")
    done = subprocess.run(
        [sys.executable, str(script)], cwd=here, capture_output=True, text=True, timeout=100
    )
    assert done.stdout == "knn\n", done.stderr
    assert not (here / "taken").exists()
