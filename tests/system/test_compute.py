"""Seeds, devices and threads of this process."""

import json
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from benchbench.errors import BenchbenchError
from benchbench.system import compute
from benchbench.system.compute import (
    Compute,
    configure,
    machine,
    seed_everything,
    separate_randomness,
)


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """Threads and generators are as they were afterwards."""
    threads = torch.get_num_threads()
    with separate_randomness(0):
        yield
    torch.set_num_threads(threads)


def draws() -> tuple[float, float, float]:
    """The next number of each global generator."""
    return random.random(), np.random.random_sample(), torch.rand(()).item()


@pytest.mark.parametrize("seed", [0, 7, 2**32 + 7, 2**63])
def test_all_three_generators_are_seeded(seed: int) -> None:
    torch_generator = torch.Generator().manual_seed(seed)
    expected = (
        random.Random(seed).random(),
        np.random.RandomState(seed % 2**32).random_sample(),
        torch.rand((), generator=torch_generator).item(),
    )
    seed_everything(seed)
    assert draws() == expected


def test_a_block_of_its_own_randomness_is_that_of_its_seed() -> None:
    seed_everything(5)
    expected = draws()
    seed_everything(6)
    with separate_randomness(5):
        assert draws() == expected


def test_the_generators_go_on_as_if_the_block_had_not_been() -> None:
    seed_everything(1)
    expected = [draws(), draws()]
    seed_everything(1)
    found = [draws()]
    with separate_randomness(2):
        draws()
        with separate_randomness(3):
            draws()
    found.append(draws())
    assert found == expected


def draw_and_fail() -> None:
    draws()
    raise KeyError


def test_a_block_that_fails_restores_the_generators_too() -> None:
    seed_everything(1)
    expected = draws()
    seed_everything(1)
    with pytest.raises(KeyError), separate_randomness(2):
        draw_and_fail()
    assert draws() == expected


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("no_gpu")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(BenchbenchError, match=r"^This machine offers torch no GPU; .* cpu\.$"):
        configure("cuda")


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_the_cpu_is_taken() -> None:
    assert configure("auto").device == "cpu"


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **options: True)
    assert configure("auto") == configure("cuda")
    assert configure("auto").device == "cuda"


@pytest.mark.parametrize("device", ["gpu", "cuda:1", "CPU", ""])
def test_an_unknown_device(device: str) -> None:
    with pytest.raises(BenchbenchError, match=rf"no device '{device}'; use auto, cpu or cuda\.$"):
        configure(device)


def test_a_wrong_device_changes_nothing() -> None:
    torch.set_num_threads(1)
    with pytest.raises(BenchbenchError):
        configure("tpu", threads=2)
    assert torch.get_num_threads() == 1


def test_threads_are_set_where_they_are_given() -> None:
    assert configure("cpu", threads=2).threads == 2
    assert torch.get_num_threads() == 2
    assert configure("cpu").threads == 2
    assert configure("cpu", threads=1).threads == 1


@pytest.mark.parametrize("bf16", [True, False])
def test_fast_means_channels_last_and_bf16_where_the_processor_has_it(monkeypatch, bf16) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": bf16})
    assert configure("cpu", threads=1) == Compute("cpu", 1, bf16=bf16, channels_last=True)
    assert configure("cpu", threads=1, fast=False) == Compute("cpu", 1)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({}, False),
        ({"avx512_f": True, "avx512_bf16": False}, False),
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
    ],
)
def test_bf16_is_for_processors_that_compute_in_it(monkeypatch, capabilities, expected) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert compute.has_bf16() is expected


@pytest.mark.parametrize(("bf16", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_autocast(bf16: bool, dtype: torch.dtype) -> None:
    matrix = torch.eye(3)
    with Compute(bf16=bf16).autocast():
        assert (matrix @ matrix).dtype == dtype
    assert (matrix @ matrix).dtype == torch.float32


def test_the_machine_is_described_in_json() -> None:
    described = machine()
    assert json.loads(json.dumps(described)) == described
    assert set(described) == {"platform", "processor", "cpu_capability", "cpu_count", "gpu"}
    assert described["processor"]
    assert described["cpu_count"] >= 1
    assert (described["gpu"] is None) == (not torch.cuda.is_available())
