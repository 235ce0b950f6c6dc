"""Intervals over draws and over test images: known values and coverage in simulations."""

import numpy as np
import pytest

from benchbench.errors import NoEstimate
from benchbench.stats import mean_interval, over_test_images
from benchbench.stats.intervals import t_quantile


def test_a_single_draw_has_an_interval_over_images_alone() -> None:
    correct = np.array([[1.0, 0.0, 1.0, 1.0]])
    found = over_test_images(correct, np.zeros(4, np.int64))
    assert (found.draws, found.both) == (None, None)
    assert found.images == pytest.approx(mean_interval(correct[0]))


def test_classes_are_strata() -> None:
    """That one class is easier says nothing of other images of both."""
    correct = np.array([[1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]])
    classes = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    variance = 2 * 0.5 / 8**2
    assert over_test_images(correct, classes).images == pytest.approx(
        t_quantile(0.95, 5) * np.sqrt(variance)
    )


def test_equal_draws_add_nothing() -> None:
    row = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    found = over_test_images(np.stack([row, row]), np.zeros(6, np.int64))
    assert (found.draws, found.both) == (None, None)
    assert found.images == pytest.approx(mean_interval(row))


def test_classes_of_one_image_are_one_stratum() -> None:
    correct = np.array([[1.0, 0.0, 1.0, 0.0]])
    alone = over_test_images(correct, np.array([5, 5, 7, 9]))
    assert alone.images == over_test_images(correct, np.array([0, 0, 1, 1])).images
    with pytest.raises(NoEstimate, match="two of a class"):
        over_test_images(correct, np.array([5, 5, 5, 9]))


def test_what_is_alike_has_no_interval() -> None:
    with pytest.raises(NoEstimate, match="equal"):
        over_test_images(np.ones((3, 8)), np.zeros(8, np.int64))


def test_the_intervals_cover_what_they_speak_of() -> None:
    """Logits are sums of effects of class, draw, draw on class, image, and both together."""
    rng = np.random.default_rng(0)
    draws, per_class, ways = 5, 40, 6
    classes = np.repeat(np.arange(ways), per_class)
    of_class = rng.normal(0.5, 0.7, ways)

    def world(draw, image) -> np.ndarray:
        """Logits [D, n] of draws and images that are given by their effects."""
        of_draw, on_class = draw
        return of_class[classes] + of_draw[:, None] + on_class[:, classes] + image

    def drawn(count: int):
        return rng.normal(0, 0.25, count), rng.normal(0, 0.25, (count, ways))

    def accuracy(logits: np.ndarray) -> np.ndarray:
        return (logits + rng.logistic(size=logits.shape) > 0).astype(float)

    truth = np.mean(
        [accuracy(world(drawn(20), rng.normal(0, 1.2, len(classes)))).mean() for _ in range(800)]
    )
    hits = []
    for _ in range(600):
        correct = accuracy(world(drawn(draws), rng.normal(0, 1.2, len(classes))))
        hits.append(abs(correct.mean() - truth) <= over_test_images(correct, classes).both)
    assert 0.92 <= np.mean(hits) <= 0.985
