"""Who may be ranked with whom: the audit decides, and over several sources the worst of them."""

from pathlib import Path
from typing import Any

import pytest
from support.runs import write_run

from benchbench.results.entries import Entry, entries_of, read_result
from benchbench.results.standing import Standing, groups, standing, stated, worst


def entry(root: Path, **options: Any) -> Entry:
    (found,) = entries_of([read_result(write_run(root, "toy", [60, 45], **options))])
    return found


def test_what_weights_have_seen_depends_on_the_data_set(tmp_path: Path) -> None:
    declared = {"pretrained_on": ["omniglot"]}
    on = {
        name: standing(entry(tmp_path, dataset=name, declared=declared))
        for name in ("glyphs", "omniglot")
    }
    assert on["glyphs"].group == "inductive"
    assert on["omniglot"].group == "inductive, images seen"
    assert (on["omniglot"].pretrained_on, on["omniglot"].subject) == ("omniglot", "omniglot")
    assert worst(list(on.values())).group == "inductive, images seen"


def test_over_several_sources_the_worst_counts_in_every_respect() -> None:
    audited = Standing("glyphs", evidence="audit", properties="stochastic")
    refuted = Standing("shapes", setting="transductive", evidence="audit against its claim")
    seen = Standing("cub", "imagenet-1k", "classes", evidence="audit", properties="stateful")
    assert worst([audited, audited]) == audited
    assert worst([audited, Standing(evidence="claim")]).evidence == "claim"
    assert worst([audited, refuted]).group == "transductive"
    together = worst([audited, seen, refuted])
    assert together.group == "transductive, classes seen"
    assert together.evidence == "audit against its claim"
    assert (together.pretrained_on, together.subject) == ("imagenet-1k", "cub")
    assert together.properties == "stochastic stateful"


def test_groups_come_with_the_contaminated_and_the_transductive_last() -> None:
    given = {
        "a": "inductive, images seen",
        "b": "transductive",
        "c": "inductive",
        "d": "transductive, unknown seen",
        "e": "inductive",
    }
    found = groups({name: stated(text) for name, text in given.items()})
    assert found == {
        "inductive": ["c", "e"],
        "transductive": ["b"],
        "inductive, images seen": ["a"],
        "transductive, unknown seen": ["d"],
    }


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("Inductive", "inductive"),
        ("transductive, classes seen", "transductive, classes seen"),
        ("inductive, with a pool", "inductive, with a pool"),
        ("", "unknown"),
    ],
)
def test_a_table_of_figures_may_state_its_groups(text: str, group: str) -> None:
    assert stated(text).group == group
