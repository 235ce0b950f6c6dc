"""Weights: which files are read, what does not fit is named, what they have seen."""

import urllib.error
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from benchbench.backbones.libraries import weights
from benchbench.errors import BenchbenchError


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1))


def saved(path: Path, change: Callable[[dict[str, Tensor]], object] | None = None) -> Path:
    torch.manual_seed(1)
    state = network().state_dict()
    if change:
        change(state)
    save_file(state, path)
    return path


@pytest.mark.parametrize("tag", [None, "a1_in1k", "IMAGENET1K_V1", "laion2b.e16", "default"])
def test_tags_are_no_files(tag: str | None) -> None:
    assert weights.local_file(tag) is None


@pytest.mark.parametrize("name", ["w.safetensors", "a.b c/v1.2/W-x.SAFETENSORS", "ü/=.safetensors"])
def test_a_file_is_known_by_its_suffix(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert weights.local_file(str(path)) == path


def test_the_home_folder_may_be_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "w.safetensors").touch()
    assert weights.local_file("~/w.safetensors") == tmp_path / "w.safetensors"


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pth.tar", ".PT"])
def test_pickles_are_refused_whether_they_are_there_or_not(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    for _ in range(2):
        with pytest.raises(BenchbenchError, match=r"pickle.*convert it with safetensors"):
            weights.local_file(str(path))
        torch.save({}, path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/nowhere/w.safetensors", "there is no such file"),
        ("w.safetensors", "there is no such file"),
        ("/nowhere/w.onnx", "neither a tag nor a .safetensors file"),
    ],
)
def test_what_is_no_file_is_told(text: str, says: str) -> None:
    with pytest.raises(BenchbenchError, match=says):
        weights.local_file(text)


def test_loading_gives_the_saved_values(tmp_path: Path) -> None:
    path, loaded = saved(tmp_path / "w.safetensors"), network()
    weights.load(loaded, path)
    torch.manual_seed(1)
    for name, tensor in network().state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


def test_half_precision_is_loaded_as_float32(tmp_path: Path) -> None:
    def halve(state: dict[str, Tensor]) -> None:
        state.update({name: t.half() for name, t in state.items() if t.is_floating_point()})

    path, loaded = saved(tmp_path / "w.safetensors", halve), network()
    weights.load(loaded, path)
    torch.manual_seed(1)
    expected = network()[0].weight.half().float()
    assert loaded[0].weight.dtype == torch.float32
    assert torch.equal(loaded[0].weight, expected)


def test_the_head_may_be_in_the_file_or_not(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.safetensors")
    headless = network()[:2]
    with pytest.raises(BenchbenchError, match=r"has besides 2.bias, 2.weight\."):
        weights.load(headless, path)
    weights.load(headless, path, ignored={"2.weight", "2.bias"})
    save_file(headless.state_dict(), path)
    weights.load(headless, path, ignored={"2.weight", "2.bias"})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.pop("0.bias"), r"it lacks 0\.bias\.$"),
        (
            lambda state: [state.pop(name) for name in list(state)[:5]],
            r"it lacks 0\.bias, 0\.weight, 1\.bias and 2 more\.$",
        ),
        (lambda state: state.update(extra=torch.ones(1)), r"it has besides extra\.$"),
        (
            lambda state: state.update({"0.bias": torch.ones(9), "z": torch.ones(1)}),
            r"it has besides z; it has in another shape 0\.bias\.$",
        ),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, says) -> None:
    path, loaded = saved(tmp_path / "w.safetensors", change), network()
    before = {name: tensor.clone() for name, tensor in loaded.state_dict().items()}
    with pytest.raises(BenchbenchError, match=says):
        weights.load(loaded, path)
    assert all(torch.equal(before[name], t) for name, t in loaded.state_dict().items())


def test_the_counters_of_batch_norm_may_be_missing(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.safetensors", lambda state: state.pop("1.num_batches_tracked"))
    weights.load(network(), path)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"not weights at all")
    with pytest.raises(BenchbenchError, match="cannot be read as safetensors"):
        weights.load(network(), path)


@pytest.mark.parametrize(
    ("tag", "seen"),
    [
        ("a1_in1k", ("imagenet-1k",)),
        ("augreg_in21k_ft_in1k", ("imagenet-21k", "imagenet-1k")),
        ("IMAGENET1K_SWAG_E2E_V1", ("imagenet-1k", "instagram-3.6b")),
        ("laion2b_s34b_b79k", ("laion-2b",)),
        ("openai", ("openai-wit-400m",)),
        ("lvd142m", ("lvd-142m",)),
        ("mine", ("unknown",)),
        ("begin1k", ("unknown",)),
        ("", ("unknown",)),
    ],
)
def test_the_data_sets_of_a_tag(tag: str, seen: tuple[str, ...]) -> None:
    assert weights.data_sets_of_tag(tag) == seen


@pytest.mark.parametrize(
    ("texts", "seen"),
    [
        ({}, ("unknown",)),
        ({"format": "pt"}, ("unknown",)),
        ({"class_order": "ILSVRC-2012, ascending WordNet id"}, ("imagenet-1k",)),
        ({"pretrained_on": "a+b", "note": "not ImageNet-1k"}, ("a", "b")),
    ],
)
def test_the_data_sets_of_a_file(texts: dict[str, str], seen: tuple[str, ...]) -> None:
    assert weights.data_sets_of_file(texts) == seen


@pytest.mark.parametrize("error", [urllib.error.URLError("no route"), TimeoutError(), OSError()])
def test_a_failed_download_names_the_cure(error: Exception) -> None:
    says = rf"The weights 'x' cannot be downloaded \({type(error).__name__}\).*weights=FILE"
    with pytest.raises(BenchbenchError, match=says), weights.downloading("The weights 'x'", None):
        raise error


def test_other_errors_in_a_download_stay_what_they_are() -> None:
    with pytest.raises(TypeError, match="bug"), weights.downloading("The weights", None):
        raise TypeError("bug")
