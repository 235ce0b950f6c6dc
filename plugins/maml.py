"""MAML (Finn, Abbeel & Levine, ICML 2017, arXiv:1703.03400), of second and of first order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchbench import FixedWayMethod, hookimpl


@dataclass
class MAML(FixedWayMethod):
    """Learns initial weights from which a few gradient steps on the support set classify well.

    The loss of the inner loop is the mean cross-entropy of the support (section 5.2), and all
    weights are adapted. The authors' batch norm is `bn=transductive`; moments of the support alone
    are noisier, which the paper budget's large steps on Omniglot feel. Their rates of 0.4 for
    Omniglot 5-way, 0.1 for 20-way and 0.01 for miniImageNet 5-way are, on the mean loss, 2.0, 2.0
    and 0.05; the paper budget has them.
    """

    name = "maml"
    paper = "arXiv:1703.03400"


@dataclass
class FOMAML(MAML):
    """First-order MAML: the inner gradients count as constants (section 5.2)."""

    name = "fomaml"
    second_order = False


@hookimpl
def register_methods(register: Callable[[type], None]) -> None:
    register(MAML)
    register(FOMAML)
