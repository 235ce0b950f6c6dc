"""The sampler where none is named: of few-shot papers, or all classes at once without a support."""

import pytest
from support.command_line import succeeded

from benchbench.samplers.usual import sampler_and_options

NOTHING = {"way": None, "shot": None, "query": None, "unlabelled": None, "replacement": None}


@pytest.mark.parametrize("shot", [0, (0,)])
def test_no_shot_alone_has_all_classes(shot) -> None:
    assert sampler_and_options(None, {**NOTHING, "shot": shot}) == ("zero_shot", {})
    options = {**NOTHING, "way": (), "shot": shot, "query": 5}
    assert sampler_and_options(None, options) == ("zero_shot", {"query": 5})


@pytest.mark.parametrize(
    ("named", "given"),
    [
        (None, {}),
        (None, {"shot": 1}),
        (None, {"shot": "all"}),
        (None, {"shot": (0, 1)}),
        (None, {"shot": 0, "way": 5}),
        (None, {"shot": (0,), "way": (5, 20)}),
        (None, {"shot": 0, "unlabelled": 0}),
        (None, {"shot": 0, "replacement": "none"}),
        ("fixed", {"shot": 0}),
        ("kshot", {"shot": 0}),
    ],
)
def test_all_else_is_as_it_is_said(named, given) -> None:
    options = NOTHING | given
    assert sampler_and_options(named, options) == (named or "fixed", options)


MAKE = ("episodes", "make", "--dataset", "shapes", "--shot", 0, "--episodes", 2)


def test_what_nobody_asked_for_is_said_with_the_cure() -> None:
    done = succeeded(*MAKE, "--query", 2)
    assert "allway-0shot-2query" in done.stdout
    said = "0 shots: all 160 classes are candidates at once; --way 5 has episodes of five"
    assert said in done.stderr
    named = succeeded(*MAKE[:-4], "--sampler", "zero_shot", "--query", 2, "--episodes", 2)
    assert named.stdout == done.stdout
    assert "candidates" not in named.stderr


def test_a_way_has_episodes_of_so_many_classes() -> None:
    done = succeeded(*MAKE, "--way", 5)
    assert "5way-0shot-15query" in done.stdout
    assert "candidates" not in done.stderr


def test_that_there_is_one_episode_is_said_only_where_more_were_asked_for() -> None:
    assert "; 2 were asked for" in succeeded(*MAKE).stderr
    assert "asked for" not in succeeded(*MAKE[:-2]).stderr
