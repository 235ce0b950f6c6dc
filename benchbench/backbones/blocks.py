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
    for name, module in _sequence(*_innermost("", backbone)):
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


def _innermost(name: str, module: nn.Module) -> tuple[str, nn.Module]:
    """The module inside those that only wrap another."""
    children = _learned_children(name, module)
    return _innermost(*children[0]) if len(children) == 1 else (name, module)


def _sequence(name: str, module: nn.Module) -> list[tuple[str, nn.Module]]:
    """The modules with parameters inside one; modules that only list blocks are expanded."""
    found = []
    for path, child in _learned_children(name, module):
        lists = isinstance(child, (nn.Sequential, nn.ModuleList))
        inside = [m for part in child.children() for m in part.children()]
        found += _sequence(path, child) if lists and inside else [(path, child)]
    return found


def _learned_children(name: str, module: nn.Module) -> list[tuple[str, nn.Module]]:
    return [
        (f"{name}.{key}" if name else key, child)
        for key, child in module.named_children()
        if any(True for _ in child.parameters())
    ]
