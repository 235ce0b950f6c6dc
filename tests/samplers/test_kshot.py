"""Draws of K training images of every class, with the official test images as queries."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samplers.toys import assert_sound, labelled, queries, several, shots

from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, KShotSampler, create_sampler
from benchbench.samplers.base import has_official_test, usual_shots


def parted(training: list[int], test: list[int]) -> SimpleNamespace:
    """A data set of classes with so many training and test images each."""
    data = labelled([a + b for a, b in zip(training, test, strict=True)])
    data.parts = np.full(len(data.labels), "test", dtype="<U5")
    for number, count in enumerate(training):
        images = np.flatnonzero(data.labels == number)
        data.parts[np.random.default_rng(number).permutation(images)[:count]] = "train"
    return data


def outside() -> SimpleNamespace:
    """A data set of which one class is in another split."""
    data = parted([4, 4, 4], [1, 1, 1])
    data.splits = {"train": np.array([1]), "test": np.array([0, 2])}
    return data


def drawn(data: SimpleNamespace, shot: int | str, count: int = 3, start: int = 0):
    return create_sampler(f"kshot[shot={shot}]").sample(ClassPool(data, "test"), count, 4, start)


@several
@given(st.data())
def test_all_classes_have_k_training_images_and_all_their_test_images(data) -> None:
    sizes = st.lists(st.integers(2, 9), min_size=2, max_size=6)
    training = data.draw(sizes)
    test = data.draw(st.lists(st.integers(1, 5), min_size=len(training), max_size=len(training)))
    toy, shot = parted(training, test), data.draw(st.integers(1, min(training)))
    for episode in drawn(toy, shot):
        assert_sound(episode, toy)
        assert sorted(episode.classes) == [*range(len(training))]
        assert (shots(episode) == shot).all()
        assert (toy.parts[episode.support] == "train").all()
        assert sorted(episode.query) == np.flatnonzero(toy.parts == "test").tolist()
        assert queries(episode).tolist() == [test[number] for number in episode.classes]


def test_the_draws_of_one_shot_are_part_of_those_of_two() -> None:
    toy = parted([8] * 5, [3] * 5)
    for fewer, more in zip(drawn(toy, 2), drawn(toy, 5), strict=True):
        assert (fewer.classes == more.classes).all()
        assert set(fewer.support) < set(more.support)
        assert (fewer.query == more.query).all()
        assert (fewer.query_labels == more.query_labels).all()


def test_a_draw_does_not_depend_on_how_many_there_are() -> None:
    toy = parted([8] * 5, [3] * 5)
    many = drawn(toy, 2, count=6)
    assert drawn(toy, 2, count=3).sha256 == many.head(3).sha256
    assert list(drawn(toy, 2, count=2, start=4)) == list(many)[4:]


def test_draws_differ_and_every_training_image_is_as_likely() -> None:
    toy = parted([4] * 3, [1] * 3)
    episodes = drawn(toy, 1, count=600)
    counts = np.bincount(episodes.support, minlength=len(toy.labels))[toy.parts == "train"]
    assert counts.sum() == 600 * 3
    assert counts == pytest.approx(np.full(12, 150), rel=0.3)
    assert len({tuple(episode.classes) for episode in episodes}) == 6


def test_all_shots_are_one_draw() -> None:
    toy = parted([3, 5], [2, 2])
    (episode,) = drawn(toy, "all", count=5)
    assert sorted(episode.support) == np.flatnonzero(toy.parts == "train").tolist()
    assert len(drawn(toy, "all", count=5, start=1)) == 0


def test_protocols_differ_by_shot() -> None:
    protocols = [create_sampler(f"kshot[shot={shot}]").protocol for shot in (1, 16, "all")]
    assert protocols == [
        "allway-1shot-official",
        "allway-16shot-official",
        "allway-allshot-official",
    ]


@pytest.mark.parametrize("preset", ["mieb16", "coop[shot=16]"])
def test_presets_draw_what_kshot_draws(preset: str) -> None:
    pool = ClassPool(parted([16] * 3, [2] * 3), "test")
    expected = create_sampler("kshot[shot=16]").sample(pool, 3, 7)
    assert create_sampler(preset).sample(pool, 3, 7).sha256 == expected.sha256
    assert type(create_sampler(preset)) is KShotSampler


@pytest.mark.parametrize(
    ("text", "shots"),
    [("coop", (1, 2, 4, 8, 16)), ("coop[shot=2]", ()), ("kshot", ()), ("mieb16", ())],
)
def test_presets_have_the_shots_of_their_papers(text: str, shots: tuple[int, ...]) -> None:
    assert usual_shots(text) == shots


@pytest.mark.parametrize(
    ("data", "shot", "sentence"),
    [
        (labelled([4, 4]), 1, "toy does not say which of a class's images are for training"),
        (outside(), 1, "kshot takes all classes, and 1 of the 3 of toy are not in split 'test'"),
        (parted([4], [1]), 1, "kshot needs two classes and split 'test' of toy has 1."),
        (
            parted([4, 2], [1, 1]),
            3,
            "'class 1' in split 'test' of toy has 2 train images",
        ),
        (parted([4, 2], [1, 1]), 3, "and 3 are needed; use --shot 2 or fewer."),
        (parted([4, 2], [1, 0]), 1, "has 0 test images and 1 is needed; kshot needs images of"),
        (
            parted([4, 0], [1, 1]),
            "all",
            "has 0 train images and 1 is needed; kshot needs images of",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said(data, shot, sentence: str) -> None:
    with pytest.raises(BenchbenchError) as raised:
        drawn(data, shot)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("spec", "official"),
    [
        ("kshot[shot=2]", True),
        ("mieb16", True),
        ("fixed[way=5]", False),
        ("meta_dataset", False),
        ("of_a_package_that_is_not_here", False),
    ],
)
def test_a_sampler_says_whether_all_episodes_have_the_official_test(spec, official) -> None:
    assert has_official_test(spec) is official
