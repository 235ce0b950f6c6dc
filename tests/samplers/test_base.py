"""Samplers by name, and what one has to say."""

import pytest
from samplers.toys import pool

from benchbench.errors import BenchbenchError
from benchbench.samplers import FixedSampler, MetaDatasetSampler, Sampler, create_sampler


def test_a_sampler_has_to_say_how_it_draws() -> None:
    with pytest.raises(NotImplementedError):
        Sampler().sample(pool([3, 3]), 1)
    assert Sampler().shape == (None, None, None)


@pytest.mark.parametrize(
    ("sampler", "standard"),
    [
        (FixedSampler(), True),
        (FixedSampler(20, 5, 10, replacement="none"), True),
        (FixedSampler(classes="hierarchy"), False),
        (FixedSampler(prior="dirichlet"), False),
        (FixedSampler(separate_groups=True), False),
        (MetaDatasetSampler(), True),
        (MetaDatasetSampler(max_way=20), False),
        (MetaDatasetSampler(classes="uniform"), False),
        (Sampler(), False),
    ],
)
def test_a_sampler_says_whether_papers_draw_so(sampler: Sampler, standard: bool) -> None:
    assert sampler.standard is standard


@pytest.mark.parametrize("sampler", [FixedSampler(2, 1, 1), FixedSampler(2, 1, 1, prior="natural")])
def test_episodes_know_what_their_sampler_says(sampler: Sampler) -> None:
    assert sampler.sample(pool([3, 3]), 1).standard is sampler.standard


def test_create_sampler_takes_options_and_parameters() -> None:
    assert create_sampler("fixed", way=None, shot=None) == FixedSampler()
    assert create_sampler("fixed[query=3]", way=20, shot=5) == FixedSampler(20, 5, 3)
    assert create_sampler("fixed[way=3]", shot=2) == FixedSampler(way=3, shot=2)
    disjoint = FixedSampler(replacement="none")
    assert create_sampler("fixed", replacement="none") == disjoint
    assert create_sampler("fixed[replacement=none]") == disjoint


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("fixed[way=3]", {"way": 3}, "'fixed\\[way=3\\]' and --way both say way"),
        ("fixde", {}, "no sampler named 'fixde'; did you mean fixed"),
        ("fixed[wya=5]", {}, "did you mean way"),
        ("fixed[way=1]", {}, "fixed: way must be at least 2"),
        ("fixed", {"supports": 3}, "'fixed' has no --supports"),
        ("fixed[replacement=some]", {}, "replacement=some is not one of images, none"),
    ],
)
def test_create_sampler_refuses_in_one_sentence(text, options, message) -> None:
    with pytest.raises(BenchbenchError, match=message):
        create_sampler(text, **options)


def test_samplers_of_variable_shape_have_neither_way_nor_shot_nor_query() -> None:
    sampler = create_sampler("meta_dataset[max_way=20]", way=None, shot=None, replacement=None)
    assert sampler == MetaDatasetSampler(max_way=20)
    assert sampler.shape == (None, None, None)
    for option in ("way", "shot", "query", "replacement"):
        with pytest.raises(BenchbenchError, match=f"'meta_dataset' has no --{option}"):
            create_sampler("meta_dataset", **{option: 1})
