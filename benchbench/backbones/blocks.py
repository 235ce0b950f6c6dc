"""A backbone as a sequence of blocks, for methods that treat its depths differently."""

from __future__ import annotations

from torch import Tensor, nn

from benchbench.backbones.base import Backbone


def parameter_blocks(backbone: Backbone) -> list[dict[str, Tensor]]:
    """The backbone's parameters by name in it, block by block, the one at the input first.

    A block is a layer or a residual block with the norms that follow it; parameters that belong to
    no layer, as position embeddings do, are part of the first. Blocks are in the order of their
    definition, which in the networks of this field is that of the computation.
    """
    blocks: list[dict[str, Tensor]] = []
    for name, module in _sequence("", backbone):
        own = _named(module, f"{name}.")
        if blocks and all(tensor.ndim == 1 for tensor in own.values()):
            blocks[-1] |= own  # a norm
        else:
            blocks.append(own)
    placed = {name for block in blocks for name in block}
    rest = {name: p for name, p in _named(backbone).items() if name not in placed}
    return [rest | blocks[0], *blocks[1:]] if blocks else [rest] if rest else []


def _named(module: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    return {prefix + name: parameter for name, parameter in module.named_parameters()}


def _sequence(name: str, module: nn.Module) -> list[tuple[str, nn.Module]]:
    """The modules with parameters that follow each other inside a container."""
    found = []
    for key, child in module.named_children():
        path = f"{name}.{key}" if name else key
        if any(True for _ in child.parameters()):
            found += _sequence(path, child) if _is_container(child) else [(path, child)]
    return found


def _is_container(module: nn.Module) -> bool:
    """Whether a module only holds blocks: nothing of its own, and modules that have modules."""
    children = [child for child in module.children() if any(True for _ in child.parameters())]
    holds = isinstance(module, (nn.Sequential, nn.ModuleList)) or len(children) == 1
    return holds and any(True for child in children for _ in child.children())
