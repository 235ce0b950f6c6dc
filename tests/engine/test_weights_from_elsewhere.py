"""What a method's process needs and may not fetch itself: files that a spec names, downloads."""

import os
from pathlib import Path

import pytest
from support.command_line import process, task, write_pictures
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
    arguments = task(f"folder:{pictures}", 5, "knn[backbone=downloaded]", out=tmp_path / "out")
    variables = {"BENCHBENCH_ENGINE": "worker", "DOWNLOADED": str(weights)}
    done = process(*arguments, "--no-audit", path=(site,), **variables)
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
