"""Who may be ranked with whom: the audit decides, and over several sources the worst of them."""

from pathlib import Path
from typing import Any

import pytest
from support.runs import write_run

from benchbench.results.entries import Entry, entries_of
from benchbench.results.standing import Standing, groups, standing, stated, worst
from benchbench.results.stored import read_result

NEW = {
    "inductive": True,
    "undecided": False,
    "stateful": False,
    "stochastic": False,
    "order_dependent": False,
    "accuracy_together": 0.8,
    "accuracy_one_at_a_time": 0.8,
    "batch_norms_on_queries": [],
}
UNSURE = {**NEW, "inductive": None, "undecided": True}
FAILED = {"declared": {}, "reason": "it could not be made: out of memory"}


def entry(root: Path, **options: Any) -> Entry:
    (found,) = entries_of([read_result(write_run(root, "toy", [60, 45], **options))])
    return found


def of_seeds(
    root: Path,
    audits: list[dict[str, Any]],
    protection: dict[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
    **claims: Any,
) -> Standing:
    """The standing of one method whose seeds have these audits."""
    runs = []
    for seed, audit in enumerate(audits):
        runs.append(write_run(root, "toy", [60, 45], audit=audit, declared=claims, seed=seed))
        runs[-1].update(**({} if protection is None else {"protection": protection}))
        runs[-1].update(episodes={**runs[-1].manifest["episodes"], **(facts or {})})
    (found,) = entries_of([read_result(run) for run in runs])
    return standing(found)


@pytest.mark.parametrize(
    ("audits", "claims", "expected"),
    [
        ([NEW], {}, ("inductive", "audit")),
        ([UNSURE], {}, ("undecided", "audit")),
        ([NEW, UNSURE], {}, ("undecided", "audit")),
        ([UNSURE, {**NEW, "inductive": False}], {}, ("transductive", "audit against its claim")),
        ([FAILED], {}, ("inductive", "claim")),
        ([NEW], {"transductive": True}, ("transductive", "claim")),
        ([UNSURE], {"transductive": True}, ("transductive", "claim")),
        ([FAILED], {"transductive": True}, ("transductive", "claim")),
        (
            [{**NEW, "batch_norms_on_queries": ["net.norm"]}],
            {},
            ("transductive", "audit against its claim"),
        ),
    ],
)
def test_who_is_inductive(
    tmp_path: Path, audits: list[dict], claims: dict, expected: tuple[str, str]
) -> None:
    found = of_seeds(tmp_path, audits, **claims)
    assert (found.setting, found.evidence) == expected


def test_why_there_is_no_audit_is_told_unless_nobody_asked_for_one(tmp_path: Path) -> None:
    assert of_seeds(tmp_path / "failed", [FAILED]).audit_reason == FAILED["reason"]
    not_asked = {"reason": "not asked for (--no-audit)"}
    assert of_seeds(tmp_path / "left out", [not_asked]).audit_reason == ""


def test_an_unprotected_run_is_ranked_apart(tmp_path: Path) -> None:
    inline = {"engine": "inline", "protected": False, "files_tried": []}
    found = of_seeds(tmp_path / "inline", [NEW], inline)
    assert (found.group, found.properties) == ("inductive, unprotected", "unprotected")
    worker = {"engine": "worker", "protected": True, "sandbox": True, "files_tried": []}
    assert of_seeds(tmp_path / "worker", [NEW], worker).group == "inductive"
    assert of_seeds(tmp_path / "older", [NEW]).group == "inductive"
    assert worst([found, Standing(evidence="audit")]).group == "inductive, unprotected"


def test_protected_files_that_a_method_tried_to_reach_are_counted(tmp_path: Path) -> None:
    curious = {"engine": "worker", "protected": True, "files_tried": ["/data/a", "/data/b"]}
    found = of_seeds(tmp_path, [NEW, NEW], curious)
    assert (found.files_tried, found.properties) == (2, "reads-files")
    assert found.group == "inductive"


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
    unsure = Standing(setting="undecided", evidence="audit")
    assert worst([audited, unsure]).group == "undecided"
    assert worst([refuted, unsure]).group == "transductive"
    together = worst([audited, seen, refuted])
    assert together.group == "transductive, classes seen"
    assert together.evidence == "audit against its claim"
    assert (together.pretrained_on, together.subject) == ("imagenet-1k", "cub")
    assert together.properties == "stochastic stateful"


def test_groups_come_in_the_order_of_their_cleanness() -> None:
    given = {
        "a": "inductive, images seen",
        "b": "transductive",
        "c": "inductive",
        "d": "transductive, unknown seen",
        "e": "inductive",
        "f": "inductive, unprotected",
        "g": "undecided",
        "h": "undecided, classes seen, unprotected",
    }
    found = groups({name: stated(text) for name, text in given.items()})
    assert list(found.items()) == [
        ("inductive", ["c", "e"]),
        ("transductive", ["b"]),
        ("undecided", ["g"]),
        ("inductive, images seen", ["a"]),
        ("transductive, unknown seen", ["d"]),
        ("inductive, unprotected", ["f"]),
        ("undecided, classes seen, unprotected", ["h"]),
    ]


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("Inductive", "inductive"),
        ("transductive, classes seen", "transductive, classes seen"),
        ("inductive, with a pool", "inductive, with a pool"),
        ("undecided, images seen, unprotected", "undecided, images seen, unprotected"),
        ("inductive, seen", "inductive, seen"),
        ("inductive, validation-labels", "inductive, validation-labels"),
        ("", "unknown"),
    ],
)
def test_a_table_of_figures_may_state_its_groups(text: str, group: str) -> None:
    assert stated(text).group == group


def test_methods_that_were_given_unlabelled_images_are_ranked_apart(tmp_path: Path) -> None:
    uses = {"uses_unlabelled": True}
    assert of_seeds(tmp_path / "none", [NEW], **uses).group == "inductive"
    found = of_seeds(tmp_path / "pool", [NEW], facts={"unlabelled": 25}, **uses)
    assert found.group == "inductive, unlabelled-pool"
    assert stated(found.group).group == found.group
    ignoring = of_seeds(tmp_path / "ignoring", [NEW], facts={"unlabelled": 25})
    assert ignoring.group == "inductive"


@pytest.mark.parametrize(
    ("labels", "group"),
    [
        ({}, "inductive"),
        ({"training_labels": "none"}, "inductive, no-training-labels"),
        ({"training_labels": "validation only"}, "inductive, no-labels-but-validation"),
        ({"training_labels": "fraction"}, "inductive, fraction-of-labels"),
        ({"training_labels": "fraction", "labelled": 0.1}, "inductive, 10%-of-labels"),
        ({"training_labels": "fraction", "labelled": 0.005}, "inductive, 0.5%-of-labels"),
        ({"training_labels": "fraction", "labelled": 1e-7}, "inductive, 0.00001%-of-labels"),
    ],
)
def test_methods_are_ranked_apart_by_the_labels_that_they_learn_from(
    tmp_path: Path, labels: dict[str, Any], group: str
) -> None:
    found = of_seeds(tmp_path, [NEW], **labels)
    assert found.group == group
    assert stated(group).group == group


@pytest.mark.parametrize(
    ("shot", "group"),
    [(0, "inductive"), (5, "inductive, class-attributes"), (None, "inductive, class-attributes")],
    ids=["without a support", "with one", "where shots vary"],
)
def test_attributes_are_ranked_apart_beside_a_support(
    tmp_path: Path, shot: int | None, group: str
) -> None:
    found = of_seeds(tmp_path / "reads", [NEW], facts={"shot": shot}, uses_attributes=True)
    assert found.group == group
    assert stated(group).group == group
    assert of_seeds(tmp_path / "other", [NEW], facts={"shot": shot}).group == "inductive"


def test_a_share_of_labels_keeps_its_place_among_the_words_of_a_group() -> None:
    """Over several sources the properties come in another order than in a group."""
    own, other = Standing(properties="unprotected"), Standing(properties="10%-of-labels")
    group = "inductive, 10%-of-labels, unprotected"
    assert worst([own, other]).group == worst([other, own]).group == group
    assert stated(group) == Standing(properties="10%-of-labels unprotected")


def test_a_word_that_is_no_share_is_not_taken_for_one() -> None:
    assert stated("inductive, some%-of-labels").setting == "inductive, some%-of-labels"
