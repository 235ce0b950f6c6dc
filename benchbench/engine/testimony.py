"""What a method's process says of itself, in the shape that it must have and no more.

A process may send anything. Each function raises MethodError if what was sent has another shape.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from benchbench.engine import wire
from benchbench.errors import MethodError
from benchbench.evaluation.contestant import Measured
from benchbench.registry import specs
from benchbench.runs.method_card import MethodCard
from benchbench.training.budget import FitRecord


def card_of(method: str, found: Any) -> MethodCard:
    """The card that a process has sent. Raises MethodError if it is that of another method.

    It names the folder of the results, which would be another method's.
    """
    try:
        card = MethodCard(**found)
        name = card.name
    except (TypeError, KeyError) as error:
        raise MethodError(wire.NO_REPLY) from error
    if name != specs.parse(method).name:
        raise MethodError(f"it says that its name is '{name}'")
    return card


def training_facts(found: Any) -> dict[str, Any]:
    """What a process says of its training, and nothing else that it may have sent."""
    try:
        return {
            "training": [asdict(FitRecord(**record)) for record in found["training"]],
            "parameters": int(found["parameters"]),
            "pretrained_on": [str(name) for name in found["pretrained_on"]],
        }
    except (TypeError, KeyError, ValueError) as error:
        raise MethodError(wire.NO_REPLY) from error


def measured_of(found: Any) -> Measured:
    """What a process says that it has needed and done."""
    try:
        peak, *texts = (found[name] for name in Measured._fields)
        peak = None if peak is None else int(peak)
        return Measured(peak, *(list(map(str, one)) for one in texts))
    except (TypeError, KeyError, ValueError) as error:
        raise MethodError(wire.NO_REPLY) from error
