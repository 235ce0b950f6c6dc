"""What is learnt by heart or tuned to the standard episodes shows on fresh ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from benchbench.conformance.fresh import Freshness, Side, Sides, compare_fresh, drawn_sides
from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.problem import Problem
from benchbench.episodes import EpisodeSet
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.participant import Participant
from benchbench.images import Images
from benchbench.method import Classifier, Method, Support
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.system.places import Places
from benchbench.training.budget import Budget

NONCE = Nonce(b"a guess is now and then beyond its interval by chance")
NOWHERE = Places(Path("nowhere"), Path("nowhere"))


class Fair(Method):
    """Guesses at random."""

    name = "fair"

    def adapt(self, support: Support) -> Classifier:
        rng = np.random.default_rng(support.seed)
        return lambda images: torch.from_numpy(rng.random((len(images), support.n_way)))


class Knowing(Fair):
    """Knows some images by heart, with their classes; of others it guesses."""

    name = "knowing"
    known: ClassVar[dict[bytes, int]] = {}

    def adapt(self, support: Support) -> Classifier:
        slots = {
            self.known.get(image.tobytes(), -1): slot
            for image, slot in zip(support.images.array, support.labels.tolist(), strict=True)
        }
        guess = super().adapt(support)

        def classify(images: Images) -> torch.Tensor:
            scores = guess(images)
            for row, image in enumerate(images.array):
                slot = slots.get(self.known.get(image.tobytes(), -2))
                if slot is not None:
                    scores[row, slot] = 2.0
            return scores

        return classify


class Trained(Fair):
    """Remembers what it was trained for."""

    name = "trained"
    tasks: ClassVar[list[str]] = []

    def train(self, source: object) -> None:
        self.tasks.append(source.task.dataset)  # type: ignore[attr-defined]


def episodes_of(dataset: OpenDataset, seed: int = 0) -> EpisodeSet:
    return FixedSampler(query=5).sample(ClassPool(dataset, "test"), 100, seed)


@pytest.fixture
def sides(make_dataset: Callable[..., OpenDataset]) -> Sides:
    standard, fresh = (make_dataset(seed=seed, noise=250) for seed in (0, 1))
    return Sides(
        Side("standard", standard, episodes_of(standard)),
        Side("fresh", fresh, episodes_of(fresh)),
        "episodes",
    )


def compared(method: Method, sides: Sides, folder: Path) -> Freshness:
    problem = Problem.of(sides.standard.dataset)
    return compare_fresh(
        Participant(method), problem, sides, folder, budget=Budget("smoke"), nonce=NONCE
    )


def test_a_method_that_knows_the_standard_images_is_found_out(
    sides: Sides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = sides.standard.dataset
    by_heart = {
        np.asarray(dataset.pixels)[row].tobytes(): int(label)
        for row, label in enumerate(dataset.labels)
    }
    monkeypatch.setattr(Knowing, "known", by_heart)
    found = compared(Knowing(), sides, tmp_path)
    assert found.standard.mean() > 0.9
    assert found.fresh.mean() < 0.4
    assert found.suspicious
    assert "verdict: beyond the interval" in found.summary()
    assert found.as_dict()["suspicious"] is True


def test_an_honest_one_is_within_the_interval(sides: Sides, tmp_path: Path) -> None:
    found = compared(Fair(), sides, tmp_path)
    assert not found.suspicious
    assert found.summary().splitlines()[-1] == "verdict: within the interval"


def test_one_that_is_better_on_the_fresh_side_is_not_suspicious() -> None:
    sides = Sides(*(Side(name, None, [None] * 3) for name in "ab"), "episodes")  # type: ignore[arg-type]
    found = Freshness("any", sides, np.array([0.1, 0.2, 0.15]), np.array([0.9, 0.8, 0.85]))
    assert not found.suspicious
    assert "verdict: below the interval" in found.summary()


def test_where_neither_side_varies_any_difference_is_suspicious() -> None:
    sides = Sides(*(Side(name, None, [None] * 3) for name in "ab"), "episodes")  # type: ignore[arg-type]
    learnt = Freshness("any", sides, np.ones(3), np.full(3, 0.2))
    assert learnt.suspicious
    assert learnt.as_dict()["half_width"] is None
    assert "difference: +80.00 (neither varies)" in learnt.summary()
    assert not Freshness("any", sides, np.ones(3), np.ones(3)).suspicious


def test_both_sides_are_called_by_the_standard_name(sides: Sides, tmp_path: Path) -> None:
    Trained.tasks.clear()
    compared(Trained(), sides, tmp_path)
    assert len(set(Trained.tasks)) == 1
    assert len(Trained.tasks) == 2


def test_fresh_episodes_are_of_a_random_seed_and_of_the_same_classes(
    make_dataset: Callable[..., OpenDataset],
) -> None:
    dataset = make_dataset()
    drawn = [drawn_sides(Problem.of(dataset), "shapes", NOWHERE, count=20) for _ in range(2)]
    assert len({one.fresh.name for one in drawn}) == 2
    for one in drawn:
        assert one.unit == "episodes"
        assert one.standard.episodes.sha256 == drawn[0].standard.episodes.sha256
        assert one.fresh.episodes.sha256 != one.standard.episodes.sha256
        assert one.fresh.dataset is dataset


@pytest.mark.slow
def test_fresh_glyphs_are_of_other_alphabets(places: Places, tmp_path: Path) -> None:
    from benchbench.datasets.opening import open_problems

    (problem,) = open_problems("glyphs", places)
    own = Places(places.data_root, tmp_path)
    sides = drawn_sides(problem, "glyphs", own, seed=5, count=40)
    assert (sides.unit, sides.fresh.name) == ("alphabets", "glyphs[seed=5]")
    assert sides.fresh.dataset.fingerprint != problem.test.fingerprint
    found = compared(Fair(), sides, tmp_path / "weights")
    assert len(found.standard) == len(found.fresh) == 14
    assert "over 14 and 14 alphabets" in found.summary()
