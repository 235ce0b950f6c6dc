"""Several methods that answer together, such as one method with a small grid of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from benchbench import (
    Classifier,
    Images,
    Method,
    Support,
    Task,
    TrainingSource,
    create_members,
    hookimpl,
    spec_of,
)

DECLARED = (
    *("transductive", "order_dependent", "fixed_way", "wants_gpu"),
    *("uses_class_names", "uses_attributes", "uses_validation", "uses_unlabelled"),
)
"""What an ensemble is or does if one of its members is or does it."""


@dataclass
class Ensemble(Method):
    """The mean of the probabilities that several methods give to each class.

    A member's scores count as logits: their softmax are its probabilities. These are averaged, not
    their logarithms, in a sum of which one member that is sure and wrong would decide. Scores are
    the logarithm of the mean. Each member is trained as by itself, is given no more than it
    declares to use, and leaves no number of its own to be chosen.

    of: the specs of its members, joined by +, such as `linear_probe[c=0.1]+linear_probe[c=10]`.
    """

    name = "ensemble"
    family = "transfer"
    members: tuple[Method, ...] = field(default=(), init=False, repr=False, compare=False)
    of: str = "linear_probe[c=0.1]+linear_probe[c=1]+linear_probe[c=10]"

    def __post_init__(self) -> None:
        self.members = create_members(self.of)
        if len(self.members) < 2:
            raise ValueError("of names two members or more, joined by +")
        self.of = "+".join(map(spec_of, self.members))
        for declared in DECLARED:
            setattr(self, declared, any(getattr(one, declared, False) for one in self.members))

    def skip(self, task: Task) -> str | None:
        reasons = {spec_of(one): one.skip(task) for one in self.members}
        return next((f"{spec}: {reason}" for spec, reason in reasons.items() if reason), None)

    def train(self, source: TrainingSource) -> None:
        for number, member in enumerate(self.members):
            member.train(source.for_member(member, f"{number}-{member.name}"))

    def adapt(self, support: Support) -> Classifier:
        classifiers = [one.adapt(given_to(one, support)) for one in self.members]

        def classify(images: Images) -> Tensor:
            answers = [torch.as_tensor(each(images)).detach().cpu() for each in classifiers]
            log_p = torch.stack([torch.log_softmax(one.double(), dim=1) for one in answers])
            return torch.logsumexp(log_p, dim=0) - math.log(len(log_p))

        return classify


def given_to(member: Method, support: Support) -> Support:
    """What a member is given of a support: no more than it declares to use."""
    return replace(
        support,
        names=support.names if member.uses_class_names else None,
        described=support.described if member.uses_attributes else None,
        held_out=support.held_out if member.uses_validation else None,
        pool=support.pool if member.uses_unlabelled else None,
    )


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(Ensemble)
