"""Accuracies as they always were: a change of the core that moves one must raise `manifest.CORE`.

Training amplifies rounding: in float32 another processor, or a second thread, moves more answers
than many a changed recipe. So the methods compute in float64 here, on one thread: the rounding of
other processors moves no answer, and what changes the computation moves many.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.command_line import invoke, rows

CONV4 = "backbone=conv4[width=16]"
GOLDEN = {
    "knn[backbone=pixels]": "46 45 47 37 47 45 43 38 41 34 41 46 40 41 45 31 30 44 41 49",
    f"protonet[{CONV4}]": "26 31 34 35 26 29 34 34 26 27 36 40 20 28 33 28 25 19 35 35",
    f"maml[{CONV4}]": "40 40 40 42 35 37 37 34 40 33 40 44 46 41 36 39 32 26 39 42",
    f"finetune[{CONV4},steps=5]": "23 26 17 28 14 25 33 20 14 23 26 26 17 20 22 17 26 16 16 17",
}
"""Correct answers to the 50 queries of each of 20 episodes: of a frozen, a trained and two adapted
methods, the last of which starts from the classifier that several methods share."""

TOLERANCE = 2
"""Correct answers, over all episodes together. Kernels without AVX, those of other libraries and a
second thread move none, and 2 leave room for a tie that a library to come breaks the other way. A
momentum of batch norm of 0.11 for 0.1 moves 29 answers of ProtoNet, an epsilon of Adam of 1e-7 for
1e-8 moves 43 of MAML, the next training episode in each step 118 and 144."""


@pytest.fixture(autouse=True)
def double_precision(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The number of threads, which the command sets, is put back as well."""
    threads = torch.get_num_threads()
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of 60 classes: a class is a coarse pattern, its images are noisy copies."""
    folder = tmp_path_factory.mktemp("patterns")
    rng = np.random.RandomState(0)  # whose numbers NumPy never changes
    for number in range(60):
        pattern = rng.randint(0, 256, (4, 4)).repeat(4, axis=0).repeat(4, axis=1)
        place = folder / f"class {number:02}"
        place.mkdir()
        for index in range(12):
            noisy = np.clip(pattern + rng.randint(-200, 201, pattern.shape), 0, 255)
            Image.fromarray(noisy.astype(np.uint8)).save(place / f"{index:02}.png")
    return f"folder:{folder}[size=16]"


@pytest.mark.parametrize("method", GOLDEN)
def test_accuracies_are_what_they_were(method: str, patterns: str, tmp_path: Path) -> None:
    result = invoke(
        *("run", "--methods", method, "--dataset", patterns, "--query", 10, "--episodes", 20),
        *("--budget", "smoke", "--threads", 1, "--no-fast", "--no-audit", "--out", tmp_path),
    )
    assert result.exit_code == 0, result.output
    correct = [int(row["correct"]) for row in rows(tmp_path)]
    golden = map(int, GOLDEN[method].split())
    moved = sum(abs(now - then) for now, then in zip(correct, golden, strict=True))
    assert moved <= TOLERANCE, (
        f"{moved} answers of {method} have changed. If that is meant, raise CORE in "
        "benchbench/runs/manifest.py, so that stored results are not taken for those of today, and "
        f"put here: {' '.join(map(str, correct))}. If it is not, the core computes something else."
    )
