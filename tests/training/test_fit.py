import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from support import learning
from torch import Tensor, nn

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.errors import MethodError
from benchbench.method import Classifier, Method, Support
from benchbench.training.budget import FitRecord
from benchbench.training.fit import fit
from benchbench.training.schedules import constant, cosine
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


class Numbers:
    """x = step + 1, as a batch of one."""

    def __getitem__(self, step: int) -> Tensor:
        return torch.tensor([[step + 1.0]])


def trained_on_numbers(dataset: OpenDataset, steps: int, **options: object) -> nn.Linear:
    """A line w * x from w = 0, whose loss w * x has the gradient x in w."""
    line = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(line.weight)
    options = {"schedule": constant, **options}
    fit(make_source(dataset), line, lambda x: line(x).sum(), Numbers(), steps=steps, **options)  # type: ignore[arg-type]
    return line


SGD = torch.optim.SGD
NESTEROV = partial(SGD, momentum=0.9, nesterov=True)


@pytest.mark.parametrize(
    ("options", "weight"),
    [
        ({"optimizer": SGD}, -(1 + 2)),
        ({"optimizer": SGD, "accumulate": 2}, -((1 + 2) / 2 + (3 + 4) / 2)),
        ({"optimizer": NESTEROV}, -(1 + 0.9 * 1) - (2 + 0.9 * (0.9 * 1 + 2))),
        ({"optimizer": SGD, "rates": {"weight": 0.5}}, -(1 + 2) / 2),
        ({"optimizer": SGD, "weight_decay": 0.5}, -1 - (2 - 0.5 * 1)),
        ({"optimizer": torch.optim.RMSprop, "lr": 0.01}, -0.01 * (10 + 2 / 0.0499**0.5)),
        (
            {"optimizer": torch.optim.Adam, "lr": 0.5},
            -0.5 * (1 + 0.29 / 0.19 / (4.999 / 1.999) ** 0.5),
        ),
    ],
)
def test_two_steps_of_an_optimizer_by_hand(dataset, options, weight) -> None:
    line = trained_on_numbers(dataset, 2, **{"lr": 1.0, **options})
    assert line.weight.item() == pytest.approx(weight, rel=1e-3)


def test_decay_is_apart_from_the_gradient_in_adamw_alone(dataset: OpenDataset) -> None:
    """In Adam a decay changes a gradient, whose size the first step does not depend on."""
    weights = []
    for optimizer in (torch.optim.AdamW, torch.optim.Adam):
        line = nn.Linear(1, 1, bias=False)
        nn.init.ones_(line.weight)
        options = {"steps": 1, "lr": 0.1, "weight_decay": 0.5, "schedule": constant}
        fit(
            make_source(dataset),
            line,
            lambda x, line=line: line(x).sum(),
            Numbers(),
            optimizer=optimizer,
            **options,
        )
        weights.append(line.weight.item())
    assert weights == pytest.approx([1 * (1 - 0.05) - 0.1, 1 - 0.1])


class Counting(nn.Module):
    """A line, and how often it was asked, which weighs the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(1, 1)
        self.register_buffer("asked", torch.zeros((), dtype=torch.int64))

    def loss(self, points: tuple[Tensor, Tensor]) -> Tensor:
        self.asked += 1
        return (self.line(points[0]) - points[1]).square().mean() / self.asked


OPTIMIZERS = [torch.optim.AdamW, NESTEROV, torch.optim.RMSprop]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_buffers_and_any_optimizer_outlive_an_interruption(
    dataset: OpenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer
) -> None:
    monkeypatch.setattr("benchbench.training.fit.CHECKPOINT_SECONDS", 0.0)

    def trained(folder: Path | None, stop_at: int | None = None) -> dict[str, Tensor]:
        torch.manual_seed(0)
        module = Counting()

        def loss(points: tuple[Tensor, Tensor]) -> Tensor:
            if module.asked == stop_at:
                raise Killed
            return module.loss(points)

        options = {"steps": 6, "accumulate": 2, "rates": {"line.bias": 0.5}}
        source = make_source(dataset, folder)
        fit(source, module, loss, Points(), optimizer=optimizer, lr=0.01, **options)
        return module.state_dict()

    whole = trained(None)
    with pytest.raises(Killed):
        trained(tmp_path, stop_at=7)
    resumed = trained(tmp_path)
    assert whole["asked"] == 12
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())
    loaded = trained(tmp_path, stop_at=0)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in whole.items())
