"""Methods with an inner loop as they are after training or in it, and what they learn from."""

import pytest
import torch
from benchbench_plugins.maml import FOMAML, MAML
from benchbench_plugins.proto_maml import FOProtoMAML, ProtoMAML
from support.pictures import SMALL, random_images, random_support
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.learners.episodic import TASK_NORM
from benchbench.learners.gradient import InnerLoop
from benchbench.learners.normalisation import TaskNorm
from benchbench.learners.rates import INNER_RATES
from benchbench.method import Task
from benchbench.training.labelled import LabelledEpisode

ALL = [MAML, FOMAML, ProtoMAML, FOProtoMAML]
BN = ["support", "running", "transductive", "task"]


def untrained(cls: type[MAML], way: int = 3, **parameters: object) -> MAML:
    """A method as it is after training, but for its initial weights."""
    method = cls(**parameters)  # type: ignore[arg-type]
    method.settle(InnerLoop(5, 3, 0.1))
    encoder = create_backbone("conv4[width=4]", SMALL).freeze()
    task = Task("toy", "test", SMALL, way, 2, 15)
    torch.manual_seed(0)
    extra = method.extra_modules(encoder.feature_size, task)
    if method.bn == "task":
        extra[TASK_NORM] = TaskNorm(encoder)
    method.network = nn.ModuleDict({"encoder": encoder, **extra})
    if method.rates == "learned":
        method.network[INNER_RATES] = method.initial_rates()
    method.network.eval().requires_grad_(False)
    return method


def in_float64(cls: type[MAML], monkeypatch: pytest.MonkeyPatch, **parameters: object) -> MAML:
    """A method in training, in double precision."""
    method = untrained(cls, inner_steps=2, **parameters)
    method.network.double().train().requires_grad_(True)
    single = method.encoder.prepare
    # Smooth, so that finite differences meet no kink.
    smooth = {nn.ReLU: nn.Softplus(), nn.MaxPool2d: nn.AvgPool2d(2)}
    for layer in [m for m in method.encoder.modules() if isinstance(m, nn.Sequential)]:
        for index, part in enumerate(layer):
            layer[index] = smooth.get(type(part), part)
    monkeypatch.setattr(method.encoder, "prepare", lambda array: single(array).double())
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor)
    return method


def training_episode() -> LabelledEpisode:
    return LabelledEpisode(
        random_support(), random_images(6, seed=1), torch.arange(3).repeat(2), random_images(1)
    )
