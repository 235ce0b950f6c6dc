"""Drawing episodes: which classes, which of their images, in which slots."""

from __future__ import annotations

from collections.abc import Callable

from benchbench.registry.hookspecs import hookimpl
from benchbench.samplers.base import Sampler as Sampler
from benchbench.samplers.base import create_sampler as create_sampler
from benchbench.samplers.fixed import FixedSampler as FixedSampler
from benchbench.samplers.kshot import CoOpSampler as CoOpSampler
from benchbench.samplers.kshot import KShotSampler as KShotSampler
from benchbench.samplers.kshot import Mieb16Sampler as Mieb16Sampler
from benchbench.samplers.meta_dataset import MetaDatasetSampler as MetaDatasetSampler
from benchbench.samplers.pool import ClassPool as ClassPool
from benchbench.samplers.pool import Labelled as Labelled
from benchbench.samplers.validation_draws import ValidationDraw as ValidationDraw
from benchbench.samplers.validation_draws import validation_draws as validation_draws
from benchbench.samplers.zero_shot import ZeroShotSampler as ZeroShotSampler
from benchbench.system.randomness import AddressedStream as AddressedStream
from benchbench.system.randomness import choose as choose


@hookimpl
def register_samplers(register: Callable[[type], None]) -> None:
    register(CoOpSampler)
    register(FixedSampler)
    register(KShotSampler)
    register(MetaDatasetSampler)
    register(Mieb16Sampler)
    register(ZeroShotSampler)
