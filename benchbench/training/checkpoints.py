"""What a training leaves in the run directory: `STAGE.checkpoint` while it runs, then
`STAGE.safetensors` and `STAGE.json`. Each is written whole or not at all.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from benchbench.system.files import whole_file
from benchbench.training.budget import FitRecord


class TrainingFiles:
    """The files of one stage of training; without a folder nothing is kept."""

    def __init__(self, folder: Path | None, stage: str) -> None:
        self._folder, self._stage = folder, stage

    def _path(self, suffix: str) -> Path | None:
        return self._folder and self._folder / f"{self._stage}.{suffix}"

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint."""
        if path := self._path("checkpoint"):
            with whole_file(path) as partial:
                torch.save(state, partial)

    def load_checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint's state, on the CPU; None if there is none."""
        path = self._path("checkpoint")
        if path is None or not path.exists():
            return None
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return state

    def finish(self, module: nn.Module, record: FitRecord, log: list[dict[str, Any]]) -> None:
        """Write the weights, then the record that says they are whole; drop the checkpoint."""
        weights, told, checkpoint = map(self._path, ("safetensors", "json", "checkpoint"))
        if weights is None or told is None or checkpoint is None:
            return
        state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
        content = json.dumps({"record": asdict(record), "log": log}, indent=1)
        with whole_file(weights) as partial:
            save_file(state, partial)
        with whole_file(told) as partial:
            partial.write_text(content, encoding="utf-8")
        checkpoint.unlink(missing_ok=True)

    def finished(self, module: nn.Module) -> FitRecord | None:
        """Load the weights of a finished training into the module; its record, or None."""
        weights, told, checkpoint = map(self._path, ("safetensors", "json", "checkpoint"))
        if weights is None or told is None or checkpoint is None:
            return None
        if not (told.exists() and weights.exists()):
            return None
        checkpoint.unlink(missing_ok=True)
        content = json.loads(told.read_text(encoding="utf-8"))
        module.load_state_dict(load_file(weights))
        return FitRecord(**content["record"])
