"""Drawing episodes: which classes, which of their images, in which slots."""

from __future__ import annotations

from collections.abc import Callable

from benchbench.hookspecs import hookimpl
from benchbench.samplers.base import Sampler, create_sampler
from benchbench.samplers.fixed import FixedSampler
from benchbench.samplers.meta_dataset import MetaDatasetSampler
from benchbench.samplers.pool import ClassPool, Labelled
from benchbench.samplers.stream import Stream, choose

__all__ = [
    "ClassPool",
    "FixedSampler",
    "Labelled",
    "MetaDatasetSampler",
    "Sampler",
    "Stream",
    "choose",
    "create_sampler",
    "register_samplers",
]


@hookimpl
def register_samplers(register: Callable[[type], None]) -> None:
    register(FixedSampler)
    register(MetaDatasetSampler)
