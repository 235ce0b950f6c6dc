"""torchvision imports, also where it was built for another torch."""

import subprocess
import sys

import pytest

from benchbench.system import vision

IMPORTS = """
import importlib
import sys

from benchbench.system import vision

assert "torch" not in sys.modules
transforms = vision.torchvision("transforms")
assert transforms.__name__ == "torchvision.transforms"

declared = list(vision._declared)
try:
    importlib.import_module("torchvision")
    from torchvision.transforms import v2
finally:
    assert vision.torchvision() is sys.modules["torchvision"]
    assert vision.torchvision("transforms.v2") is v2
assert vision._declared == declared

import torch

image = torch.arange(16, dtype=torch.uint8).reshape(1, 4, 4)
for flip in (transforms.RandomHorizontalFlip(1.0), v2.RandomHorizontalFlip(1.0)):
    assert torch.equal(flip(image), image.flip(2))
assert transforms.Resize(2)(image).shape == (1, 2, 2)
assert transforms.ToPILImage()(image).size == (4, 4)
assert set(vision.torchvision("datasets").Omniglot.zips_md5) >= {"images_background"}
print(len(declared))
"""


def test_torchvision_works_in_a_fresh_process() -> None:
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", IMPORTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("0\n", "1\n")


class Importing:
    """Stands for `importlib.import_module`: fails with `error` so many times."""

    def __init__(self, error: Exception, failures: int) -> None:
        self.error, self.failures = error, failures
        self.calls: list[str] = []

    def __call__(self, name: str) -> str:
        self.calls.append(name)
        if len(self.calls) <= self.failures:
            raise self.error
        return f"the module {name}"


def attempt(
    monkeypatch: pytest.MonkeyPatch, error: Exception, failures: int, declared: bool = False
) -> tuple[Importing, list[str]]:
    """Replaces the import and the declaration; returns the import and the declarations so far."""
    importing, declarations = Importing(error, failures), []
    monkeypatch.setattr(vision.importlib, "import_module", importing)
    monkeypatch.setattr(vision, "_declared", ["a library"] if declared else [])
    monkeypatch.setattr(vision, "_declare_missing_operators", lambda: declarations.append("now"))
    return importing, declarations


MISSING = RuntimeError("operator torchvision::nms does not exist")


def test_missing_operators_are_declared_and_the_import_repeated(monkeypatch) -> None:
    importing, declarations = attempt(monkeypatch, MISSING, failures=1)
    assert vision.torchvision("models") == "the module torchvision.models"
    assert importing.calls == ["torchvision.models"] * 2
    assert declarations == ["now"]


def test_nothing_is_declared_where_the_import_works(monkeypatch: pytest.MonkeyPatch) -> None:
    importing, declarations = attempt(monkeypatch, MISSING, failures=0)
    assert vision.torchvision() == "the module torchvision"
    assert importing.calls == ["torchvision"]
    assert declarations == []


def test_operators_are_declared_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    importing, declarations = attempt(monkeypatch, MISSING, failures=9, declared=True)
    with pytest.raises(RuntimeError, match="torchvision::nms"):
        vision.torchvision()
    assert len(importing.calls) == 1
    assert declarations == []


@pytest.mark.parametrize(
    "error",
    [RuntimeError("out of luck"), ModuleNotFoundError("No module named 'torchvision'"), OSError()],
    ids=["another operator", "not installed", "not readable"],
)
def test_other_failures_are_raised(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    _, declarations = attempt(monkeypatch, error, failures=9)
    with pytest.raises(type(error)) as caught:
        vision.torchvision()
    assert caught.value is error
    assert declarations == []
