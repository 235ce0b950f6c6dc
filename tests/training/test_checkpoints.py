"""The files of a training: what is kept, and when it counts as finished."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from benchbench.errors import MethodError
from benchbench.system.files import file_hash
from benchbench.training.budget import FitRecord
from benchbench.training.checkpoints import TrainingFiles

RECORD = FitRecord("training", 60, 20, 0.9, 1.5)


def test_the_last_checkpoint_is_read_back(tmp_path: Path) -> None:
    files = TrainingFiles(tmp_path, "training")
    assert files.load_checkpoint() is None
    for step in (1, 2):
        files.save_checkpoint({"step": step, "module": nn.Linear(1, 1).state_dict()})
    state = files.load_checkpoint()
    assert state["step"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["training.checkpoint"]


def test_a_finished_training_has_weights_and_a_record_and_no_checkpoint(tmp_path: Path) -> None:
    files, trained, loaded = TrainingFiles(tmp_path, "second"), nn.Linear(3, 2), nn.Linear(3, 2)
    files.save_checkpoint({})
    kept = files.finish(trained, RECORD, [{"step": 60}])
    assert {path.name for path in tmp_path.iterdir()} == {"second.safetensors", "second.json"}
    assert TrainingFiles(tmp_path, "first").finished(loaded) is None
    assert files.finished(loaded) == kept
    digest = file_hash(tmp_path / "second.safetensors")
    named = f"{tmp_path.name}/second.safetensors"
    assert kept == replace(RECORD, weights=named, weights_sha256=digest)
    assert torch.equal(loaded.weight, trained.weight)


def test_weights_that_were_altered_are_not_loaded(tmp_path: Path) -> None:
    files = TrainingFiles(tmp_path, "training")
    files.finish(nn.Linear(1, 1), RECORD, [])
    save_file(nn.Linear(1, 1).state_dict(), tmp_path / "training.safetensors")
    with pytest.raises(MethodError, match="is not what was trained"):
        files.finished(nn.Linear(1, 1))


def test_a_record_of_before_hashes_gets_one(tmp_path: Path) -> None:
    files = TrainingFiles(tmp_path, "training")
    kept = files.finish(nn.Linear(1, 1), RECORD, [])
    (tmp_path / "training.json").write_text(
        '{"record": {"stage": "training", "steps": 60, "best_step": 20, '
        '"validation_accuracy": 0.9, "seconds": 1.5}, "log": []}'
    )
    assert files.finished(nn.Linear(1, 1)) == kept


def test_without_a_record_a_training_is_not_finished(tmp_path: Path) -> None:
    files = TrainingFiles(tmp_path, "training")
    files.finish(nn.Linear(1, 1), RECORD, [])
    (tmp_path / "training.json").unlink()
    assert files.finished(nn.Linear(1, 1)) is None


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = TrainingFiles(None, "training")
    files.save_checkpoint({})
    files.finish(nn.Linear(1, 1), RECORD, [])
    assert files.load_checkpoint() is None
    assert files.finished(nn.Linear(1, 1)) is None
    assert list(tmp_path.iterdir()) == []
