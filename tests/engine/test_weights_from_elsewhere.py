"""What a method's process needs and may not fetch itself: files that a spec names, downloads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import write_pictures
from support.installations import install

from benchbench.engine.supervisor import files_in

BACKBONE = '''
import os
from pathlib import Path
from typing import ClassVar

from benchbench import hookimpl
from benchbench.backbones.pixels import Pixels


class Downloaded(Pixels):
    """Has its weights downloaded if they are not there."""

    name: ClassVar[str] = "downloaded"

    def build(self):
        weights = Path(os.environ["DOWNLOADED"])
        if not weights.exists():
            weights.write_text("weights")
        super().build()


@hookimpl
def register_backbones(register):
    register(Downloaded)
'''


def test_weights_are_downloaded_before_the_process_of_the_method_is_confined(
    tmp_path: Path,
) -> None:
    site = tmp_path / "site"
    install(site, "hub", {"hub": BACKBONE}, "[benchbench.plugins]\nhub = hub\n")
    pictures, weights = write_pictures(tmp_path / "pictures"), tmp_path / "weights"
    environment = {**os.environ, "PYTHONPATH": str(site), "DOWNLOADED": str(weights)}
    environment.pop("BENCHBENCH_ENGINE", None)
    command = [sys.executable, "-m", "benchbench.cli"]
    command += ["run", "--methods", "knn[backbone=downloaded]", "--dataset", f"folder:{pictures}"]
    command += ["--way", "3", "--query", "4", "--episodes", "5", "--no-audit"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out")],
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert weights.read_text() == "weights"


def test_a_spec_opens_the_files_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data, model = tmp_path / "data", tmp_path / "data" / "model"
    (data / "labels").mkdir(parents=True)
    model.mkdir()
    weights = data / "w.safetensors"
    weights.touch()
    (tmp_path / "knn").mkdir()  # a folder that has a method's name by chance
    spec = f"knn[backbone=timm:net[weights={weights}],names={model}{os.sep}]"
    assert files_in(spec, [data / "labels"]) == [weights, model]
    assert files_in(f"knn[backbone=hub:{data}]", [data / "labels"]) == [model, weights]
    assert files_in(f"knn[backbone=hub:{data}]", [data]) == []
