"""The mean of members' probabilities, and what an ensemble declares for its members."""

from dataclasses import replace

import pytest
import torch
from benchbench_plugins.ensemble import Ensemble
from support.pictures import random_images, random_support

from benchbench.backbones import create_backbone
from benchbench.errors import BenchbenchError, MethodError
from benchbench.images import LabelledImages
from benchbench.learners.creation import create_method
from benchbench.method import Task
from benchbench.runs.method_card import MethodCard

WEAK, STRONG = "linear_probe[c=0.1,backbone=pixels]", "linear_probe[c=10.0,backbone=pixels]"
TASK = Task("toy", "5way", (16, 16, 1), 5, 1, 15)


def adapted(spec: str, support):
    method = create_method(spec)
    for one in method.members or (method,):
        one.encoder = create_backbone("pixels", (16, 16, 1))
    return method.adapt(support)


def test_scores_are_the_logarithm_of_the_mean_of_the_probabilities() -> None:
    support, queries = random_support(3, 4), random_images(9, seed=1)
    members = [torch.softmax(adapted(spec, support)(queries), dim=1) for spec in (WEAK, STRONG)]
    scores = adapted(f"ensemble[of={WEAK}+{STRONG}]", support)(queries)
    torch.testing.assert_close(scores.exp(), (members[0] + members[1]) / 2)
    torch.testing.assert_close(scores.exp().sum(1), torch.ones(9).double())


def test_members_that_are_alike_answer_as_one() -> None:
    support, queries = random_support(3, 4), random_images(9, seed=1)
    one = torch.log_softmax(adapted(WEAK, support)(queries), dim=1)
    torch.testing.assert_close(adapted(f"ensemble[of={WEAK}+{WEAK}]", support)(queries), one)


def test_what_one_member_declares_the_ensemble_declares() -> None:
    assert create_method(f"ensemble[of={WEAK}+{STRONG}]").transductive is False
    names = create_method(f"ensemble[of={WEAK}+clip_zero_shot]")
    assert names.uses_class_names
    assert not names.uses_validation
    assert create_method(f"ensemble[of={WEAK}+transductive_finetuning]").transductive
    sweep = create_method("ensemble[of=knn+linear_probe[c=sweep]]")
    assert sweep.uses_validation
    assert MethodCard.of(sweep).described["uses_validation"]
    reason = sweep.skip(TASK)
    assert reason is not None
    assert reason.startswith("linear_probe[c=sweep]: it chooses on an official validation part")


def test_a_member_is_given_no_more_than_it_declares_to_use() -> None:
    seen = []
    method = create_method(f"ensemble[of={WEAK}+linear_probe[c=sweep,backbone=pixels]]")
    for one in method.members:
        one.adapt = lambda support: seen.append(support)
    held_out = LabelledImages(random_images(3), torch.arange(3))
    method.adapt(replace(random_support(3, 1), held_out=held_out, names=("a", "b", "c")))
    without, sweep = seen
    assert sweep.validation is held_out
    for withheld in (lambda: without.validation, lambda: sweep.class_names):
        with pytest.raises(MethodError):
            withheld()


def test_a_member_that_uses_unlabelled_images_is_given_them() -> None:
    seen = []
    method = create_method(f"ensemble[of={WEAK}+uda[backbone=pixels]]")
    assert method.uses_unlabelled
    for one in method.members:
        one.adapt = lambda support: seen.append(support)
    pool = random_images(4)
    method.adapt(replace(random_support(3, 1), pool=pool))
    without, uda = seen
    assert uda.unlabelled is pool
    with pytest.raises(MethodError, match="uses_unlabelled"):
        _ = without.unlabelled


def test_it_is_known_by_the_specs_and_the_code_of_its_members() -> None:
    one, other = (
        MethodCard.of(create_method(f"ensemble[of={spec}+knn]"))
        for spec in ("ridge_probe", "protonet")
    )
    assert one.spec == "ensemble[of=ridge_probe+knn]"
    assert one.source != other.source
    same = MethodCard.of(create_method("ensemble[of=ridge_probe[l2=1024]+knn[k=1]]"))
    assert (same.spec, same.source) == (one.spec, one.source)
    assert one.backbones_of_members == ("conv4", "conv4")


@pytest.mark.parametrize(
    ("of", "reason"), [("knn", "two members"), ("knn+nothing", "nothing"), ("knn+knn[k=x]", "k=x")]
)
def test_mistakes_are_reported(of: str, reason: str) -> None:
    with pytest.raises(BenchbenchError, match=reason):
        create_method(f"ensemble[of={of}]")


def test_the_usual_members_are_a_grid_of_one_method() -> None:
    assert {member.name for member in Ensemble().members} == {"linear_probe"}
