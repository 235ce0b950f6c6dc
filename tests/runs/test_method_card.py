"""What a method is known by: its code, its declarations and its files of weights."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from support.toy_method import Toy

from benchbench.learners.creation import create_method
from benchbench.method import Method
from benchbench.runs import method_card
from benchbench.runs.method_card import source_sha256


def test_an_edited_method_is_another_run(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    file = tmp_path / "fake_edited.py"
    hashes = []
    for body in ("power = 1", "power = 2", "power = 1"):
        file.write_text(f"class Edited:\n    {body}\n")
        module = ModuleType("fake_edited")
        module.__file__ = str(file)
        exec(file.read_text(), module.__dict__)
        monkeypatch.setitem(sys.modules, "fake_edited", module)
        hashes.append(source_sha256(module.Edited))
    assert hashes[0] == hashes[2] != hashes[1]


def imported(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that is made now."""
    file = folder / f"{name}.py"
    file.write_text(text)
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def test_an_edited_base_class_makes_another_run_of_what_is_built_on_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hashes = []
    for number, body in enumerate(("power = 1", "power = 2")):
        text = f"class Base:\n    {body}\n"
        module = imported(tmp_path, f"fake_base_{number}", text, monkeypatch)
        hashes.append(source_sha256(type("Derived", (module.Base,), {})))
    assert hashes[0] != hashes[1]


def test_of_what_a_method_is_built_on_the_core_does_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each other module counts once, the method's own first, whatever it is called."""
    base = "from benchbench import MetricMethod\nclass Base(MetricMethod): ...\n"
    own = "from benchbench_base import Base\nclass First(Base): ...\nclass Second(First): ...\n"
    imported(tmp_path, "benchbench_base", base, monkeypatch)
    module = imported(tmp_path, "benchbench_own", own, monkeypatch)
    both = hashlib.sha256((own + base).encode()).hexdigest()
    assert source_sha256(module.Second) == source_sha256(module.First) == both
    of_the_base = hashlib.sha256(base.encode()).hexdigest()
    assert source_sha256(sys.modules["benchbench_base"].Base) == of_the_base


@pytest.mark.parametrize("home", ["__main__", "builtins", "no_such_module"])
def test_a_method_without_a_file_is_known_by_its_name(
    monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    one, other = (type(name, (), {"__module__": home}) for name in ("One", "Other"))
    assert source_sha256(one) == source_sha256(one)
    assert source_sha256(one) != source_sha256(other)


def test_a_method_is_described_with_its_declarations() -> None:
    assert method_card.describe_method(Toy(limit=3)) == {
        "name": "toy",
        "spec": "toy[limit=3]",
        "parameters": {"rate": 0.5, "limit": 3},
        "transductive": False,
        "order_dependent": False,
        "uses_class_names": False,
        "pretrained_on": ["ImageNet"],
        "paper": "arXiv:0000.00000",
        "package": None,
        "version": None,
    }


def test_an_instance_may_declare_other_than_its_class() -> None:
    toy = Toy()
    toy.order_dependent = True
    assert method_card.describe_method(toy)["order_dependent"] is True
    assert method_card.describe_method(Toy())["order_dependent"] is False


def test_an_installed_method_says_its_package() -> None:
    import benchbench

    class Protonet(Method):
        name = "protonet"

    described = method_card.describe_method(Protonet())
    assert (described["package"], described["version"]) == ("benchbench", benchbench.__version__)


def test_another_file_of_weights_under_the_same_name_is_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "v1.0.safetensors"
    method = Toy()
    method.rate = f"timm:resnet18[weights={path},size=48]"  # type: ignore[assignment]
    assert method_card.weight_files(method) == {}
    seen = []
    for content in (b"one", b"two"):
        path.write_bytes(content)
        seen.append(method_card.weight_files(method)["weight_files"])
    assert [list(files) for files in seen] == [[str(path)]] * 2
    monkeypatch.setenv("HOME", str(tmp_path))
    method.rate = f"timm:resnet18[weights=~/{path.name}]"  # type: ignore[assignment]
    (found,) = method_card.weight_files(method)["weight_files"].values()
    assert found == seen[1][str(path)]
    assert seen[0][str(path)] == hashlib.sha256(b"one").hexdigest() != seen[1][str(path)]


def test_a_method_with_an_edited_plug_in_is_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The core's own plug-ins do not count: `CORE` stands for them."""

    @dataclass
    class Built(Toy):
        name = "built"

    method = Built()
    alone = method_card.MethodCard.of(method).source
    method.further_code = (Method,)
    assert method_card.MethodCard.of(method).source == alone
    found = set()
    for number, body in enumerate(("power = 1", "power = 2")):
        text = f"class Objective:\n    {body}\n"
        method.further_code = (imported(tmp_path, f"fake_{number}", text, monkeypatch).Objective,)
        found.add(method_card.MethodCard.of(method).source)
    assert len(found | {alone}) == 3


@pytest.mark.parametrize(
    ("spec", "further"),
    [
        ("knn", False),
        ("knn[pretrain=simclr]", True),
        ("eszsl", False),
        ("eszsl[vectors=words]", False),
        ("eszsl[pretrain=vicreg]", True),
    ],
)
def test_the_objective_of_a_pre_training_is_such_a_plug_in(spec: str, further: bool) -> None:
    method = create_method(spec)
    own = source_sha256(type(method))
    assert (method_card.MethodCard.of(method).source != own) == further
