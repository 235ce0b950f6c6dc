"""Variable way and shot: closed forms, an independent slow version, invariants, frozen hashes."""

import math
import random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samplers.toys import (
    UNLIKELY,
    assert_sound,
    groups_are_apart,
    labelled,
    pool,
    queries,
    several,
    shots,
    tracked,
)
from scipy.stats import chi2_contingency, chisquare, ks_2samp, kstest, triang

from benchbench.episodes import EpisodeSet
from benchbench.errors import BenchbenchError
from benchbench.samplers import ClassPool, MetaDatasetSampler
from benchbench.system.randomness import DRAWN_AT_ONCE, AddressedStream, Numbers

# Episodes are frozen, as those of `fixed`: the hashes of six episodes of `TOY` each, computed once.
TOY = [30, 5, 12, 44, 150, 9, 61, 20, 20, 8]
PARENTS = [("a",) if c < 6 else ("b",) for c in range(10)]
NODES = {"test": [np.arange(6), np.arange(3, 10), np.arange(10)]}
FROZEN = [
    (MetaDatasetSampler(), "ef63eba8fd3fa81ef4c7110cae820aa9da7a044b519d10923db81f37fec5b88e"),
    (
        MetaDatasetSampler(classes="uniform", prior="natural"),
        "a3e3de43abef2ce5ffd38db6110fc23851b439c9130429b9742e00edb3c44299",
    ),
    (
        MetaDatasetSampler(min_way=4, classes="hierarchy", prior="dirichlet"),
        "9718f6dde698b91c87b2f39d951e85001c1d15f0d6f560a1725daa47045bf210",
    ),
    (
        MetaDatasetSampler(classes="graph", separate_groups=True),
        "052e54f05446205bc1b0ff87c597a66bf1d953bf92592093265df762e169aa39",
    ),
]

UNEVEN = [2, 3, 700, 45, 20, 20, 333, 8, 90, 61, 12, 1000, 35, 5, 150, 27, 400, 14, 66, 250] * 3


@pytest.mark.parametrize(("classes", "most"), [(60, 50), (12, 12), (5, 5)])
def test_the_way_is_uniform(classes: int, most: int) -> None:
    drawn = MetaDatasetSampler(max_query=1).sample(pool([2] * classes), 4000)
    times = np.bincount(drawn.class_counts)
    assert not times[:5].any()
    assert len(times) == most + 1
    assert most == 5 or chisquare(times[5:]).pvalue > UNLIKELY


@pytest.mark.parametrize(("size", "expected"), [(2, 1), (3, 1), (13, 6), (20, 10), (21, 10)])
def test_queries_are_half_of_the_class_and_at_most_ten(size: int, expected: int) -> None:
    for episode in MetaDatasetSampler().sample(pool([size] * 8), 20):
        assert queries(episode).tolist() == [expected] * episode.n_way


def test_the_smallest_class_of_the_episode_decides_on_all_queries() -> None:
    data = labelled(UNEVEN)
    for episode in MetaDatasetSampler().sample(ClassPool(data, "test"), 300):
        smallest = min(UNEVEN[c] for c in episode.classes)
        assert queries(episode).tolist() == [min(10, smallest // 2)] * episode.n_way


def test_shots_of_equal_classes_and_weights_are_uniform() -> None:
    """All classes contribute 1 + floor(10 beta) and, their shares being equal, get it back.

    The shares are 1 / way, whose product with a multiple of the way is not always an integer in
    floating point.
    """
    sampler = MetaDatasetSampler(min_weight=1.0, max_weight=1.0)
    each = [set(shots(episode)) for episode in sampler.sample(pool([20] * 50), 1500)]
    assert all(len(values) == 1 for values in each)
    times = np.bincount([values.pop() for values in each])
    assert times[0] == 0
    assert len(times) == 11
    assert chisquare(times[1:]).pvalue > UNLIKELY


def test_the_support_of_many_classes_is_capped() -> None:
    """Fifty classes contribute 1 .. 100 each, but there are 500 images: 10 each in 91 of 100."""
    sampler = MetaDatasetSampler(min_way=50, min_weight=1.0, max_weight=1.0)
    drawn = [set(shots(episode)) for episode in sampler.sample(pool([200] * 50), 1000)]
    assert all(len(values) == 1 for values in drawn)
    times = np.bincount([values.pop() for values in drawn], minlength=11)
    expected = 1000 * np.array([0.01] * 9 + [0.91])
    assert len(times) == 11
    assert chisquare(times[1:], expected).pvalue > UNLIKELY


def test_a_class_contributes_at_most_a_hundred_to_the_size_but_may_have_more_shots() -> None:
    """Five classes of 1000 images: S = 5 (1 + floor(100 beta)), uniform over 5, 10, .., 500."""
    sampler = MetaDatasetSampler(max_way=5, min_weight=1.0, max_weight=1.0)
    drawn = sampler.sample(pool([1000] * 5), 3000)
    assert chisquare(np.bincount(drawn.support_counts // 5, minlength=101)[1:]).pvalue > UNLIKELY
    assert set(drawn.support_counts % 5) == {0}
    uneven = MetaDatasetSampler(max_way=5).sample(pool([1000] * 5), 300)
    assert max(shots(episode).max() for episode in uneven) > 100
    assert uneven.support_counts.max() <= 500


def test_log_weights_are_uniform() -> None:
    """Shares of equal classes differ by exp(a - b); a - b is triangular over +- 2 log 2."""
    sampler = MetaDatasetSampler(max_support=10**7, max_contribution=10**6)
    rows = AddressedStream(seed=3).each(0, 4000, 6)
    drawn = [sampler.shots_of(np.full(5, 10**7), 10, numbers) for numbers in rows]
    ratios = np.log([(each[0] - 1) / (each[1] - 1) for each in drawn if each.sum() > 10**5])
    assert len(ratios) > 3500
    wide = 2 * math.log(2)
    assert kstest(ratios, triang(0.5, loc=-wide, scale=2 * wide).cdf).pvalue > UNLIKELY


def test_large_classes_have_more_shots_in_proportion() -> None:
    """By the total number of images, of which a quarter goes to queries in the small class."""
    sampler = MetaDatasetSampler(max_way=5, min_weight=1.0, max_weight=1.0, max_contribution=10)
    sizes = [40, 80, 80, 120, 80]
    for episode in sampler.sample(pool(sizes), 200):
        own = np.array(sizes)[episode.classes]
        size = next(s for s in range(5, 51, 5) if s >= len(episode.support))
        exact = (1 + (size - 5) * own / 400).astype(int)
        np.testing.assert_array_equal(shots(episode), exact)


class Shape(NamedTuple):
    way: int
    query: int
    size: int
    shots: list[int]


def slow_shape(sizes: list[int], rng: random.Random) -> Shape:
    """An episode's shape, by the rules as they are written down."""
    way = rng.randint(5, min(50, len(sizes)))
    chosen = [sizes[c] for c in rng.sample(range(len(sizes)), way)]
    query = min(10, min(n // 2 for n in chosen))
    beta = rng.random()
    alphas = [rng.uniform(math.log(0.5), math.log(2)) for _ in chosen]
    return Shape(way, query, *slow_shots(chosen, query, beta, alphas))


def slow_shots(
    chosen: list[int], query: int, beta: float, alphas: list[float]
) -> tuple[int, list[int]]:
    size = 0
    for n in chosen:
        size += math.floor(1 + beta * min(100, n - query))
    size = min(500, size)
    weights = [n * math.exp(a) for n, a in zip(chosen, alphas, strict=True)]
    shots = []
    for n, weight in zip(chosen, weights, strict=True):
        share = weight / math.fsum(weights)
        shots.append(min(math.floor(1 + share * (size - len(chosen))), n - query))
    return size, shots


@several
@given(st.lists(st.integers(2, 900), min_size=5, max_size=50), st.integers(0, 2**32))
def test_the_same_random_numbers_give_the_same_shots(sizes: list[int], seed: int) -> None:
    sampler, uniform = MetaDatasetSampler(), np.random.default_rng(seed).random(len(sizes) + 1)
    query = sampler.queries_of(np.array(sizes))
    assert query == min(10, min(sizes) // 2)
    wanted = sampler.shots_of(np.array(sizes), query, Numbers(uniform))
    alphas = [math.log(0.5) + (math.log(2) - math.log(0.5)) * u for u in uniform[1:]]
    size, expected = slow_shots(sizes, query, float(uniform[0]), alphas)
    assert np.minimum(wanted, np.array(sizes) - query).tolist() == expected
    assert len(sizes) <= sum(expected) <= size <= 500


@pytest.fixture(scope="module")
def fast_and_slow() -> tuple[EpisodeSet, list[Shape]]:
    rng = random.Random(11)
    return (
        MetaDatasetSampler().sample(pool(UNEVEN), 3000),
        [slow_shape(UNEVEN, rng) for _ in range(3000)],
    )


def test_way_and_queries_are_distributed_as_in_the_slow_version(fast_and_slow) -> None:
    fast, slow = fast_and_slow
    for ours, theirs in (
        (fast.class_counts, [shape.way for shape in slow]),
        (fast.query_counts // fast.class_counts, [shape.query for shape in slow]),
    ):
        values = np.unique(np.concatenate([ours, theirs]))
        table = [[np.sum(np.asarray(x) == value) for value in values] for x in (ours, theirs)]
        assert chi2_contingency(table).pvalue > UNLIKELY


@pytest.mark.parametrize("part", [np.sum, np.max, np.min, np.median, np.std, len])
def test_shots_are_distributed_as_in_the_slow_version(fast_and_slow, part) -> None:
    fast, slow = fast_and_slow
    ours = [part(shots(episode)) for episode in fast]
    theirs = [part(shape.shots) for shape in slow]
    assert ks_2samp(ours, theirs, method="asymp").pvalue > UNLIKELY


@st.composite
def requests(draw: st.DrawFn) -> tuple[list[int], MetaDatasetSampler]:
    min_way = draw(st.integers(2, 5))
    max_way = draw(st.integers(min_way, 9))
    sampler = MetaDatasetSampler(
        min_way=min_way,
        max_way=max_way,
        max_query=draw(st.integers(1, 12)),
        max_support=draw(st.integers(max_way, 60)),
        max_contribution=draw(st.integers(1, 30)),
        prior=draw(st.sampled_from(["balanced", "natural", "dirichlet"])),
    )
    return draw(st.lists(st.integers(2, 40), min_size=min_way, max_size=12)), sampler


@several
@given(requests(), st.integers(0, 2**32), st.integers(1, 6))
def test_episodes_keep_all_bounds(request_, seed: int, count: int) -> None:
    sizes, sampler = request_
    data = labelled(sizes)
    episodes = sampler.sample(ClassPool(data, "test"), count, seed)
    assert len(episodes) == count
    for episode in episodes:
        assert_sound(episode, data)
        own = np.array(sizes)[episode.classes]
        query = min(sampler.max_query, own.min() // 2)
        assert sampler.min_way <= episode.n_way <= min(sampler.max_way, len(sizes))
        assert shots(episode).min() >= 1
        assert (shots(episode) <= own - query).all()
        assert len(episode.support) <= sampler.max_support
        assert len(episode.query) == query * episode.n_way
        assert sampler.prior != "balanced" or set(queries(episode)) == {query}
        assert (np.diff(episode.support_labels) >= 0).all()


@several
@given(st.integers(0, 300), st.integers(1, 4), st.integers(0, 2**63))
def test_an_episode_is_the_same_alone_and_among_many(start: int, count: int, seed: int) -> None:
    sampler, toy = MetaDatasetSampler(max_support=60, max_query=2, prior="dirichlet"), pool(TOY)
    alone = sampler.sample(toy, count, seed, start=start)
    among = sampler.sample(toy, start + count + 2, seed)
    assert [e.id for e in alone] == [among[start + i].id for i in range(count)]


def test_few_episodes_are_the_beginning_of_many() -> None:
    sampler = MetaDatasetSampler(max_support=60)
    few, many = (sampler.sample(pool(TOY), n) for n in (DRAWN_AT_ONCE, 3 * DRAWN_AT_ONCE + 1))
    assert few == many.head(DRAWN_AT_ONCE)
    assert len({episode.id for episode in many}) == len(many)
    assert len(sampler.sample(pool(TOY), 0)) == 0


def test_classes_slots_and_images_are_drawn_uniformly() -> None:
    data = labelled([9] * 12)
    drawn = MetaDatasetSampler().sample(ClassPool(data, "test"), 2000)
    assert chisquare(np.bincount(drawn.classes)).pvalue > UNLIKELY
    assert chisquare(np.bincount([episode.classes[0] for episode in drawn])).pvalue > UNLIKELY
    # Chi-square over images is only roughly so, since an episode takes several of a class.
    for part in (drawn.support, drawn.query):
        times = np.bincount(part, minlength=108).reshape(-1)
        assert chisquare(times).pvalue > UNLIKELY


def test_queries_are_shuffled() -> None:
    drawn = MetaDatasetSampler(max_way=5).sample(pool([20] * 5), 500)
    neighbours = [(np.diff(episode.query_labels) == 0).mean() for episode in drawn]
    assert np.mean(neighbours) == pytest.approx(9 / 49, abs=0.01)


def test_an_alphabet_is_uniform_and_the_way_uniform_within_it() -> None:
    """Parents of 4, 6 and 60 classes: the first is too small."""
    parents = [("small",)] * 4 + [("middle",)] * 6 + [("large",)] * 60
    toy = pool([4] * 70, hierarchy=parents)
    drawn = MetaDatasetSampler().sample(toy, 3000)
    of = [{parents[c] for c in episode.classes} for episode in drawn]
    assert all(len(each) == 1 for each in of)
    large = np.array([each == {("large",)} for each in of])
    assert chisquare([large.sum(), (~large).sum()]).pvalue > UNLIKELY
    assert not any(each == {("small",)} for each in of)
    assert chisquare(np.bincount(drawn.class_counts[~large])[5:]).pvalue > UNLIKELY
    times = np.bincount(drawn.class_counts[large])
    assert len(times) == 51
    assert chisquare(times[5:]).pvalue > UNLIKELY
    assert chisquare(np.bincount(drawn.classes)[10:]).pvalue > UNLIKELY


def test_a_node_is_uniform_and_all_its_leaves_are_taken() -> None:
    """Nodes of 5, 8, 60 (of which 50 at random) and 400 (too many) leaves."""
    spans = [np.arange(5), np.arange(8), np.arange(10, 70), np.arange(400)]
    toy = pool([4] * 400, nodes={"test": spans})
    drawn = MetaDatasetSampler().sample(toy, 3000)
    ways, times = np.unique(drawn.class_counts, return_counts=True)
    assert ways.tolist() == [5, 8, 50]
    assert chisquare(times).pvalue > UNLIKELY
    below = {5: spans[0], 8: spans[1], 50: spans[2]}
    assert all(set(episode.classes) <= set(below[episode.n_way]) for episode in drawn)
    large = np.concatenate([e.classes for e in drawn if e.n_way == 50])
    assert chisquare(np.bincount(large)[10:]).pvalue > UNLIKELY
    first = [episode.classes[0] for episode in drawn if episode.n_way == 8]
    assert chisquare(np.bincount(first)).pvalue > UNLIKELY
    assert set(MetaDatasetSampler(max_span=400).sample(toy, 100).classes) > set(range(80))


def test_the_classes_parameter_overrules_the_data_set() -> None:
    toy = pool(TOY, hierarchy=PARENTS, nodes=NODES)
    for classes, ways in (
        ("auto", {6, 7, 10}),
        ("graph", {6, 7, 10}),
        ("uniform", set(range(5, 11))),
    ):
        drawn = MetaDatasetSampler(classes=classes).sample(toy, 100)
        assert set(drawn.class_counts) == ways
    with pytest.raises(BenchbenchError, match=r"No parent .* has 7 classes; use min_way=6 or"):
        MetaDatasetSampler(min_way=7, classes="hierarchy").sample(toy, 1)


def traffic(rng: np.random.Generator) -> list[list[int]]:
    """Classes of two to nine tracks with thirty frames each, one of them cut short."""
    return [[30] * int(rng.integers(1, 9)) + [int(rng.integers(1, 30))] for _ in range(12)]


def test_tracks_are_not_torn_apart() -> None:
    data = tracked(traffic(np.random.default_rng(0)))
    drawn = MetaDatasetSampler(separate_groups=True).sample(ClassPool(data, "test"), 150)
    for episode in drawn:
        assert_sound(episode, data)
        assert groups_are_apart(episode, data)
        assert shots(episode).min() >= 1
        assert set(queries(episode)) == {10} or min(np.bincount(data.labels)) < 20
    loose = MetaDatasetSampler().sample(ClassPool(data, "test"), 20)
    assert not all(groups_are_apart(episode, data) for episode in loose)


@several
@given(
    st.lists(st.lists(st.integers(1, 12), min_size=2, max_size=5), min_size=5, max_size=8),
    st.sampled_from(["balanced", "natural", "dirichlet"]),
    st.integers(0, 2**32),
)
def test_any_two_groups_are_enough(sizes: list[list[int]], prior, seed: int) -> None:
    data = tracked(sizes)
    sampler = MetaDatasetSampler(separate_groups=True, prior=prior)
    for episode in sampler.sample(ClassPool(data, "test"), 3, seed):
        assert_sound(episode, data)
        assert groups_are_apart(episode, data)
        assert shots(episode).min() >= 1
        query = min(10, min(sum(sizes[c]) // 2 for c in episode.classes))
        assert len(episode.query) == query * episode.n_way


def test_a_class_of_one_track_is_refused() -> None:
    data = tracked([[5, 5]] * 4 + [[30]])
    with pytest.raises(BenchbenchError) as caught:
        MetaDatasetSampler(separate_groups=True).sample(ClassPool(data, "test"), 1)
    assert str(caught.value) == (
        "The groups of 'class 4' in split 'test' of toy cannot be shared out between a support of "
        "1 and 10 queries; leave the class out, or separate_groups."
    )


def test_groups_have_to_be_known() -> None:
    with pytest.raises(BenchbenchError, match="toy does not say which images belong together"):
        MetaDatasetSampler(separate_groups=True).sample(pool(TOY), 1)


@pytest.mark.parametrize(("sampler", "sha256"), FROZEN, ids=[s.protocol for s, _ in FROZEN])
def test_the_episodes_are_frozen(sampler: MetaDatasetSampler, sha256: str) -> None:
    data = labelled(TOY)
    if sampler.classes != "auto":
        data.hierarchy, data.nodes = PARENTS, NODES
        data.groups = np.array([f"g{i % 4}" for i in range(len(data.labels))])
    assert sampler.sample(ClassPool(data, "test"), 6).sha256 == sha256


def test_the_protocol_names_what_is_off_its_default() -> None:
    assert MetaDatasetSampler().protocol == "meta-dataset"
    assert MetaDatasetSampler(max_way=20, min_weight=1.0).protocol == (
        "meta-dataset-max_way20-min_weight1.0"
    )
    every = MetaDatasetSampler(
        classes="graph", prior="dirichlet", concentration=1.0, separate_groups=True, min_images=4
    )
    assert every.protocol == "meta-dataset-min_images4-graph-dirichlet1.0-groups"
    assert MetaDatasetSampler(classes="uniform", prior="natural").protocol == (
        "meta-dataset-uniform-natural"
    )


@pytest.mark.parametrize(
    ("sizes", "sampler", "message"),
    [
        (
            [9] * 3,
            MetaDatasetSampler(),
            "meta_dataset needs 5 classes and split 'test' of toy has 3; use min_way=3.",
        ),
        (
            [9],
            MetaDatasetSampler(),
            "meta_dataset needs 5 classes and split 'test' of toy has 1; use another split, or "
            "data with more classes.",
        ),
        (
            [9, 9, 9, 9, 1, 9],
            MetaDatasetSampler(),
            "meta_dataset needs 2 images of a class and 'class 4' in split 'test' of toy has 1; "
            "use min_images=2 to leave out such classes.",
        ),
        (
            [9, 9, 9, 9, 1],
            MetaDatasetSampler(min_images=2),
            "meta_dataset needs 5 classes of 2 images or more and split 'test' of toy has 4; use "
            "min_way=4.",
        ),
    ],
    ids=["few classes", "one class", "one image", "few large classes"],
)
def test_what_the_pool_cannot_supply_is_refused_with_a_cure(sizes, sampler, message) -> None:
    with pytest.raises(BenchbenchError) as caught:
        sampler.sample(pool(sizes), 1)
    assert str(caught.value) == message


def test_the_cures_work() -> None:
    assert len(MetaDatasetSampler(min_way=3).sample(pool([9] * 3), 2)) == 2
    drawn = MetaDatasetSampler(min_images=2).sample(pool([9, 9, 9, 9, 1, 9]), 30)
    assert set(drawn.classes) == {0, 1, 2, 3, 5}
    few = MetaDatasetSampler(min_images=2, min_way=4).sample(pool([9, 9, 9, 9, 1]), 30)
    assert set(few.class_counts) == {4}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"min_way": 1}, "needs min_way >= 2"),
        ({"min_way": 60}, "max_way and max_span >= min_way"),
        ({"max_span": 4}, "max_way and max_span >= min_way"),
        ({"max_query": 0}, "needs max_query, max_contribution and min_images >= 1"),
        ({"max_contribution": 0}, "needs max_query, max_contribution and min_images >= 1"),
        ({"min_images": 0}, "needs max_query, max_contribution and min_images >= 1"),
        ({"max_support": 49}, "needs max_support >= max_way"),
        ({"min_weight": 0.0}, "needs 0 < min_weight <= max_weight"),
        ({"min_weight": 3.0}, "needs 0 < min_weight <= max_weight"),
        ({"max_weight": math.nan}, "needs 0 < min_weight <= max_weight"),
        ({"max_weight": math.inf}, "needs 0 < min_weight <= max_weight"),
        ({"classes": "any"}, "needs classes auto or uniform or hierarchy or graph"),
        ({"prior": "flat"}, "needs prior balanced or natural or dirichlet"),
        ({"prior": "dirichlet", "concentration": 0.01}, r"needs a concentration of 0\.1 or more"),
        ({"prior": "natural", "concentration": 3.0}, "a concentration only with prior=dirichlet"),
    ],
)
def test_impossible_parameters_are_refused(parameters, message) -> None:
    with pytest.raises(ValueError, match=message):
        MetaDatasetSampler(**parameters)
