from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from benchbench_plugins.feat import FEAT, SetAttention
from support.learning import make_source
from support.pictures import SMALL, random_images, random_support
from torch import nn

from benchbench.datasets.open_dataset import OpenDataset
from benchbench.learners.metric import class_means
from benchbench.method import Support, Task
from benchbench.training.budget import Budget

TASK = Task("toy", "test", SMALL, 5, 3, 15)
SIZE = 6


def ready(*, silent: bool = False, **parameters: Any) -> FEAT:
    """Random attention, in evaluation; silent: its last layer gives zero."""
    torch.manual_seed(0)
    method = FEAT(**parameters)
    method.network = nn.ModuleDict(method.extra_modules(SIZE, TASK))
    method.network.eval().requires_grad_(False)
    if silent:
        method.network["attention"].output.weight.zero_()
        method.network["attention"].output.bias.zero_()
    return method


def features(count: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(count, SIZE, generator=torch.Generator().manual_seed(seed))


def test_attention_that_adds_nothing_leaves_normalised_prototypes() -> None:
    support, known, asked = random_support(3, 2), features(6), features(4, seed=1)
    prototypes = F.layer_norm(class_means(known, support), (SIZE,))
    expected = -torch.cdist(asked, prototypes).square() / 64
    scores = ready(silent=True).scores(asked, known, support)
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)
    cosine = ready(silent=True, distance="cosine", temperature=2.0).scores(asked, known, support)
    torch.testing.assert_close(cosine, asked @ F.normalize(prototypes, dim=1).T / 2)


def test_attention_is_scaled_and_its_change_is_added_before_the_norm() -> None:
    attention = SetAttention(SIZE).eval().requires_grad_(False)
    vectors = features(3)
    query, key, value = (
        vectors @ getattr(attention, p).weight.T for p in ("query", "key", "value")
    )
    read = torch.softmax(query @ key.T / SIZE**0.5, 1) @ value
    expected = attention.norm(vectors + attention.output(read))
    torch.testing.assert_close(attention(vectors), expected)
    biases = [name for name, _ in attention.named_parameters() if name.endswith("bias")]
    assert biases == ["output.bias", "norm.bias"]


def test_permuting_the_classes_permutes_the_scores() -> None:
    method, support = ready(), random_support(3, 2)
    slots = torch.tensor([2, 0, 1])
    renamed = replace(support, labels=slots[support.labels])
    scores = method.scores(features(4, seed=1), features(6), support)
    again = method.scores(features(4, seed=1), features(6), renamed)
    torch.testing.assert_close(again[:, slots], scores, rtol=1e-4, atol=1e-4)


def test_the_auxiliary_loss_has_each_class_attend_to_itself() -> None:
    method = ready(contrast=0.5, contrast_temperature=4.0)
    support = Support(random_images(4), torch.tensor([0, 1, 1, 2]), 3, "toy")
    labels = torch.tensor([1, 0, 2, 2])
    everything = torch.cat([features(4), features(4, seed=1)])
    of = torch.cat([support.labels, labels])
    attention = method.network["attention"]
    centres = torch.stack([attention(everything[of == k]).mean(0) for k in range(3)])
    scores = -torch.cdist(everything, centres).square() / 4
    found = method.further_loss(features(4, seed=1), labels, features(4), support)
    torch.testing.assert_close(found, F.cross_entropy(scores, of) / 2, rtol=1e-4, atol=1e-4)
    assert ready(contrast=0.0).further_loss(everything, of, everything, support) is None


def test_training_reaches_the_attention_and_the_backbone(dataset: OpenDataset) -> None:
    method = FEAT("conv4[width=4]")
    source = make_source(dataset, method, budget=Budget("smoke", 1))
    method.train(source)
    assert [record.stage for record in source.records] == ["classification", "training"]
    assert (method.network["attention"].norm.bias != 0).any()  # where it began


@pytest.mark.parametrize(("backbone", "rate"), [("conv4", 1e-4), ("resnet12", 2e-4)])
def test_the_papers_rate_is_that_of_the_network(backbone: str, rate: float) -> None:
    recipe = FEAT(backbone).published(TASK)
    assert (recipe["lr"], recipe["rates"], recipe["steps"]) == (rate, {"attention": 10.0}, 20_000)


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"contrast": -1.0}])
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="temperatures must be above 0"):
        FEAT(**wrong)
