import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from support import learning
from torch import Tensor, nn

from benchbench.datasets.base import OpenDataset
from benchbench.errors import MethodError
from benchbench.method import Classifier, Method, Support
from benchbench.training.budget import FitRecord
from benchbench.training.fit import fit
from benchbench.training.schedules import cosine, step_decay
from benchbench.training.source import TrainingSource


@dataclass
class Regression(Method):
    """A line fitted to points: what the loop does can be computed by hand."""

    name = "regression"
    answers: tuple[float, ...] = ()

    def adapt(self, support: Support) -> Classifier:
        raise AssertionError("validation is scripted")


class Points:
    """y = 3 x - 1, in an order that depends on the step alone."""

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        x = torch.linspace(-1, 1, 16).roll(step)[:8, None]
        return x, 3 * x - 1


class Killed(BaseException):
    pass


def make_source(
    dataset: OpenDataset, folder: Path | None = None, scripted: list[float] | None = None
) -> TrainingSource:
    source = learning.make_source(dataset, Regression(), folder=folder)
    scores = iter(scripted or [])
    source.validate = lambda: next(scores, None)  # type: ignore[method-assign]
    return source


def train(
    source: TrainingSource, stop_at: int | None = None, **options: object
) -> tuple[nn.Linear, FitRecord]:
    torch.manual_seed(0)
    line = nn.Linear(1, 1)
    calls = 0

    def loss(points: tuple[Tensor, Tensor]) -> Tensor:
        nonlocal calls
        if calls == stop_at:
            raise Killed
        calls += 1
        noise = 0.01 * torch.randn(8, 1)  # the random stream is part of what resumes
        return (line(points[0]) + noise - points[1]).square().mean()

    settings = {"steps": 60, "lr": 0.1, **options}
    return line, fit(source, line, loss, Points(), **settings)  # type: ignore[arg-type]


def test_it_learns_and_leaves_the_module_frozen(dataset: OpenDataset) -> None:
    line, record = train(make_source(dataset), steps=200)
    assert line.weight.item() == pytest.approx(3, abs=0.05)
    assert line.bias.item() == pytest.approx(-1, abs=0.05)
    assert not line.training
    assert not any(parameter.requires_grad for parameter in line.parameters())
    assert record.steps == 200
    assert record.validation_accuracy is None


def test_the_best_validation_is_kept_and_ties_go_to_the_first(dataset: OpenDataset) -> None:
    scores = [0.2, 0.9, 0.5, 0.9, 0.1, 0.3]
    line, record = train(make_source(dataset, scripted=scores), validate_every=10)
    assert record.best_step == 20
    assert record.validation_accuracy == 0.9
    stopped, _ = train(make_source(dataset), steps=20, schedule=cosine(60))
    torch.testing.assert_close(line.weight, stopped.weight, rtol=0, atol=0)


def test_patience_ends_training(dataset: OpenDataset) -> None:
    scores = [0.5, 0.6, 0.5, 0.5, 0.5, 0.5]
    _, record = train(make_source(dataset, scripted=scores), validate_every=10, patience=2)
    assert record.steps == 40


@pytest.mark.parametrize("stop_at", [1, 15, 59])
def test_training_that_was_killed_ends_with_the_same_bits(
    dataset: OpenDataset, tmp_path: Path, stop_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchbench.training.fit.CHECKPOINT_SECONDS", 0.0)
    whole, _ = train(make_source(dataset))
    with pytest.raises(Killed):
        train(make_source(dataset, tmp_path), stop_at=stop_at)
    assert (tmp_path / "training.checkpoint").exists()
    resumed, record = train(make_source(dataset, tmp_path))
    assert torch.equal(resumed.weight, whole.weight)
    assert torch.equal(resumed.bias, whole.bias)
    assert record.steps == 60


def test_finished_training_is_loaded_and_not_repeated(dataset: OpenDataset, tmp_path: Path) -> None:
    line, record = train(make_source(dataset, tmp_path))
    loaded, again = train(make_source(dataset, tmp_path), stop_at=0)
    assert torch.equal(loaded.weight, line.weight)
    assert again == record
    assert not loaded.training
    assert not (tmp_path / "training.checkpoint").exists()
    log = json.loads((tmp_path / "training.json").read_text())["log"]
    assert [entry["step"] for entry in log] == list(range(6, 61, 6))


def test_training_whose_weights_are_gone_is_done_again(dataset, tmp_path) -> None:
    line, _ = train(make_source(dataset, tmp_path))
    (tmp_path / "training.safetensors").unlink()
    again, _ = train(make_source(dataset, tmp_path))
    assert torch.equal(again.weight, line.weight)


def test_a_loss_that_is_not_finite_is_the_methods_failure(dataset: OpenDataset) -> None:
    line = nn.Linear(1, 1)
    source, loss = make_source(dataset), lambda _: line.weight.sum() * float("nan")
    with pytest.raises(MethodError, match="training loss is nan at step 1"):
        fit(source, line, loss, Points(), steps=5)


def test_training_leaves_the_global_generators_as_they_were(dataset: OpenDataset) -> None:
    source, line = make_source(dataset), nn.Linear(1, 1)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(source, line, lambda p: line(p[0]).square().mean(), Points(), steps=3)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("bound", "norm"), [("clip_norm", 0.5), ("clip_value", 0.5**0.5)])
def test_gradient_clipping_bounds_the_step(dataset: OpenDataset, bound: str, norm: float) -> None:
    """Both elements of the gradient are far above the bound."""
    norms: list[float] = []
    line = nn.Linear(1, 1)
    seen = torch.optim.AdamW.step

    def loss(points: tuple[Tensor, Tensor]) -> Tensor:
        return 1e3 * (line(points[0]) - points[1]).square().mean()

    def step(self: torch.optim.AdamW, *arguments: object) -> None:
        gradients = [p.grad for g in self.param_groups for p in g["params"]]
        norms.append(float(torch.cat([g.flatten() for g in gradients]).norm()))
        seen(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", step)
        fit(make_source(dataset), line, loss, Points(), steps=4, **{bound: 0.5})  # type: ignore[arg-type]
    assert norms == pytest.approx([norm] * 4, rel=1e-4)


def test_cosine_rises_over_the_warmup_and_falls_to_zero() -> None:
    factor = cosine(steps=110, warmup=10)
    assert [factor(0), factor(9)] == [0.1, 1.0]
    assert factor(60) == pytest.approx(0.5)
    assert factor(110) == pytest.approx(0)
    values = [factor(step) for step in range(10, 111)]
    assert values == sorted(values, reverse=True)


def test_step_decay_halves() -> None:
    factor = step_decay(2000)
    assert [factor(0), factor(1999), factor(2000), factor(4000)] == [1, 1, 0.5, 0.25]
