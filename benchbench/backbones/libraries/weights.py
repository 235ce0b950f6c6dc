"""Weights of pre-trained networks: where they come from and which data they have seen."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from benchbench.errors import BenchbenchError
from benchbench.system.library_paths import cache_fault, model_caches
from benchbench.system.places import expanded

SUFFIX = ".safetensors"
PICKLED = (".pt", ".pth", ".pth.tar", ".bin", ".ckpt", ".pkl", ".pickle")
UNKNOWN = ("unknown",)  # the data sets of weights whose origin is not declared

NAMED = 3  # tensors in a message, at most

DATA_SETS = {
    "in1k": "imagenet-1k",
    "imagenet1k": "imagenet-1k",
    "in12k": "imagenet-12k",
    "in21k": "imagenet-21k",
    "in22k": "imagenet-21k",
    "inat21": "inaturalist-2021",
    "jft": "jft-300m",
    "ig1b": "instagram-1b",
    "swag": "instagram-3.6b",
    "yfcc100m": "yfcc-100m",
    "yfcc15m": "yfcc-15m",
    "cc12m": "cc-12m",
    "openai": "openai-wit-400m",
    "laion400m": "laion-400m",
    "laion2b": "laion-2b",
    "laion5b": "laion-5b",
    "laiona": "laion-aesthetic",
    "datacomp": "datacomp",
    "commonpool": "commonpool",
    "dfn2b": "dfn-2b",
    "dfn5b": "dfn-5b",
    "metaclip": "metaclip",
    "webli": "webli",
    "merged2b": "merged-2b",
    "lvd142m": "lvd-142m",
    "lvd1689m": "lvd-1689m",
}
"""The data sets that the words of the libraries' tags, such as `augreg_in21k_ft_in1k`, name."""


def local_file(weights: str | None) -> Path | None:
    """The file that `weights` names, if any. Raises BenchbenchError if it is gone or a pickle."""
    if weights is None:
        return None
    path = expanded(weights)
    if weights.lower().endswith(PICKLED):
        raise BenchbenchError(
            f"weights={weights} is a pickle, which may run any code when it is read; convert it "
            f"with safetensors.torch.save_file and pass the {SUFFIX} file."
        )
    if path.suffix.lower() != SUFFIX:
        if len(path.parts) > 1:
            raise BenchbenchError(f"weights={weights} is neither a tag nor a {SUFFIX} file.")
        return None
    if not path.is_file():
        raise BenchbenchError(f"weights={weights}: there is no such file.")
    return path


def metadata(path: Path) -> dict[str, str]:
    """The texts in a safetensors file's header. Raises BenchbenchError if it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise BenchbenchError(f"{path} cannot be read as safetensors ({error}).") from error


def load(network: nn.Module, path: Path, ignored: Collection[str] = ()) -> None:
    """Load all weights of the network from a safetensors file; float32 stays float32.

    ignored: names that the file may also hold, such as those of the dropped head.
    Raises BenchbenchError if the file lacks a tensor, has another, or one of another shape.
    """
    metadata(path)
    found = {name: tensor for name, tensor in load_file(path).items() if name not in ignored}
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    # Converters leave these counters out, and batch norm needs them for nothing but training.
    counters = {name for name in expected if name.endswith("num_batches_tracked")}
    faults = {
        "lacks": expected.keys() - found.keys() - counters,
        "has besides": found.keys() - expected.keys(),
        "has in another shape": {
            name for name in expected.keys() & found.keys() if found[name].shape != expected[name]
        },
    }
    found_faults = [f"{fault} {_first(names)}" for fault, names in faults.items() if names]
    if found_faults:
        raise BenchbenchError(f"{path} does not fit the network: it {'; it '.join(found_faults)}.")
    network.load_state_dict(found, strict=False)


def _first(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"


def data_sets_of_tag(tag: str) -> tuple[str, ...]:
    """The data sets that a library's tag names, each once; `("unknown",)` if it names none."""
    words = re.split(r"[^a-z0-9]+", tag.lower())
    return tuple(dict.fromkeys(DATA_SETS[word] for word in words if word in DATA_SETS)) or UNKNOWN


def data_sets_of_file(texts: dict[str, str]) -> tuple[str, ...]:
    """The data sets of a file: `pretrained_on` in its metadata, or ImageNet if it is mentioned."""
    if "pretrained_on" in texts:
        return tuple(texts["pretrained_on"].split("+"))
    hint = re.search(r"ilsvrc[- _]?2012|imagenet-1k", " ".join(texts.values()), re.IGNORECASE)
    return ("imagenet-1k",) if hint else UNKNOWN


NETWORK_LIBRARIES = {"httpx", "httpx2", "httpcore", "requests", "urllib3", "huggingface_hub"}


@contextmanager
def downloading(what: str, cache: str | None) -> Iterator[None]:
    """Turn a failed download in the block into a BenchbenchError that names the cure.

    cache: the variable that names the folder to which the library downloads; None if it does not.
    """
    if cache and cache not in model_caches():  # the library would make a folder called ~
        raise BenchbenchError(f"{what} cannot be kept: {cache_fault(cache)}")
    try:
        yield
    except Exception as error:
        module = type(error).__module__.partition(".")[0]
        if not isinstance(error, OSError) and module not in NETWORK_LIBRARIES:
            raise
        if cache and (fault := cache_fault(cache)):
            raise BenchbenchError(f"{what} cannot be kept: {fault}") from error
        raise BenchbenchError(
            f"{what} cannot be downloaded ({type(error).__name__}); on a machine with access, save "
            f"them as a {SUFFIX} file, and pass weights=FILE{SUFFIX} here."
        ) from error
