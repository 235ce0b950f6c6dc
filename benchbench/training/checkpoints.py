"""The files of a training: STAGE.checkpoint, then STAGE.safetensors and STAGE.json, each whole."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from benchbench.errors import MethodError
from benchbench.system.files import file_hash, whole_file
from benchbench.training.budget import FitRecord


class TrainingFiles:
    """The files of one stage of training; without a folder nothing is kept."""

    def __init__(self, folder: Path | None, stage: str) -> None:
        self._kept = folder is not None
        self._checkpoint, self._weights, self._record = (
            (folder or Path()) / f"{stage}.{suffix}"
            for suffix in ("checkpoint", "safetensors", "json")
        )

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        if self._kept:
            with whole_file(self._checkpoint) as partial:
                torch.save(state, partial)

    def load_checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint's state, on the CPU; None if there is none."""
        if not self._kept or not self._checkpoint.exists():
            return None
        state: dict[str, Any] = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        return state

    def finish(self, module: nn.Module, record: FitRecord, log: list[dict[str, Any]]) -> FitRecord:
        """Write the weights, then the record that says they are whole; drop the checkpoint.

        Returns the record as it is kept, with the file of weights and its hash.
        """
        if not self._kept:
            return record
        state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
        with whole_file(self._weights) as partial:
            save_file(state, partial)
        kept = self._with_weights(record)
        content = json.dumps({"record": asdict(kept), "log": log}, indent=1)
        with whole_file(self._record) as partial:
            partial.write_text(content, encoding="utf-8")
        self._checkpoint.unlink(missing_ok=True)
        return kept

    def finished(self, module: nn.Module) -> FitRecord | None:
        """Load the weights of a finished training into the module; its record, or None.

        Raises MethodError if they are not the weights that were trained.
        """
        if not self._kept or not (self._record.exists() and self._weights.exists()):
            return None
        self._checkpoint.unlink(missing_ok=True)
        content = json.loads(self._record.read_text(encoding="utf-8"))
        record = FitRecord(**content["record"])
        kept = self._with_weights(record)
        if record.weights_sha256 not in ("", kept.weights_sha256):
            raise MethodError(
                f"{self._weights} is not what was trained; delete its folder, and run again"
            )
        module.load_state_dict(load_file(self._weights))
        return kept

    def _with_weights(self, record: FitRecord) -> FitRecord:
        """The record with what is on disk now."""
        name = f"{self._weights.parent.name}/{self._weights.name}"
        return replace(record, weights=name, weights_sha256=file_hash(self._weights))
