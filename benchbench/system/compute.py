"""How this process computes: threads, device, precision, and randomness of the libraries."""

from __future__ import annotations

import ctypes
import os
import platform
import random
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchbench.errors import BenchbenchError


@dataclass(frozen=True)
class Compute:
    """How methods are trained and evaluated.

    device: `cpu` or `cuda`; threads: of torch; bf16: whether training runs under autocast;
    channels_last: whether training keeps images with channels innermost.
    """

    device: str = "cpu"
    threads: int = 1
    bf16: bool = False
    channels_last: bool = False

    def apply(self) -> None:
        """Set this process up to compute so."""
        torch.set_num_threads(self.threads)
        _keep_freed_memory()

    def autocast(self) -> AbstractContextManager[Any]:
        """The context that a training loss is computed in."""
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.bf16)

    def place(self, module: torch.nn.Module) -> None:
        """Move a module's weights to the device and into the memory format."""
        module.to(self.device)
        if self.channels_last:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def configure(device: str = "auto", threads: int | None = None, fast: bool = True) -> Compute:
    """Set up this process, and describe how it computes.

    fast: channels-last memory and, if the processor has bf16 arithmetic, bf16 autocast in training
    (about 2.8 times the steps per second on such a CPU); evaluation is always in float32.
    Raises BenchbenchError if there is no such device.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise BenchbenchError(f"There is no device '{device}'; use auto, cpu or cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise BenchbenchError("This machine offers torch no GPU; use --device cpu.")
    compute = Compute(device, threads or torch.get_num_threads(), fast and has_bf16(device), fast)
    compute.apply()
    return compute


def has_bf16(device: str = "cpu") -> bool:
    """Whether the processor computes in bf16 itself; emulated bf16 is slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _keep_freed_memory() -> None:
    """Make glibc keep large freed blocks: returning and mapping them again halves the speed."""
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    trim_threshold, mmap_threshold = -1, -3
    libc.mallopt(mmap_threshold, 2**31 - 1)
    libc.mallopt(trim_threshold, 2**31 - 1)


def seed_everything(seed: int) -> None:
    """Seed the global generators of `random`, NumPy and torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    # Not torch.manual_seed: without a GPU it spends its time on formatting stack traces.
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)


@contextmanager
def separate_randomness(seed: int) -> Iterator[None]:
    """A block with seeded global generators, whose states are restored afterwards."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        seed_everything(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def torch_settings() -> dict[str, str]:
    """The settings of torch in this thread on which the numbers of a method may depend."""
    return {
        "default dtype": str(torch.get_default_dtype()),
        "gradient mode": "on" if torch.is_grad_enabled() else "off",
        "thread count": str(torch.get_num_threads()),
        "deterministic algorithms": "on" if torch.are_deterministic_algorithms_enabled() else "off",
    }


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held; None if the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def machine() -> dict[str, Any]:
    """The properties of the machine on which the bits of a result may depend."""
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_count": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = (line for line in file if line.startswith("model name"))
            return next(names).partition(":")[2].strip()
    except (OSError, StopIteration):
        return platform.processor()
