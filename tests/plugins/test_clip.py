"""CLIP's loss against values that were computed by hand, and its pre-training by a command."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support.command_line import process
from torch import Tensor, nn

from benchbench.learners.image_text import info_nce
from benchbench.learners.objective_training import create_objective
from benchbench.learners.pretraining import Pretraining

EYE = torch.eye(2, dtype=torch.float64)


def log_one_plus(scale: float) -> float:
    """log(1 + exp(-s)), what a pair costs whose cosine is 1 beside one of 0."""
    return math.log1p(math.exp(-scale))


@pytest.mark.parametrize("scale", [1.0, 2.0, 1 / 0.07])
def test_pairs_along_the_axes(scale: float) -> None:
    def loss(texts: Tensor) -> float:
        return float(info_nce(EYE, 3 * texts, scale))  # of any length

    assert loss(EYE) == pytest.approx(log_one_plus(scale), abs=1e-9)
    assert loss(EYE.flip(0)) == pytest.approx(scale + log_one_plus(scale), abs=1e-9)
    # One text for both: the rows are even, the columns have a cosine of 1 and one of 0.
    columns = log_one_plus(scale) + scale / 2
    assert loss(EYE[:1].expand(2, 2)) == pytest.approx((math.log(2) + columns) / 2, abs=1e-9)


def test_the_objective_has_the_loss_at_the_encoders_scale() -> None:
    objective: Pretraining = create_objective("clip")
    network: nn.ModuleDict = {"encoder": SimpleNamespace(logit_scale=torch.tensor(2.0).log())}  # type: ignore[assignment]
    found = objective.loss(network, EYE.float(), EYE.float())
    assert float(found) == pytest.approx(0.126928, abs=1e-6)


def test_classes_without_words_are_skipped_by_the_command(tmp_path: Path) -> None:
    done = process("run", "--methods", "knn[pretrain=clip]", "--episodes", 2, "--out", tmp_path)
    assert done.returncode == 2
    assert "the classes of glyphs have no names in words (knn[pretrain=clip])" in done.stderr
