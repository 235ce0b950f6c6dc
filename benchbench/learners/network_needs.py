"""Recipes for networks that do not learn at the rates of convolutions."""

from __future__ import annotations

from typing import Any

import torch

from benchbench.backbones.base import Backbone
from benchbench.registry import specs
from benchbench.system.progress import say_once
from benchbench.training.schedules import cosine


def as_needed(backbone: Backbone, arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `fit`, with the optimizer, rate and decay of the backbone's `training_needs`.

    A backbone without such needs leaves them as they are; what is replaced is said once.
    """
    needs = backbone.training_needs
    if needs is None:
        return arguments
    say_once(
        f"{specs.text_of(backbone)}: trained by AdamW with lr={needs.lr:g}, "
        f"weight_decay={needs.weight_decay:g} and warm-up over {100 * needs.warmup:g} % of the "
        "steps, in place of the method's recipe"
    )
    steps = arguments["steps"]
    return {
        **arguments,
        "optimizer": torch.optim.AdamW,
        "lr": needs.lr,
        "weight_decay": needs.weight_decay,
        "schedule": cosine(steps, warmup=round(needs.warmup * steps)),
    }
