import pytest
import torch
from benchbench_plugins.proto_maml import FOProtoMAML, ProtoMAML
from benchbench_plugins.protonet import ProtoNet
from support.pictures import SMALL, random_images
from torch import nn

from benchbench.backbones import create_backbone
from benchbench.learners.gradient import InnerLoop
from benchbench.method import Support

LABELS = [2, 0, 1, 1, 0, 2, 1]


def support(labels: list[int] = LABELS) -> Support:
    return Support(random_images(len(labels)), torch.tensor(labels), 3, "toy")


def untrained(cls: type[ProtoMAML], **parameters: object) -> ProtoMAML:
    method = cls(**parameters)  # type: ignore[arg-type]
    method.settle(InnerLoop(1, 6, 0.02))
    method.network = nn.ModuleDict({"encoder": create_backbone("conv4[width=8]", SMALL).freeze()})
    return method


@pytest.mark.parametrize("cls", [ProtoMAML, FOProtoMAML])
def test_before_the_first_step_the_softmax_is_that_of_a_prototypical_network(cls) -> None:
    method = untrained(cls, bn="running", test_steps=0)
    protonet = ProtoNet()
    protonet.network = nn.ModuleDict({"encoder": method.encoder})
    ours = method.adapt(support())(random_images(5, seed=1)).softmax(1)
    theirs = protonet.adapt(support())(random_images(5, seed=1)).softmax(1)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("bn", ["support", "running", "transductive"])
def test_relabelling_the_support_permutes_the_scores(bn: str) -> None:
    method = untrained(ProtoMAML, bn=bn, test_steps=4)
    slots = [1, 2, 0]
    scores = method.adapt(support())(random_images(5, seed=1))
    renamed = method.adapt(support([slots[label] for label in LABELS]))(random_images(5, seed=1))
    torch.testing.assert_close(renamed[:, slots], scores, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cls", [ProtoMAML, FOProtoMAML])
def test_the_outer_gradient_flows_through_the_prototypes(cls: type[ProtoMAML]) -> None:
    """Without a step only they, and the queries' features, depend on the weights."""
    method = untrained(cls)
    method.encoder.requires_grad_(True)
    pixels = method.encoder.prepare(support().images.array)
    weights = method.start(method.weights(), pixels, support())
    weights = method.descend(weights, pixels, support(), 1, second_order=method.second_order)
    first = next(method.encoder.parameters())
    assert torch.autograd.grad(weights["head.bias"].sum(), first)[0].abs().sum() > 0


def test_any_way_will_do() -> None:
    method = untrained(ProtoMAML, test_steps=1)
    for way in (2, 7):
        one_shot = Support(random_images(way), torch.arange(way), way, "toy")
        assert method.adapt(one_shot)(random_images(3)).shape == (3, way)
