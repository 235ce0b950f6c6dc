"""Related classes, unequal queries and whole groups, in episodes of fixed way and shot."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samplers.toys import (
    UNLIKELY,
    assert_sound,
    column,
    groups_are_apart,
    labelled,
    pool,
    queries,
    seems_independent,
    several,
    shots,
    tracked,
)
from scipy.stats import chisquare
from support.command_line import assert_one_sentence, invoke, succeeded

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.datasets.opening import open_dataset
from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.metrics import accuracy, balanced_accuracy
from benchbench.samplers import ClassPool, FixedSampler
from benchbench.system.places import Places

SIZES = [5, 9, 6, 7, 20, 8, 6, 12]
PARENTS = [("a",)] * 3 + [("b",)] * 4 + [("c",)]
NODES = {"test": [np.arange(4), np.arange(8), np.array([1, 7])]}
# The hashes of four episodes of `related()` each, computed once.
FROZEN = [
    (
        FixedSampler(3, 1, 2, classes="hierarchy"),
        "40b0ed159bb054281a1981f4531865a9894efd548f56c5b4529c44babf061b49",
    ),
    (
        FixedSampler(3, 1, 2, classes="graph", prior="dirichlet", concentration=0.5),
        "448e32eb488feea10e931e93a410416646d79daedbbac768b15da9f42e7ff2d5",
    ),
    (
        FixedSampler(3, 1, 2, prior="natural", separate_groups=True),
        "6d3dcec4f985b0909e2b20cc0bd77f0dff66fe10fbaa173f5491c1b231e5378c",
    ),
]


def related() -> ClassPool:
    data = labelled(SIZES, hierarchy=PARENTS, nodes=NODES)
    data.groups = np.array([f"g{i % 5}" for i in range(len(data.labels))])
    return ClassPool(data, "test")


@pytest.mark.parametrize(("sampler", "sha256"), FROZEN, ids=[s.protocol for s, _ in FROZEN])
def test_the_episodes_are_frozen(sampler: FixedSampler, sha256: str) -> None:
    assert sampler.sample(related(), 4).sha256 == sha256


def test_options_at_their_defaults_leave_the_episodes_as_they_were() -> None:
    plain = FixedSampler(3, 1, 2)
    told = FixedSampler(3, 1, 2, classes="uniform", prior="balanced", separate_groups=False)
    assert told.protocol == "3way-1shot-2query"
    assert told.sample(related(), 4) == plain.sample(related(), 4)


@st.composite
def samplers(draw: st.DrawFn) -> FixedSampler:
    prior = draw(st.sampled_from(["balanced", "natural", "dirichlet"]))
    return FixedSampler(
        way=draw(st.integers(2, 3)),
        shot=draw(st.integers(0, 2)),
        query=draw(st.integers(1, 3)),
        classes=draw(st.sampled_from(["uniform", "auto", "hierarchy", "graph"])),
        prior=prior,
        concentration=draw(st.floats(0.1, 9)) if prior == "dirichlet" else 2.0,
    )


@several
@given(samplers(), st.integers(0, 2**32), st.integers(0, 5))
def test_episodes_are_what_was_asked_for(sampler: FixedSampler, seed: int, count: int) -> None:
    source = related()
    episodes = sampler.sample(source, count, seed)
    assert len(episodes) == count
    for episode in episodes:
        assert_sound(episode, source.dataset)
        assert episode.n_way == sampler.way
        assert shots(episode).tolist() == [sampler.shot] * sampler.way
        assert queries(episode).sum() == sampler.way * sampler.query
        assert sampler.prior != "balanced" or set(queries(episode)) == {sampler.query}
        if sampler.classes == "hierarchy":
            assert len({PARENTS[c] for c in episode.classes}) == 1
        if sampler.classes in ("graph", "auto"):
            assert any(set(episode.classes) <= set(node) for node in NODES["test"])


@several
@given(samplers(), st.integers(0, 300), st.integers(1, 3), st.integers(0, 2**32))
def test_an_episode_is_the_same_alone_and_among_many(sampler, start, count, seed) -> None:
    alone = sampler.sample(related(), count, seed, start=start)
    among = sampler.sample(related(), start + count, seed)
    assert [e.id for e in alone] == [e.id for e in among][start:]


@pytest.fixture(scope="module")
def many() -> EpisodeSet:
    parents = [("a",)] * 4 + [("b",)] * 6 + [("c",)] * 2
    return FixedSampler(3, 2, 3, classes="hierarchy").sample(
        pool([7] * 12, hierarchy=parents), 6000
    )


def test_parents_are_uniform_and_classes_uniform_within_each(many: EpisodeSet) -> None:
    """Of four classes or six: the two parents are as likely, and that of two is too small."""
    classes = column(many, "classes")
    assert chisquare([np.sum(classes[:, 0] < 4), np.sum(classes[:, 0] >= 4)]).pvalue > UNLIKELY
    times = np.bincount(classes.ravel())
    assert len(times) == 10
    for own in (times[:4], times[4:]):
        assert chisquare(own).pvalue > UNLIKELY
    for slot in range(3):
        assert chisquare(np.bincount(classes[classes[:, 0] < 4, slot])).pvalue > UNLIKELY


@pytest.mark.parametrize("part", ["support", "query"])
def test_images_are_drawn_uniformly_within_each_class(many: EpisodeSet, part: str) -> None:
    labels = labelled([7] * 12).labels
    times = np.bincount(getattr(many, part), minlength=len(labels))
    for c in range(10):
        assert chisquare(times[labels == c]).pvalue > UNLIKELY


def test_queries_are_shuffled(many: EpisodeSet) -> None:
    slots = column(many, "query_labels")
    positions = np.broadcast_to(np.arange(9), slots.shape)
    assert seems_independent(positions, slots)
    assert seems_independent(column(many, "classes")[:, 0] % 4, slots[:, 0])


def test_natural_queries_are_in_proportion_to_the_images_that_are_left() -> None:
    """Shot 5 leaves 5, 10 and 30 images, and 3 * 3 queries are dealt 1, 2, 6."""
    expected = np.array([1, 2, 6])
    for episode in FixedSampler(3, 5, 3, prior="natural").sample(pool([10, 15, 35]), 50):
        np.testing.assert_array_equal(queries(episode), expected[episode.classes])


def test_dirichlet_queries_vary_as_their_proportions_do() -> None:
    """The variance of a marginal of Dirichlet(2, 2, 2, 2, 2) is (1/5)(4/5) / 11."""
    drawn = FixedSampler(5, 1, 40, prior="dirichlet").sample(pool([500] * 5), 2000)
    shares = np.array([queries(episode) for episode in drawn]) / 200
    assert shares.mean() == pytest.approx(0.2)
    assert shares.var() == pytest.approx(0.16 / 11, rel=0.05)
    almost_equal = FixedSampler(5, 1, 40, prior="dirichlet", concentration=1e6)
    for episode in almost_equal.sample(pool([500] * 5), 20):
        np.testing.assert_allclose(queries(episode), 40, atol=1)


def test_classes_without_queries_are_scored() -> None:
    drawn = FixedSampler(5, 1, 2, prior="dirichlet", concentration=0.1).sample(pool([30] * 5), 50)
    empty = [episode for episode in drawn if queries(episode).min() == 0]
    assert len(empty) > 25
    for episode in empty:
        right = np.eye(5)[episode.query_labels]
        assert accuracy(right, episode.query_labels) == 1
        assert balanced_accuracy(right, episode.query_labels) == 1


@several
@given(
    st.lists(st.lists(st.integers(1, 6), min_size=3, max_size=6), min_size=3, max_size=5),
    st.sampled_from(["balanced", "natural", "dirichlet"]),
    st.integers(0, 2**32),
)
def test_groups_are_not_torn_apart(sizes: list[list[int]], prior, seed: int) -> None:
    data = tracked(sizes)
    sampler = FixedSampler(3, 1, 2, prior=prior, separate_groups=True)
    for episode in sampler.sample(ClassPool(data, "test"), 3, seed):
        assert_sound(episode, data)
        assert groups_are_apart(episode, data)
        assert shots(episode).tolist() == [1] * 3
        assert len(episode.query) == 6


def test_groups_that_cannot_be_shared_out_are_refused() -> None:
    """There are 40 images in two groups of 20, but 21 shots touch both."""
    twenty = ClassPool(tracked([[20, 20]] * 2), "test")
    assert len(FixedSampler(2, 20, 20, separate_groups=True).sample(twenty, 1)) == 1
    with pytest.raises(BenchbenchError) as caught:
        FixedSampler(2, 21, 19, separate_groups=True).sample(twenty, 1)
    assert str(caught.value) == (
        "The groups of 'class 0' in split 'test' of toy cannot be shared out between a support of "
        "21 and 19 queries; leave the class out, or separate_groups."
    )


def test_what_the_pool_cannot_supply_is_refused_with_a_cure() -> None:
    with pytest.raises(BenchbenchError, match=r"has 6 classes; use --way 4 or classes=uniform\.$"):
        FixedSampler(6, 1, 2, classes="hierarchy").sample(related(), 1)
    with pytest.raises(BenchbenchError, match="5-way needs 5 classes"):
        FixedSampler(classes="hierarchy").sample(pool([20] * 3, hierarchy=PARENTS), 1)


@pytest.mark.parametrize(
    "options", [{"classes": "auto"}, {"prior": "natural"}, {"separate_groups": True}]
)
def test_disjoint_episodes_are_of_any_classes_and_balanced(options) -> None:
    with pytest.raises(ValueError, match="replacement none goes only with classes=uniform"):
        FixedSampler(replacement="none", **options)


def test_shape_and_protocol() -> None:
    assert FixedSampler(prior="natural").shape == (5, 1, None)
    assert FixedSampler(classes="hierarchy").shape == (5, 1, 15)
    everything = FixedSampler(classes="auto", prior="dirichlet", separate_groups=True)
    assert everything.protocol == "5way-1shot-15query-auto-dirichlet2.0-groups"


@pytest.fixture(scope="module")
def glyphs(cache: Path) -> OpenDataset:
    return open_dataset("glyphs", Places(cache, cache))


def alphabets(dataset: OpenDataset, episodes: EpisodeSet) -> list[set[str]]:
    return [{dataset.class_names[c].split("/")[0] for c in e.classes} for e in episodes]


MAKE = ("episodes", "make", "--dataset", "glyphs", "--sampler")


def test_one_alphabet_of_glyphs(glyphs: OpenDataset) -> None:
    drawn = FixedSampler(classes="hierarchy").sample(ClassPool(glyphs, "test"), 300)
    found = alphabets(glyphs, drawn)
    assert all(len(each) == 1 for each in found)
    tested = {name.split("/")[0] for c in glyphs.splits["test"] for name in [glyphs.class_names[c]]}
    assert set.union(*found) == tested


@pytest.mark.data
def test_one_alphabet_of_omniglot(places: Places) -> None:
    omniglot = open_dataset("omniglot", places)
    drawn = FixedSampler(14, 1, 5, classes="hierarchy", separate_groups=True).sample(
        ClassPool(omniglot, "test"), 100
    )
    found = alphabets(omniglot, drawn)
    assert all(len(each) == 1 for each in found)
    assert len(set.union(*found)) == 20


@pytest.mark.usefixtures("glyphs")
def test_the_command_line_makes_them(tmp_path: Path) -> None:
    file = tmp_path / "variable.npz"
    made = succeeded(*MAKE, "meta_dataset", "--episodes", 30, "--seed", 3, "--out", file)
    assert "glyphs, test: 30 episodes meta-dataset, seed 3, sha256 " in made.stdout
    episodes = EpisodeSet.load(file)
    assert len(set(episodes.class_counts)) > 5
    assert episodes.sha256 in invoke(*MAKE, "meta_dataset", "--episodes", 30, "--seed", 3).stdout
    sampler = "fixed[classes=hierarchy,prior=dirichlet]"
    shaped = invoke(*MAKE, sampler, "--way", 10, "--episodes", 5)
    assert "5 episodes 10way-1shot-15query-hierarchy-dirichlet2.0, seed 0" in shaped.stdout


@pytest.mark.usefixtures("glyphs")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *(
            (
                ("meta_dataset", f"--{option}", value),
                f"The sampler 'meta_dataset' has no --{option}; leave it out.",
            )
            for option, value in [("way", 5), ("shot", 5), ("query", 5), ("replacement", "none")]
        ),
        (("meta_dataset[min_way=1]",), "meta_dataset: min_way must be at least 2"),
        (("meta_dataset[clases=auto]",), "did you mean classes?"),
        (("meta_dataset[prior=uniform]",), "prior=uniform is not one of balanced, natural, dir"),
        (("fixed[classes=graph]",), "There is no graph of classes for split 'test' of glyphs; use"),
        (("fixed[classes=hierarchy]", "--way", 60), "of glyphs has 60 classes; use --way "),
    ],
)
def test_mistakes_are_told_in_one_sentence(arguments, message) -> None:
    assert_one_sentence(invoke(*MAKE, *arguments), message)
