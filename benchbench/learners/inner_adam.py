"""Steps of Adam on weights that are kept apart from their network, whose state outlives a task.

Adam has beta1 = 0 here, as in Nichol, Achiam and Schulman (2018, arXiv:1803.02999): without
momentum, which would carry the direction of one task into the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from benchbench.learners.adaptation import Weights

DECAY = 0.999
EPSILON = 1e-8


class SecondMoments(nn.Module):
    """Adam's second moments by weight, and how many steps they are of, all in buffers.

    As a module among those that are trained, it is kept with the weights. weights: by name, for
    their shapes.
    """

    steps: Tensor

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))
        for name, tensor in weights.items():
            self.register_buffer(name.replace(".", "/"), torch.zeros(tensor.shape))

    def read(self) -> Weights:
        """Copies by the weights' names, and of the steps as `steps`."""
        return {name.replace("/", "."): tensor.clone() for name, tensor in self.named_buffers()}

    def write(self, state: Weights) -> None:
        """Keep a state that `read` gave and `adam_descend` changed."""
        for name, tensor in self.named_buffers():
            tensor.copy_(state[name.replace("/", ".")])


def adam_step(
    weights: Weights, gradients: Sequence[Tensor], state: Weights, rate: float
) -> Weights:
    """The weights after a step of Adam with beta1 = 0, which changes its state in place."""
    state["steps"] += 1
    moved = {}
    for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
        moment = state[name].mul_(DECAY).addcmul_(gradient, gradient, value=1 - DECAY)
        size = (moment / (1 - DECAY ** state["steps"])).sqrt() + EPSILON
        moved[name] = weight - rate * gradient / size
    return moved


def adam_descend(
    loss: Callable[[Weights, Tensor], Tensor],
    weights: Weights,
    batches: Iterable[Tensor],
    rate: float,
    state: Weights,
) -> Weights:
    """The weights after a step of Adam on the loss of each batch; they are not differentiable.

    loss: of weights and a batch. batches: places of images, as `minibatches` gives. state: Adam's,
    as `SecondMoments.read` gives; it is changed in place.
    """
    weights = {name: tensor.detach() for name, tensor in weights.items()}
    for places in batches:
        weights = {name: tensor.requires_grad_() for name, tensor in weights.items()}
        with torch.enable_grad():
            gradients = torch.autograd.grad(loss(weights, places), list(weights.values()))
        with torch.no_grad():
            weights = adam_step(weights, gradients, state, rate)
    return weights


def minibatches(count: int, size: int, steps: int, seed: int) -> Iterator[Tensor]:
    """Places int64 [size] of `count` images, `steps` times: order upon order, without replacement.

    If there are fewer than `size` images, all are in each.
    """
    generator = torch.Generator().manual_seed(seed)
    size = min(size, count)
    orders = -(-steps * size // count)
    places = torch.cat([torch.randperm(count, generator=generator) for _ in range(orders)])
    return iter(torch.split(places, size)[:steps])
