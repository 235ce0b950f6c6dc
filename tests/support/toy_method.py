"""A method that says all that a manifest has of one, and answers nothing."""

from dataclasses import dataclass

from benchbench.method import Method


@dataclass
class Toy(Method):
    name = "toy"
    pretrained_on = ("ImageNet",)
    paper = "arXiv:0000.00000"
    rate: float = 0.5
    limit: int | None = None
