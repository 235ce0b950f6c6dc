"""What the two intervals promise, on images: do they hold the truth over fresh test classes?"""

import numpy as np
import pytest

from benchbench.datasets import glyphs_generator
from benchbench.stats import class_interval, mean_interval

ALPHABETS, DIMENSIONS = 16, 32
TEST_CLASSES, EPISODES, WAY, QUERIES = 30, 600, 5, 10
REDRAWS = 200


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """Principal components [classes, drawers, DIMENSIONS] of glyphs at 14 x 14 pixels."""
    alphabets = [glyphs_generator.draw_alphabet(0, index) for index in range(ALPHABETS)]
    images = np.concatenate(alphabets).astype(np.float32) / 255
    classes, drawers, side, _ = images.shape
    small = images.reshape(classes, drawers, side // 2, 2, side // 2, 2).mean(axis=(3, 5))
    pixels = small.reshape(classes * drawers, -1)
    pixels -= pixels.mean(axis=0)
    axes = np.linalg.eigh(pixels.T @ pixels)[1][:, -DIMENSIONS:]
    return (pixels @ axes).reshape(classes, drawers, DIMENSIONS)


def draw(rng: np.random.Generator, episodes: int, total: int, size: int) -> np.ndarray:
    """Without replacement, [episodes, size] of range(total)."""
    return np.argpartition(rng.random((episodes, total)), size - 1, axis=1)[:, :size]


def one_shot(
    rng: np.random.Generator, features: np.ndarray, pool: np.ndarray, episodes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest-mean accuracies [episodes] of 5-way 1-shot episodes, and their classes."""
    classes = pool[draw(rng, episodes, len(pool), WAY)]
    drawers = features.shape[1]
    images = draw(rng, episodes * WAY, drawers, 1 + QUERIES).reshape(episodes, WAY, -1)
    chosen = features[classes[..., None], images]
    support, query = chosen[:, :, 0], chosen[:, :, 1:].reshape(episodes, WAY * QUERIES, -1)
    scores = 2 * query @ support.swapaxes(1, 2) - (support**2).sum(axis=2)[:, None]
    right = scores.argmax(axis=2) == np.repeat(np.arange(WAY), QUERIES)
    return right.mean(axis=1), classes


@pytest.mark.slow
def test_over_classes_covers_fresh_test_classes_and_over_episodes_does_not(features) -> None:
    rng, population = np.random.default_rng(0), np.arange(len(features))
    assert len(population) >= 400
    truth = np.mean([one_shot(rng, features, population, 2000)[0].mean() for _ in range(20)])
    covered = np.zeros(2)
    for _ in range(REDRAWS):
        pool = rng.choice(population, TEST_CLASSES, replace=False)
        accuracy, classes = one_shot(rng, features, pool, EPISODES)
        error = abs(accuracy.mean() - truth)
        intervals = mean_interval(accuracy), class_interval(accuracy, list(classes))
        covered += [error <= half for half in intervals]
    by_episodes, by_classes = covered / REDRAWS
    assert 0.90 <= by_classes <= 0.98
    assert by_episodes < 0.5
