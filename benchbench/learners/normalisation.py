"""What batch norm takes for an episode's statistics; TaskNorm (Bronskill et al., ICML 2020)."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

BatchNormBy: TypeAlias = Literal["running", "support", "task", "transductive"]
"""The statistics that normalise an episode: those of the training; those of its support; TaskNorm's
blend of these with an image's own; or those of the queries together, which is transductive."""


class BatchMoments(TorchFunctionMode):
    """A context in which batch norm uses the batch's statistics and leaves its buffers unchanged.

    rows: the first so many images give the statistics for all, by default all of them.
    """

    def __init__(self, rows: int | None = None) -> None:
        super().__init__()
        self.rows = rows

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is F.batch_norm:
            func = self.batch_norm
        return func(*args, **(kwargs or {}))

    def batch_norm(
        self,
        input: Tensor,  # noqa: A002
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if self.rows is None or self.rows == len(input):
            return F.batch_norm(input, None, None, weight, bias, training=True, eps=eps)
        channels = (1, -1) + (1,) * (input.ndim - 2)
        dims = [0, *range(2, input.ndim)]
        variance, mean = torch.var_mean(input[: self.rows], dims, correction=0)
        scale = (variance + eps).rsqrt() * (1 if weight is None else weight)
        shift = (0 if bias is None else bias) - mean * scale
        return torch.addcmul(
            shift.view(channels).to(input.dtype), input, scale.view(channels).to(input.dtype)
        )


class TaskNorm(nn.Module):
    """How much each batch norm of a network trusts the support's statistics (TaskNorm-I).

    The share of the k-th is sigmoid(scale_k * n + offset_k), n being the number of support images;
    it is a half at first. (arXiv:2003.03284, section 4)
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        norms = sum(isinstance(module, _BatchNorm) for module in network.modules())
        self.scale = nn.Parameter(torch.zeros(norms))
        self.offset = nn.Parameter(torch.zeros(norms))

    def forward(self, n: int) -> Tensor:
        """The shares [norms] for a support of n images."""
        return torch.sigmoid(self.scale * n + self.offset)


class TaskMoments(BatchMoments):
    """A context in which batch norm blends the support's statistics with those of each image.

    The queries have no part in the support's. An input without positions, [n, c], has no statistics
    of a single image and takes the support's alone. Buffers are left unchanged.

    rows: the first so many images are the support, by default all. shares: from the number of
        support images to the support's share [norms] of each norm, in the order in which a network
        calls them.
    """

    def __init__(self, rows: int | None, shares: TaskNorm) -> None:
        super().__init__(rows)
        self._shares, self._called = shares, 0

    def batch_norm(
        self,
        input: Tensor,  # noqa: A002
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        rows = len(input) if self.rows is None else self.rows
        shares = self._shares(rows)
        share = shares[self._called % len(shares)]
        self._called += 1
        if input.ndim == 2:
            return super().batch_norm(input, None, None, weight, bias, eps=eps)
        precise = input.to(torch.promote_types(input.dtype, torch.float32))
        mean, variance = blended(precise, rows, share)
        channels = (1, -1) + (1,) * (input.ndim - 2)
        scale = (variance + eps).rsqrt()
        if weight is not None:
            scale = scale * weight.view(channels)
        shift = (0 if bias is None else bias.view(channels)) - mean * scale
        return torch.addcmul(shift.to(input.dtype), input, scale.to(input.dtype))


def blended(maps: Tensor, rows: int, share: Tensor | float) -> tuple[Tensor, Tensor]:
    """Mean and biased variance [n, c, 1 ...] of each of the maps [n, c, ...].

    They are those of a mixture: `share` of the first `rows` maps, the rest of the map itself.
    """
    places = list(range(2, maps.ndim))
    own_variance, own_mean = torch.var_mean(maps, places, correction=0, keepdim=True)
    # Those of the support follow from its maps' own, without another pass over the pixels.
    variance, mean = torch.var_mean(own_mean[:rows], 0, correction=0, keepdim=True)
    variance = variance + own_variance[:rows].mean(0, keepdim=True)
    both = share * mean + (1 - share) * own_mean
    spread = share * (variance + (mean - both).square())
    return both, spread + (1 - share) * (own_variance + (own_mean - both).square())
