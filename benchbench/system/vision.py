"""The one place that imports torchvision.

PyPI's torchvision 0.28.0 is built for CUDA: with a CPU-only torch two of its compiled operators are
missing, and its import fails while it describes them. It is enough to declare the two without ever
calling them; the rest of torchvision works, except `torchvision.io` and `ops.nms`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_declared: list[Any] = []
"""Keeps the declaring library alive, as torch removes its operators when it is collected."""


def torchvision(submodule: str = "") -> ModuleType:
    """`torchvision`, or `torchvision.SUBMODULE`."""
    name = f"torchvision.{submodule}" if submodule else "torchvision"
    try:
        return importlib.import_module(name)
    except RuntimeError as error:
        if "torchvision::" not in str(error) or _declared:
            raise
    _declare_missing_operators()
    return importlib.import_module(name)


def _declare_missing_operators() -> None:
    import torch

    for module in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            schema = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(schema)  # type: ignore[no-untyped-call]
    _declared.append(library)
