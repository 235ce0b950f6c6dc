"""The tests of accuracies: how often they blame an honest method, and what they do about it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conformance import faulty_methods as faulty
from scipy import stats

from benchbench.conformance import Bench
from benchbench.conformance.chance import LEVEL, confirmed, must_be_chance
from benchbench.conformance.leakage import _noise_trials, check_noise_images
from benchbench.conformance.outcomes import CheckFailed
from benchbench.images import Images
from benchbench.method import Support

WAY, QUERIES = 5, 75
SEEDS = 60


def fails(test: Callable[..., None], *arguments: object) -> bool:
    try:
        test(*arguments)
    except CheckFailed:
        return True
    return False


def guesses(tests: int, episodes: int, accuracy: float = 1 / WAY, seed: int = 0) -> np.ndarray:
    """Accuracies [tests, episodes] of independent answers."""
    rng = np.random.default_rng(seed)
    return rng.binomial(QUERIES, accuracy, (tests, episodes)) / QUERIES


@pytest.mark.parametrize("episodes", [30, 400])
def test_a_guess_fails_one_test_as_often_as_its_level_says(episodes: int) -> None:
    count = 2000
    failed = sum(fails(must_be_chance, row, 1 / WAY, "") for row in guesses(count, episodes))
    assert stats.binomtest(failed, count, LEVEL).pvalue > 0.001


@pytest.mark.parametrize(("episodes", "departure"), [(400, 0.01), (100, 0.02), (30, 0.04)])
def test_the_power_of_two_tests_is_what_the_documents_say(episodes: int, departure: float) -> None:
    rows = guesses(400, episodes, 1 / WAY + departure)
    failed = np.mean([fails(must_be_chance, row, 1 / WAY, "") for row in rows])
    assert failed**2 > 0.8


@pytest.mark.parametrize(
    ("outcomes", "drawn", "blamed"),
    [([True], [0], False), ([False, True], [0, 1], False), ([False, False], [0, 1], True)],
)
def test_a_failure_must_be_confirmed(outcomes: list[bool], drawn: list[int], blamed: bool) -> None:
    draws = []

    def test(draw: int) -> None:
        draws.append(draw)
        if not outcomes[draw]:
            raise CheckFailed(f"draw {draw}")

    if blamed:
        with pytest.raises(CheckFailed, match="draw 1"):
            confirmed(test)
    else:
        confirmed(test)
    assert draws == drawn


def test_draws_share_neither_episodes_nor_noise(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(faulty.NearestMean)
    first, second = (list(bench.trials(50, draw)) for draw in (0, 1))
    assert len({trial.seed for trial in first + second}) == 100
    before, after = (list(_noise_trials(bench, draw)) for draw in (0, 1))
    assert len(before) == len(after) == bench.chance_episodes
    images = [{image.tobytes() for image in trials[0].query.array} for trials in (before, after)]
    assert not images[0] & images[1]


class FixedHead(faulty.NearestMean):
    """Honest, as before any learning: a fixed head that likes some slots better."""

    def adapt(self, support: Support) -> Callable[[Images], torch.Tensor]:
        generator = torch.Generator()
        bias = torch.tensor([1.0, 0.5, 0.0, 0.0, -0.5])[: support.n_way]

        def classify(images: Images) -> torch.Tensor:
            pixels = torch.from_numpy(images.array.reshape(len(images), -1) / 255 - 0.5).float()
            head = torch.randn(pixels.shape[1], support.n_way, generator=generator.manual_seed(0))
            return pixels @ head * 4 / pixels.shape[1] ** 0.5 + bias

        return classify


def test_a_preference_for_slots_leaves_noise_at_chance(bench_of: Callable[..., Bench]) -> None:
    """Labels are drawn in each episode: p-values are uniform, though episodes share images."""
    on_bench = bench_of(FixedHead)
    p_values, means = [], []
    for seed in range(SEEDS):
        bench = Bench(on_bench.trained, on_bench.dataset, on_bench.task, seed=seed)
        found = np.array([bench.accuracy(trial) for trial in islice(_noise_trials(bench, 0), 30)])
        p_values.append(stats.ttest_1samp(found, 1 / bench.way).pvalue)
        means.append(found.mean())
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert stats.ttest_1samp(means, 1 / WAY).pvalue > 0.01


def test_one_unlucky_draw_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first draw is far from chance and the second is not."""
    rows = {0: guesses(1, 30, 0.1)[0], 1: guesses(1, 30)[0]}
    monkeypatch.setattr("benchbench.conformance.leakage._noise_trials", lambda bench, draw: draw)
    bench = SimpleNamespace(way=WAY, accuracies=lambda draw: rows[draw])
    assert fails(must_be_chance, rows[0], 1 / WAY, "")
    check_noise_images(bench)
    rows[1] = rows[0]
    with pytest.raises(CheckFailed, match="on images of noise"):
        check_noise_images(bench)
