"""Drawing episodes: which classes, which of their images, in which slots."""

from __future__ import annotations

from collections.abc import Callable

from benchbench.registry.hookspecs import hookimpl
from benchbench.samplers.base import Sampler, create_sampler
from benchbench.samplers.fixed import FixedSampler
from benchbench.samplers.meta_dataset import MetaDatasetSampler
from benchbench.samplers.pool import ClassPool, Labelled
from benchbench.system.randomness import AddressedStream, choose

__all__ = [
    "AddressedStream",
    "ClassPool",
    "FixedSampler",
    "Labelled",
    "MetaDatasetSampler",
    "Sampler",
    "choose",
    "create_sampler",
    "register_samplers",
]


@hookimpl
def register_samplers(register: Callable[[type], None]) -> None:
    register(FixedSampler)
    register(MetaDatasetSampler)
